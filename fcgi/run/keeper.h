/*
 * keeper -- what must happen though nobody asks: idle workers go, over-long leases come back, counts are
 * folded.
 *
 * Exactly one process of all that share the database does it: who holds the advisory lock. When that
 * process dies its connection does, and another has the lock at its next try, KEEPER_TICK_MS later.
 *
 * A worker is gone only when the later of worker.seen and Redis's last-seen is older than the idle
 * time-out, and the database looks again under the worker's lock. What Redis does not know counts for
 * nothing: then worker.seen, which is refreshed each eighth of the time-out, gets that eighth in addition.
 *
 * Threads	one of its own.
 */
#ifndef RUN_KEEPER_H
#define RUN_KEEPER_H

#include "domain/tracker.h"

#define KEEPER_TICK_MS 1000

struct keeper;

struct keeper *keeper_start(struct tracker *t);
void keeper_stop(struct keeper *k);
void keeper_join(struct keeper *k);

#endif
