/*
 * worker -- what the parts of distcompute-worker share.
 *
 * main runs the loop: wait, then desk_tick, then the protocol's tick, each of which looks at
 * everything that is its own and says when it must be called again. Nothing is hidden in call-backs
 * but bookkeeping, so every decision is made in one place from the state at hand.
 *
 * Threads	one.
 * Units	*_us monotonic microseconds.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/backoff.h"
#include "worker/desk.h"
#include "worker/http.h"
#include "worker/item.h"
#include "worker/loop.h"
#include "worker/spool.h"

struct late;
struct sync;
struct v1;

struct worker_options {
	const char *url, *nickname, *spool_dir;
	char stage[2]; /* "a" to "e" */
	struct http_options http;
	struct desk_options desk;
	int64_t wait_s;      /* of a parked call */
	int64_t grace_s;     /* SIGTERM to giving back */
	int64_t exit_idle_s; /* nothing to do this long: stop; 0 = never */
	bool until_done;     /* the stage is finished: stop */
	bool v1;             /* do not try sync */
};

enum stopping { STOP_NOT, STOP_AFTER_JOBS, STOP_NOW };

struct worker {
	struct worker_options o;
	struct loop loop;
	struct http *http;
	struct spool spool;
	struct desk desk;
	struct identity *identities;

	struct late *late; /* speaks for identities of before */
	struct sync *sync; /* one of the two speaks for this one */
	struct v1 *v1;

	enum stopping stopping;
	int64_t give_back_us; /* STOP_AFTER_JOBS turns into STOP_NOW; 0 = never */
	int64_t give_up_us;   /* results that the tracker has not taken by then stay in the spool */
	bool finished;        /* everything is told, the tracker knows that we go */
	bool was_heard;       /* the tracker has answered at least once */
	int exit_code;

	struct backoff backoff; /* of the tracker: shared by all calls */
	bool outage_told;
	char message[512]; /* why there is nothing to do, as told last */
	int64_t message_us;
};

/* The identity of this token, made when it is new. */
struct identity *worker_identity(struct worker *w, const char *token);
/* Who this worker is now; NULL when it is not registered. */
struct identity *worker_present(const struct worker *w);
/* Begins a call's body: {"token":"..."; the object is left open. */
void worker_open_body(struct http_call *c, const struct identity *who);
/* For the path of GET /api/new. */
void worker_put_new_path(const struct worker *w, struct buf *path);
/* Reads the answer to GET /api/new; NULL (and the worker stops or backs off) when it is none. */
struct identity *worker_welcome(struct worker *w, struct http_call *c);

/*
 * Every answer goes through here first. True: the call was answered by the tracker (any status that
 * is not a passing trouble). False: backing off, the same call is to be made again.
 */
bool worker_was_answered(struct worker *w, struct http_call *c);
/* The answer says that the tracker does not know this token (and not that it has no such path). */
bool worker_is_unknown(const struct http_call *c);
/* The tracker's answer in words, for the user: say_clean of its first line. */
char *worker_answer_text(const struct http_call *c, char *out, size_t size);
/* Tells why nothing is to be done, when it changed or now and then. */
void worker_tell_message(struct worker *w, const char *text, size_t len);
void worker_stop(struct worker *w, enum stopping how);
void worker_fail(struct worker *w, int exit_code);

/* "done", "failed", ... with what the tracker said of it; then forgets the item. */
void worker_settle(struct worker *w, struct item *i, const char *status);

#endif
