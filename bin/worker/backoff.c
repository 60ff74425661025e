#include "worker/backoff.h"

#include "base/random.h"

#define FIRST_MS 1000
#define SOON_MS 5000
#define LONGEST_MS 60000
#define SHARE 8 /* of the time that it has lasted */

static int64_t
bounded(int64_t ms, int64_t least, int64_t most)
{
	return ms < least ? least : ms > most ? most : ms;
}

int64_t
backoff_fail(struct backoff *b, int64_t now_us, int64_t retry_after_s)
{
	int64_t asked_ms = bounded(retry_after_s, 0, BACKOFF_ASKED_MAX_S) * 1000;
	int64_t ms = FIRST_MS, most;

	if (b->fails == 0)
		b->since_us = now_us;
	most = bounded((now_us - b->since_us) / 1000 / SHARE, SOON_MS, LONGEST_MS);
	for (int i = 0; i < b->fails && ms < most; i++)
		ms *= 2;
	ms = random_jitter(ms < most ? ms : most, 25);
	if (ms < asked_ms)
		ms = asked_ms + random_below(1000);
	b->fails++;
	b->until_us = now_us + ms * 1000;
	return ms;
}

void
backoff_over(struct backoff *b)
{
	b->fails = 0;
	b->until_us = 0;
}

bool
backoff_holds(const struct backoff *b, int64_t now_us)
{
	return now_us < b->until_us;
}
