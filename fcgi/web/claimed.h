/*
 * claimed -- calls that ask for jobs, and jobs whose answer did not go out.
 */
#ifndef WEB_CLAIMED_H
#define WEB_CLAIMED_H

#include "domain/op.h"
#include "domain/tracker.h"
#include "web/fcgx.h"

/*
 * Submits a claim as its worker's newest call: an older one that waits ends without jobs. Whose calls bring nothing
 * again and again waits a little before the next one, see shared.h.
 */
void claim_submit(struct tracker *t, struct op *op);
/* For how many microseconds that is; 0 from the second time on. For calls that bring results before they ask. */
int64_t claim_debt_wait_us(struct tracker *t, struct op *claim);
/* To its desk, so much later. */
void submit_in_turn(struct tracker *t, struct op *op, int64_t wait_us);
/* As how many calls so many results count that were not accepted. */
int claim_calls_of(size_t items);
/*
 * It is answered, once or more: for what brought nothing its worker owes. `useful`: it did, though no jobs; `items`:
 * results and returns that were not accepted.
 */
void claim_settle(struct tracker *t, struct op *op, bool useful, size_t items);
/*
 * When a call that may be parked for `wait_s` seconds is over; 0 = it does not wait. At most a minute, and
 * half of the idle time-out, for a parked worker says nothing: its next call must be in time.
 */
int64_t claim_wait_until(const struct tracker *t, int64_t arrived_us, int64_t wait_s);
/* Releases what an op was given, when the other end is gone: no attempt is counted. */
void claimed_give_back(struct tracker *t, const struct op *op);
/* The same if the rest of its long answer does not go out; after fcgx_tell. */
void claimed_give_back_unless_told(struct tracker *t, const struct op *op, struct fcgx *fcgx);

#endif
