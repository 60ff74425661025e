/*
 * hand -- the jobs in hand: queue, slots, outcomes. Knows no protocol.
 *
 * The protocol puts items in (hand_add), they are run in the slots, and the protocol finds their
 * outcomes (state ITEM_ENDED, told_by NULL), tells the tracker and lets go (hand_forget).
 *
 * Bad hosts are slowed: from the third failure in a row on, no job is begun for 1 s, 2 s, ... 60 s. What
 * waits for a slot then is given back at once.
 *
 * Ownership	items in the list are the hand's.
 * Threads	one.
 * Units	*_us monotonic microseconds.
 */
#ifndef WORKER_HAND_H
#define WORKER_HAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "worker/guard.h"
#include "worker/item.h"
#include "worker/loop.h"
#include "worker/spool.h"

#define HAND_SLOTS_MAX 1000
#define HAND_MEMORY 4096 /* leases told last: an answer that comes late may bring them again */

struct hand_options {
	char *const *command;
	int slots;
	int64_t max_result; /* bytes */
	int64_t timeout_s;  /* of one run; 0 = none */
	int64_t max_jobs;   /* begun; 0 = any number */
	bool json;          /* outputs are JSON */
	bool chomp;         /* one line end at the end of a text result is dropped */
	bool prefetch;
	struct run_how how;
	const char *url;
};

struct hand {
	struct hand_options o;
	struct loop *loop;
	struct spool *spool;
	struct guard *guard;
	struct item *items; /* oldest first */
	struct item **items_end;
	bool slot_busy[HAND_SLOTS_MAX];
	int queued, running, ended;
	bool closed;                 /* nothing more is begun */
	int64_t begun, done, failed; /* jobs, since the start */
	int fails_in_row;
	int64_t rest_us;       /* nothing is begun before */
	int64_t average_ms;    /* of the last runs; -1 = not known yet */
	int64_t idle_since_us; /* nothing in hand since; 0 = something is */
	bool no_command;       /* the command cannot be executed: the worker must stop */
	struct uuid told[HAND_MEMORY];
	unsigned told_next;
};

void hand_init(struct hand *h, const struct hand_options *o, struct loop *loop, struct spool *spool,
    struct guard *guard);
void hand_fini(struct hand *h);
/* The hand owns it from now on; false (and freed) when this lease is, or was, in hand already. */
bool hand_add(struct hand *h, struct item *i);
/* How many more jobs may be taken in: for free slots, and one ahead a slot while runs are short. */
int hand_wants(const struct hand *h, int64_t now_us);
/* A slot stands empty, and nothing is queued for it. */
bool hand_starves(const struct hand *h);
/* The tracker said that the job is not ours any more. */
void hand_lose(struct hand *h, struct item *i);
/* The tracker has heard its outcome (or never will): also removes its copy in the spool. */
void hand_forget(struct hand *h, struct item *i);
/* Begins nothing more; what is queued ends as OUT_RELEASED. */
void hand_close(struct hand *h);
/* Stops what runs; it ends as OUT_RELEASED. */
void hand_give_back(struct hand *h);
/* Starts, stops and spools what is due; returns when to call again. */
int64_t hand_tick(struct hand *h, int64_t now_us);
/* What runs, in the commands' own words, at most 255 characters; "" when there is nothing to say. */
void hand_progress(const struct hand *h, char *out, size_t size);

#endif
