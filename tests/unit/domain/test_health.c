#include "../test.h"

#include <string.h>

#include "base/random.h"
#include "domain/health.h"

static const struct err refusal = {.kind = ERR_AWAY, .why = "no room"};

static struct shared *
pool(void)
{
	struct shared *s = shared_new();

	shared_enter(s, 1);
	return s;
}

static void
what_was_never_tried_is_not_ill(void **state)
{
	struct health h;

	(void)state;
	health_read(pool(), PART_COMPLETE, &h);
	assert_int_equal(h.good_us, 0);
	assert_int_equal(h.ill_us, 0);
}

static void
an_illness_has_a_beginning_a_reason_and_an_end(void **state)
{
	struct shared *s = pool();
	struct health first, later;

	(void)state;
	health_ill(s, PART_COMPLETE, &refusal, "53100");
	health_read(s, PART_COMPLETE, &first);
	assert_true(first.ill_us > 0);
	assert_string_equal(first.why, "53100");
	health_ill(s, PART_COMPLETE, &refusal, "");
	health_read(s, PART_COMPLETE, &later);
	assert_int_equal(later.ill_us, first.ill_us);
	assert_string_equal(later.why, "53100");
	health_good(s, PART_COMPLETE);
	health_read(s, PART_COMPLETE, &later);
	assert_int_equal(later.ill_us, 0);
	assert_true(later.good_us >= first.ill_us);
	shared_forget(s, 1);
}

static void
jobs_are_not_handed_out_while_any_process_cannot_store_results(void **state)
{
	struct shared *s = pool();

	(void)state;
	assert_true(health_stores_results(s));
	health_ill(s, PART_COMPLETE, &refusal, "53100");
	shared_enter(s, 2);
	health_good(s, PART_COMPLETE);
	assert_false(health_stores_results(s));
	shared_enter(s, 1);
	health_good(s, PART_COMPLETE);
	assert_true(health_stores_results(s));
}

static void
a_desk_that_waits_itself_stops_no_claims(void **state)
{
	struct shared *s = pool();

	(void)state;
	health_ill(s, PART_WORKERS, &refusal, "57014");
	health_ill(s, PART_REDIS, &refusal, "READONLY");
	assert_true(health_stores_results(s));
}

static void
a_server_is_away_from_its_first_ill_part_to_its_last(void **state)
{
	struct shared *s = pool();

	(void)state;
	health_ill(s, PART_CLAIM, &refusal, "");
	health_ill(s, PART_WORKERS, &refusal, "");
	assert_true(health_is_away(s, SERVER_POSTGRES));
	assert_false(health_is_away(s, SERVER_REDIS));
	health_good(s, PART_CLAIM);
	assert_true(health_is_away(s, SERVER_POSTGRES));
	health_good(s, PART_WORKERS);
	assert_false(health_is_away(s, SERVER_POSTGRES));
}

static void
a_dead_process_keeps_nobody_ill(void **state)
{
	struct shared *s = pool();

	(void)state;
	health_ill(s, PART_COMPLETE, &refusal, "");
	shared_forget(s, 1);
	assert_true(health_stores_results(s));
	shared_enter(s, 2);
	health_good(s, PART_CLAIM);
	assert_false(health_is_away(s, SERVER_POSTGRES));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_never_tried_is_not_ill),
	    cmocka_unit_test(an_illness_has_a_beginning_a_reason_and_an_end),
	    cmocka_unit_test(jobs_are_not_handed_out_while_any_process_cannot_store_results),
	    cmocka_unit_test(a_desk_that_waits_itself_stops_no_claims),
	    cmocka_unit_test(a_server_is_away_from_its_first_ill_part_to_its_last),
	    cmocka_unit_test(a_dead_process_keeps_nobody_ill),
	};

	random_open();
	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
