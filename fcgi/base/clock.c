#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static int64_t
read_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
clock_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

void
clock_sleep_ms(int64_t ms)
{
	int64_t until_us = clock_us() + ms * 1000;
	struct timespec until = {
	    .tv_sec = (time_t)(until_us / 1000000),
	    .tv_nsec = (long)(until_us % 1000000) * 1000,
	};

	if (ms <= 0)
		return;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

void
clock_iso(char *out, int64_t wall_us)
{
	/* Rounds down before 1970 too. */
	time_t seconds =
	    (time_t)(wall_us >= 0 ? wall_us / 1000000 : -((-(wall_us + 1)) / 1000000) - 1);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, 32, "-");
}
