/*
 * worker -- who this worker is, what it has brought about, and how it stops. It lies below what speaks
 * to the tracker (sync, v1, late) and knows none of them; the loop above (main.c) drives all.
 *
 * Nothing is hidden in call-backs but bookkeeping: what an answer means is noted here, and the loop acts
 * upon it, so every decision is made in one place from the state at hand.
 *
 * Threads	one.
 * Ownership	worker_open/_close; identities live as long as the worker.
 * Units	*_us monotonic microseconds.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/backoff.h"
#include "worker/guard.h"
#include "worker/hand.h"
#include "worker/http.h"
#include "worker/item.h"
#include "worker/loop.h"
#include "worker/options.h"
#include "worker/spool.h"

enum stopping { STOP_NOT, STOP_AFTER_JOBS, STOP_NOW };

/* Why there is no going on; main.c says it, and ends with its exit status. */
enum trouble {
	TROUBLE_NONE,
	TROUBLE_DISTRUST,   /* the certificate is of nobody whom we trust */
	TROUBLE_NO_TRACKER, /* something else answers there */
	TROUBLE_REFUSED,    /* it will not have us */
	TROUBLE_STAGE       /* it has no such stage */
};

/* What the tracker said to what it was told. */
struct tally {
	int64_t taken;   /* results, also those that it had already */
	int64_t seconds; /* somebody was quicker, and it is counted as a second */
	int64_t late;    /* fenced: handed on meanwhile */
	int64_t refused; /* unknown, or not to be had */
	int64_t failed, flagged, given_back;
};

/* Why all calls wait. */
enum away {
	AWAY_SILENT,  /* no answer, or none that means anything */
	AWAY_BUSY,    /* it asks to come again later */
	AWAY_UNWANTED /* it will not have us, as things are */
};

#define RATE_MINUTES 5

struct worker {
	struct options o;
	struct loop loop;
	struct http *http;
	struct spool spool;
	struct guard guard;
	struct hand hand;
	struct identity *identities;
	char stage[2];          /* its letter; "" = not known yet */
	int64_t idle_timeout_s; /* silence after which the tracker gives us up */

	enum stopping stopping;
	enum trouble trouble;
	char trouble_said[400];
	int64_t give_back_us; /* STOP_AFTER_JOBS turns into STOP_NOW; 0 = never */
	int64_t give_up_us;   /* results that the tracker has not taken by then stay in the spool */
	bool finished;        /* everything is told, the tracker knows that we go */
	int exit_code;

	struct backoff backoff; /* of the tracker: shared by all calls */
	bool was_reached;       /* the tracker has answered at least once */
	bool was_welcome;       /* it has registered us at least once */
	bool away_told;
	enum away away; /* as told last */
	char away_why[300];
	struct tally tally;
	int64_t rate[RATE_MINUTES]; /* results taken, by minute */
	int64_t rate_minute;        /* of the last one */
	char message[512];          /* why there is nothing to do, as told last */
	int64_t message_us;
	bool rests; /* by the last answer: nothing is handed out to it, whatever there is */
};

/* Everything but the identity. */
bool worker_open(struct worker *w, struct err *e);
void worker_close(struct worker *w);

/* The identity of this token, made when it is new. */
struct identity *worker_identity(struct worker *w, const char *token);
/* Who this worker is now; NULL when it is not registered. */
struct identity *worker_present(const struct worker *w);
/* The longest silence that is safe, at most `most_us`. */
int64_t worker_silence_us(const struct worker *w, int64_t most_us);

/* All calls wait. Told once; what the tracker itself says also when it is something else (numbers aside). */
void worker_away(struct worker *w, enum away how, const char *why, int64_t retry_after_s);
/* An answer of use: it is there (again). */
void worker_reached(struct worker *w);
/* Why there is nothing to do: told when it changes (numbers aside), or now and then. A rest is a warning. */
void worker_tell_message(struct worker *w, const char *text, size_t len);

/* Stops as said, unless it stops sooner already. */
void worker_stop(struct worker *w, enum stopping how);
/* For the loop to act upon; the first one counts. */
void worker_note_trouble(struct worker *w, enum trouble what, const char *said);

/*
 * The tracker's word on an item ("accepted", "fenced", ...), which is counted; then the item is
 * forgotten.
 */
void worker_settle(struct worker *w, struct item *i, const char *status);
/* Results taken a minute, lately. */
double worker_rate(const struct worker *w, int64_t now_us);

#endif
