#include "../test.h"

#include "worker/backoff.h"

#define S INT64_C(1000000)

static struct backoff b;

static int
open_all(void **state)
{
	(void)state;
	b = (struct backoff){.fails = 0};
	return 0;
}

static void
is_about(int64_t ms, int64_t want_ms)
{
	assert_in_range(ms, want_ms * 3 / 4, want_ms * 5 / 4);
}

static void
it_doubles_at_each_failure_in_a_row(void **state)
{
	(void)state;
	is_about(backoff_fail(&b, 0, 0), 1000);
	is_about(backoff_fail(&b, 1 * S, 0), 2000);
	is_about(backoff_fail(&b, 3 * S, 0), 4000);
	is_about(backoff_fail(&b, 7 * S, 0), 5000);
	is_about(backoff_fail(&b, 12 * S, 0), 5000);
}

static void
a_long_outage_costs_a_call_a_minute(void **state)
{
	(void)state;
	for (int64_t s = 0; s < 100; s += 5)
		backoff_fail(&b, s * S, 0);
	is_about(backoff_fail(&b, 160 * S, 0), 20000);
	is_about(backoff_fail(&b, 400 * S, 0), 50000);
	is_about(backoff_fail(&b, 100000 * S, 0), 60000);
	is_about(backoff_fail(&b, INT64_C(30000000) * S, 0), 60000);
}

static void
it_holds_until_its_time_and_no_longer(void **state)
{
	int64_t ms = backoff_fail(&b, 50 * S, 0);

	(void)state;
	assert_true(backoff_holds(&b, 50 * S));
	assert_true(backoff_holds(&b, 50 * S + ms * 1000 - 1));
	assert_false(backoff_holds(&b, 50 * S + ms * 1000));
}

static void
what_the_tracker_asks_for_is_obeyed_within_reason(void **state)
{
	(void)state;
	assert_in_range(backoff_fail(&b, 0, 30), 30000, 31000);
	assert_in_range(backoff_fail(&b, 0, INT64_MAX), 600000, 601000);
	b.fails = 0;
	is_about(backoff_fail(&b, 0, -5), 1000);
	b.fails = 0;
	is_about(backoff_fail(&b, 0, INT64_MIN), 1000);
}

static void
the_next_outage_begins_anew(void **state)
{
	(void)state;
	for (int64_t s = 0; s < 1000; s += 50)
		backoff_fail(&b, s * S, 0);
	backoff_over(&b);
	assert_false(backoff_holds(&b, 0));
	is_about(backoff_fail(&b, 2000 * S, 0), 1000);
	is_about(backoff_fail(&b, 2001 * S, 0), 2000);
}

/* Neither of themselves nor when all are told the same. */
static void
no_two_workers_come_back_together(void **state)
{
	(void)state;
	for (int64_t asked_s = 0; asked_s <= 30; asked_s += 30) {
		int64_t first = backoff_fail(&b, 0, asked_s);
		bool differs = false;

		for (int i = 0; i < 50 && !differs; i++) {
			b.fails = 0;
			differs = backoff_fail(&b, 0, asked_s) != first;
		}
		assert_true(differs);
	}
}

#define BACKOFF(name) cmocka_unit_test_setup(name, open_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BACKOFF(it_doubles_at_each_failure_in_a_row),
	    BACKOFF(a_long_outage_costs_a_call_a_minute),
	    BACKOFF(it_holds_until_its_time_and_no_longer),
	    BACKOFF(what_the_tracker_asks_for_is_obeyed_within_reason),
	    BACKOFF(the_next_outage_begins_anew),
	    BACKOFF(no_two_workers_come_back_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
