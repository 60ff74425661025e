/*
 * backoff -- how long to leave a tracker in peace.
 *
 * 1 s, doubled at each failure in a row up to 60 s, a quarter more or less at random, so that a
 * fleet that lost its tracker together does not come back together; never less than the tracker
 * asked for.
 *
 * Units	*_us monotonic microseconds.
 */
#ifndef WORKER_BACKOFF_H
#define WORKER_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
	int fails;        /* in a row */
	int64_t until_us; /* 0 = go */
};

/* Returns how long, in ms, for the user's eyes. */
int64_t backoff_fail(struct backoff *b, int64_t now_us, int64_t retry_after_s);
void backoff_over(struct backoff *b);
bool backoff_holds(const struct backoff *b, int64_t now_us);

#endif
