/*
 * backoff -- how long to leave a tracker in peace.
 *
 * 1 s, doubled at each failure in a row, but not beyond 5 s or an eighth of the time that it has lasted,
 * whichever is more: after a short outage work goes on within seconds, and a long one costs a call a
 * minute. A quarter more or less at random, so that a fleet that lost its tracker together does not
 * come back together. What the tracker asks for is obeyed, within reason.
 *
 * Units	*_us monotonic microseconds.
 */
#ifndef WORKER_BACKOFF_H
#define WORKER_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_ASKED_MAX_S 600 /* the longest that a tracker may send us away, whatever it says */

struct backoff {
	int fails;        /* in a row */
	int64_t since_us; /* the first of them */
	int64_t until_us; /* 0 = go */
};

/* Returns how long, in ms, for the user's eyes. */
int64_t backoff_fail(struct backoff *b, int64_t now_us, int64_t retry_after_s);
void backoff_over(struct backoff *b);
bool backoff_holds(const struct backoff *b, int64_t now_us);

#endif
