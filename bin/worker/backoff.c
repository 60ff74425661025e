#include "worker/backoff.h"

#include "base/random.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 60000

int64_t
backoff_fail(struct backoff *b, int64_t now_us, int64_t retry_after_s)
{
	int64_t ms = BACKOFF_FIRST_MS;

	for (int i = 0; i < b->fails && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	ms = random_jitter(ms, 25);
	if (ms < retry_after_s * 1000)
		ms = retry_after_s * 1000 + random_below(1000);
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
