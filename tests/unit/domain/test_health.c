#include "../test.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
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

/* Of two processes, whichever has the lower number. */
static void
of_two_that_are_ill_the_longest_is_told(void **state)
{
	static const int first_of[][2] = {{1, 2}, {2, 1}};
	struct health h;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct shared *s = pool();

		shared_enter(s, first_of[i][0]);
		health_ill(s, PART_COMPLETE, &refusal, "53100");
		clock_sleep_ms(2);
		shared_enter(s, first_of[i][1]);
		health_ill(s, PART_COMPLETE, &refusal, "57014");
		health_read(s, PART_COMPLETE, &h);
		assert_string_equal(h.why, "53100");
	}
}

static void
an_illness_is_as_old_as_its_beginning(void **state)
{
	struct shared *s = pool();
	struct health first, later;

	(void)state;
	health_ill(s, PART_CLAIM, &refusal, "");
	health_read(s, PART_CLAIM, &first);
	clock_sleep_ms(2);
	health_ill(s, PART_CLAIM, &refusal, "");
	health_read(s, PART_CLAIM, &later);
	assert_int_equal(later.ill_us, first.ill_us);
}

static void
one_servers_illness_is_not_the_others(void **state)
{
	struct shared *s = pool();

	(void)state;
	health_ill(s, PART_REDIS, &refusal, "");
	health_ill(s, PART_CLAIM, &refusal, "");
	health_good(s, PART_CLAIM);
	assert_false(health_is_away(s, SERVER_POSTGRES));
	assert_true(health_is_away(s, SERVER_REDIS));
}

static void
one_use_of_redis_that_works_makes_no_other_well(void **state)
{
	struct shared *s = pool();

	(void)state;
	health_ill(s, PART_NEWS, &refusal, "NOPERM");
	health_good(s, PART_REDIS);
	assert_true(health_is_away(s, SERVER_REDIS));
	health_good(s, PART_NEWS);
	assert_false(health_is_away(s, SERVER_REDIS));
}

static void
who_has_no_redis_is_not_ill_of_it(void **state)
{
	struct shared *s = pool();
	struct redis *r = redis_new("");
	struct err e = ERR_INIT;

	(void)state;
	redis_begin(r);
	redis_put_words(r, "PING", NULL);
	assert_false(redis_flush(r, NULL, NULL, &e));
	health_of_redis(s, PART_PROGRESS, r, false, &e);
	assert_false(health_is_away(s, SERVER_REDIS));
	redis_free(r);
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

/* A part that falls ill and gets well again and again, and how often it was ill though it had said to be well. */
struct patient {
	struct shared *s;
	enum health_part part;
	int overheard;
};

static void *
fall_ill_and_get_well(void *arg)
{
	struct patient *p = arg;
	struct health h;

	for (int i = 0; i < 100000; i++) {
		health_ill(p->s, p->part, &refusal, "");
		health_good(p->s, p->part);
		health_read(p->s, p->part, &h);
		p->overheard += h.ill_us != 0;
	}
	return NULL;
}

static void
who_falls_ill_while_another_gets_well_is_not_overheard(void **state)
{
	struct shared *s = pool();
	struct patient one = {s, PART_CLAIM, 0}, two = {s, PART_COMPLETE, 0};
	pthread_t other;

	(void)state;
	log_open(LOG_ERROR_);
	assert_int_equal(pthread_create(&other, NULL, fall_ill_and_get_well, &one), 0);
	fall_ill_and_get_well(&two);
	pthread_join(other, NULL);
	assert_int_equal(one.overheard + two.overheard, 0);
	assert_false(health_is_away(s, SERVER_POSTGRES));
}

static void
what_the_keeper_itself_met_keeps_it_not_from_hearing(void **state)
{
	struct shared *s = pool();

	(void)state;
	health_ill(s, PART_KEEPER, &refusal, "57014");
	assert_true(health_hears(s));
	health_ill(s, PART_WORKERS, &refusal, "57014");
	assert_false(health_hears(s));
	health_good(s, PART_WORKERS);
	assert_true(health_hears(s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_never_tried_is_not_ill),
	    cmocka_unit_test(an_illness_has_a_beginning_a_reason_and_an_end),
	    cmocka_unit_test(of_two_that_are_ill_the_longest_is_told),
	    cmocka_unit_test(an_illness_is_as_old_as_its_beginning),
	    cmocka_unit_test(one_servers_illness_is_not_the_others),
	    cmocka_unit_test(one_use_of_redis_that_works_makes_no_other_well),
	    cmocka_unit_test(who_has_no_redis_is_not_ill_of_it),
	    cmocka_unit_test(jobs_are_not_handed_out_while_any_process_cannot_store_results),
	    cmocka_unit_test(a_desk_that_waits_itself_stops_no_claims),
	    cmocka_unit_test(a_server_is_away_from_its_first_ill_part_to_its_last),
	    cmocka_unit_test(a_dead_process_keeps_nobody_ill),
	    cmocka_unit_test(who_falls_ill_while_another_gets_well_is_not_overheard),
	    cmocka_unit_test(what_the_keeper_itself_met_keeps_it_not_from_hearing),
	};

	random_open();
	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
