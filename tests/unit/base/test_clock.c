#include "../test.h"

#include <signal.h>
#include <sys/time.h>

#include "base/clock.h"

static void
the_monotonic_clock_never_goes_back(void **state)
{
	int64_t last = clock_us();

	(void)state;
	for (int i = 0; i < 10000; i++) {
		int64_t now = clock_us();

		assert_true(now >= last);
		last = now;
	}
}

static void
wall_time_is_after_2025(void **state)
{
	(void)state;
	assert_true(clock_wall_us() > INT64_C(1735689600000000));
}

static void
iso_writes_utc_to_the_second(void **state)
{
	char out[32];

	(void)state;
	clock_iso(out, 0);
	assert_string_equal(out, "1970-01-01T00:00:00Z");
	clock_iso(out, INT64_C(1795401000999999));
	assert_string_equal(out, "2026-11-23T02:30:00Z");
	clock_iso(out, -1);
	assert_string_equal(out, "1969-12-31T23:59:59Z");
	clock_iso(out, -1000000);
	assert_string_equal(out, "1969-12-31T23:59:59Z");
}

static void
iso_of_an_endless_time_stays_in_its_room(void **state)
{
	char out[32];

	(void)state;
	clock_iso(out, INT64_MAX);
	clock_iso(out, INT64_MIN);
	assert_in_range(out[0], 1, 127);
}

static void
on_alarm(int signal)
{
	(void)signal;
}

static void
a_sleep_is_whole_though_signals_come(void **state)
{
	const struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};
	int64_t before;

	(void)state;
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	before = clock_us();
	clock_sleep_ms(60);
	assert_true(clock_us() - before >= 60000);
	setitimer(ITIMER_REAL, &never, NULL);
}

static void
a_sleep_of_nothing_returns(void **state)
{
	(void)state;
	clock_sleep_ms(0);
	clock_sleep_ms(-5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_monotonic_clock_never_goes_back),
	    cmocka_unit_test(wall_time_is_after_2025),
	    cmocka_unit_test(iso_writes_utc_to_the_second),
	    cmocka_unit_test(iso_of_an_endless_time_stays_in_its_room),
	    cmocka_unit_test(a_sleep_is_whole_though_signals_come),
	    cmocka_unit_test(a_sleep_of_nothing_returns),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
