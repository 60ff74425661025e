/*
 * parked -- calls that wait for work, holding a descriptor and memory but no thread.
 *
 * How they come	a committer puts a claim that got nothing and may wait; oldest first, by stage and by what the
 *		worker has.
 * How they leave	work appeared (parked_wake: back into the claims' queue), the wait is over, the client
 *		hung up, a newer call of the same worker came, or the process stops. A woken call that
 *		still gets nothing comes back to its old place.
 * Who rests	v1's calls wait here until their worker has rested, or somebody ended its rest; no work wakes them.
 * Who is too early	a registration that is to be asked for again, and a claim of who asked in vain again and again: nothing
 *		but time wakes it.
 *
 * Between a claim's question and its parking, work may appear: wake-ups are numbered, and a call that was asked
 * before the last one for what it has is not parked but asked again.
 *
 * Threads	any; one thread of its own watches deadlines and hang-ups.
 * Units	*_us: monotonic microseconds.
 */
#ifndef RUN_PARKED_H
#define RUN_PARKED_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/tracker.h"

struct parked;

/* At most so many in the whole pool. */
struct parked *parked_start(struct tracker *t, int64_t most);
/* Answers all without jobs; no call is parked any more. */
void parked_stop(struct parked *p);
void parked_join(struct parked *p);

/* Before a claim's question is sent: what was known then. */
void parked_mark(struct parked *p, struct op *op);
/* True: parked (or put back into the queue); false: it is the caller's to answer, and says if it is crowded. */
bool parked_put(struct parked *p, struct op *op);
/* It is asked for so much later. False: there is no room, and it is the caller's. */
bool parked_delay(struct parked *p, struct op *op, int64_t after_us);
/* `count` jobs of the stage can be had by who has what they need: wakes the oldest such calls that want them. */
void parked_wake(struct parked *p, int stage, uint64_t needs, int64_t count);
/* So many microseconds from now they can be had. */
void parked_wake_later(
    struct parked *p, int stage, uint64_t needs, int64_t after_us, int64_t count);
/*
 * `count` jobs of the stage appeared. What they need is not known: where it matters, or may (`unsure`: a load may
 * have brought needs along), the counts are looked at before anybody is woken.
 */
void parked_appeared(struct parked *p, int stage, int64_t count, bool unsure);
/* Ends the waiting call of this worker, if one is here. */
void parked_end(struct parked *p, const struct uuid *token);

#endif
