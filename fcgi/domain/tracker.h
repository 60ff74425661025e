/*
 * tracker -- what every room of one process shares: settings, queues, who is here.
 *
 * Made once by main after the fork and handed down; nothing here is a global.
 *
 * Threads	fields are set before threads start; each object guards itself.
 * Ownership	run/process.c's.
 */
#ifndef DOMAIN_TRACKER_H
#define DOMAIN_TRACKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/queue.h"
#include "domain/op.h"
#include "domain/settings.h"
#include "domain/shared.h"

/*
 * Ops that may wait for each other share a queue; those that should overlap do not: while a
 * bundle of results is at the disk, claims go on.
 */
enum desk { DESK_CLAIM, DESK_COMPLETE, DESK_WORKERS, DESK_READ, DESK_FETCH, DESK_ACT, DESKS };

struct presence;
struct beats;
struct counts;
struct stages;
struct page_cache;
struct parked;
struct herald;

struct tracker {
	const struct settings *settings;
	const char *project_id;
	const char *redis_prefix; /* "tracker:ID:" */
	struct shared *shared;
	atomic_int in_flight; /* requests accepted and not yet answered */
	struct queue desk[DESKS];
	struct presence *presence;
	struct beats *beats;
	struct counts *counts;
	struct stages *stages;    /* those of now; settings->stages are those of the start */
	struct page_cache *pages; /* web/page_cache's */
	struct parked *parked;    /* run/parked's */
	struct herald *herald;    /* run/herald's */

	/* Upwards: work for `stage` appeared here, `count` jobs of it. run/herald's, any thread. */
	void (*work_appeared)(struct tracker *t, int stage, int64_t count);
	/*
	 * Upwards: work of `stage` that needs this waits for its turn; so many us from now `count` jobs of it have
	 * theirs. run/parked's, any thread.
	 */
	void (*work_later)(
	    struct tracker *t, int stage, uint64_t needs, int64_t after_us, int64_t count);
	/*
	 * Upwards: the op goes to its desk again so much later. False: there is no room, it is the caller's. run/parked's,
	 * any thread.
	 */
	bool (*submit_later)(struct tracker *t, struct op *op, int64_t after_us);
	/* Upwards: the worker asks anew; an older waiting call of it ends. run/parked's, any thread. */
	void (*newer_call)(struct tracker *t, const struct uuid *token);
	/* Upwards: this worker is gone, or changed: other hosts should ask again. */
	void (*worker_changed)(struct tracker *t, const struct uuid *token);
};

/* Into the queue of its kind. When the process is stopping the op is answered with ERR_AWAY. */
void op_submit(struct tracker *t, struct op *op);

/* After a commit that touched jobs: cached counts are old. */
void tracker_counts_changed(struct tracker *t);

#endif
