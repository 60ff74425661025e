/*
 * desk -- the jobs in hand: queue, slots, outcomes. Knows no protocol.
 *
 * The protocol puts items in (desk_add), the desk runs them in its slots, and the protocol finds
 * their outcomes (state ITEM_ENDED, told_by NULL), tells the tracker and lets go (desk_forget).
 *
 * Bad hosts are slowed: from the third failure in a row on, no job is begun for 1 s, 2 s, ... 60 s.
 *
 * Ownership	items in the list are the desk's.
 * Threads	one.
 * Units	*_us monotonic microseconds.
 */
#ifndef WORKER_DESK_H
#define WORKER_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "worker/item.h"
#include "worker/loop.h"
#include "worker/spool.h"

#define DESK_SLOTS_MAX 1000
#define DESK_MEMORY 4096 /* leases told last: an answer that comes late may bring them again */

struct desk_options {
	char *const *command;
	int slots;
	int64_t max_result; /* bytes */
	int64_t timeout_s;  /* of one run; 0 = none */
	int64_t max_jobs;   /* begun; 0 = any number */
	bool json;          /* outputs are JSON */
	bool chomp;         /* one line end at the end of a text result is dropped */
	bool prefetch;
	bool quiet;
	const char *url;
};

struct desk {
	struct desk_options o;
	struct loop *loop;
	struct spool *spool;
	struct item *items; /* oldest first */
	struct item **items_end;
	bool slot_busy[DESK_SLOTS_MAX];
	int queued, running, ended;
	bool closed;                 /* nothing more is begun */
	int64_t begun, done, failed; /* jobs, since the start */
	int fails_in_row;
	int64_t rest_us;       /* nothing is begun before */
	int64_t average_ms;    /* of the last runs; -1 = not known yet */
	int64_t idle_since_us; /* nothing in hand since; 0 = something is */
	bool no_command;       /* the command cannot be executed: the worker must stop */
	struct uuid told[DESK_MEMORY];
	unsigned told_next;
};

void desk_init(
    struct desk *d, const struct desk_options *o, struct loop *loop, struct spool *spool);
void desk_fini(struct desk *d);
/* The desk owns it from now on; false (and freed) when this lease is, or was, in hand already. */
bool desk_add(struct desk *d, struct item *i);
/* How many more jobs may be taken in: for free slots, and one ahead a slot while runs are short. */
int desk_wants(const struct desk *d, int64_t now_us);
/* A slot stands empty, and nothing is queued for it. */
bool desk_starves(const struct desk *d);
/* The tracker said that the job is not ours any more. */
void desk_drop(struct desk *d, struct item *i);
/* The tracker has heard its outcome (or never will): also removes its copy in the spool. */
void desk_forget(struct desk *d, struct item *i);
/* Begins nothing more; what is queued ends as OUT_RELEASED. */
void desk_close(struct desk *d);
/* Stops what runs; it ends as OUT_RELEASED. */
void desk_give_back(struct desk *d);
/* Starts, stops and spools what is due; returns when to call again. */
int64_t desk_tick(struct desk *d, int64_t now_us);
/* What runs, in the commands' own words, at most 255 characters; "" when there is nothing to say. */
void desk_progress(const struct desk *d, char *out, size_t size);

#endif
