/*
 * keeper -- what must happen though nobody asks: idle workers go, over-long leases come back, counts are
 * folded.
 *
 * Every process looks each tick what the stages are called. The rest is done once:
 * exactly one process of all that share the database does it: who holds the advisory lock. When that
 * process dies its connection does, and another has the lock at its next try, KEEPER_TICK_MS later. When its
 * host is frozen or cut off, PostgreSQL ends a session that has been idle for KEEPER_IDLE; so a keeper
 * that was frozen finds its connection gone, and asks for the lock like anybody else.
 *
 * A worker is gone only when the later of worker.seen and Redis's last-seen is older than the idle
 * time-out, and the database looks again under the worker's lock. What Redis does not know counts for
 * nothing: then worker.seen, which is refreshed each eighth of the time-out, gets that eighth in addition.
 * Each tick looks at a bounded number of workers, and goes on where the one before ended.
 *
 * Time in which nobody could be heard is nobody's silence. While everything works the keeper notes that it
 * does; a gap of more than KEEPER_GAP_S between two notes (the tracker was down, PostgreSQL away or refusing,
 * the machine asleep, the clock put forward) is not counted, nor the KEEPER_GRACE_S after it.
 *
 * Threads	one of its own.
 */
#ifndef RUN_KEEPER_H
#define RUN_KEEPER_H

#include "domain/tracker.h"

#define KEEPER_TICK_MS 1000
#define KEEPER_IDLE "6s" /* with the tick of another: taken over within 10 s */
#define KEEPER_GAP_S 3
#define KEEPER_GRACE_S                                                                             \
	120 /* or the idle time-out, if that is less: workers find their way back in it */

struct keeper;

struct events;

/* Events are borrowed until keeper_join. */
struct keeper *keeper_start(struct tracker *t, struct events *events);
void keeper_stop(struct keeper *k);
void keeper_join(struct keeper *k);

#endif
