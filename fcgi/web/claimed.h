/*
 * claimed -- calls that ask for jobs, and jobs whose answer did not go out.
 */
#ifndef WEB_CLAIMED_H
#define WEB_CLAIMED_H

#include "domain/op.h"
#include "domain/tracker.h"
#include "web/fcgx.h"

/*
 * Submits a claim as its worker's newest call: an older one that waits ends without jobs. Whose claims bring nothing
 * again and again waits a little before the next one, see shared.h.
 */
void claim_submit(struct tracker *t, struct op *op);
/* It is answered: for what brought nothing its worker owes. `useful`: it did, though no jobs. */
void claim_settle(struct tracker *t, struct op *op, bool useful);
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
