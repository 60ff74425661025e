#include "../test.h"

#include "base/clock.h"
#include "domain/presence.h"

static const struct worker_id worker = {.id = 17, .stage = 2};

static struct uuid
token(uint32_t n)
{
	return hash_128(&n, sizeof(n));
}

static void
a_stranger_is_not_known(void **state)
{
	struct presence *p = presence_new(shared_new(), 1000000);
	struct uuid t = token(1);
	struct worker_id found;

	(void)state;
	assert_false(presence_find(p, &t, &found));
	presence_free(p);
}

static void
who_was_put_is_found(void **state)
{
	struct shared *shared = shared_new();
	struct presence *p = presence_new(shared, 1000000);
	struct uuid t = token(1);
	struct worker_id found;

	(void)state;
	presence_put(p, &t, shared_generation(shared, &t), &worker);
	assert_true(presence_find(p, &t, &found));
	assert_int_equal(found.id, 17);
	assert_int_equal(found.stage, 2);
	presence_free(p);
}

static void
a_change_told_by_any_process_ends_the_belief(void **state)
{
	struct shared *shared = shared_new();
	struct presence *here = presence_new(shared, 1000000);
	struct uuid t = token(1);
	struct worker_id found;

	(void)state;
	presence_put(here, &t, shared_generation(shared, &t), &worker);
	shared_bump(shared, &t);
	assert_false(presence_find(here, &t, &found));
	presence_free(here);
}

static void
an_answer_older_than_a_change_is_not_believed(void **state)
{
	struct shared *shared = shared_new();
	struct presence *p = presence_new(shared, 1000000);
	struct uuid t = token(1);
	uint32_t before = shared_generation(shared, &t);
	struct worker_id found;

	(void)state;
	shared_bump(shared, &t); /* while PostgreSQL was asked */
	presence_put(p, &t, before, &worker);
	assert_false(presence_find(p, &t, &found));
	presence_free(p);
}

static void
who_was_asked_for_after_a_change_is_believed_again(void **state)
{
	static const struct worker_id anew = {.id = 18, .stage = 3};
	struct shared *shared = shared_new();
	struct presence *p = presence_new(shared, 1000000);
	struct uuid t = token(1);
	struct worker_id found;

	(void)state;
	presence_put(p, &t, shared_generation(shared, &t), &worker);
	shared_bump(shared, &t);
	presence_put(p, &t, shared_generation(shared, &t), &anew);
	assert_true(presence_find(p, &t, &found));
	assert_int_equal(found.id, 18);
	assert_int_equal(found.stage, 3);
	presence_free(p);
}

/* Words as a label, and a label as words, are something else. */
static void
what_is_said_is_told_apart_by_all_of_it(void **state)
{
	uint64_t said = presence_words("gpu", "1.5", 3);

	(void)state;
	assert_true(said != 0 && presence_words(NULL, NULL, 0) != 0);
	assert_true(said == presence_words("gpu", "1.5 and more", 3));
	assert_true(said != presence_words("1.5", "gpu", 3));
	assert_true(said != presence_words("gpu", "1.6", 3));
	assert_true(said != presence_words("cpu", "1.5", 3));
	assert_true(presence_words("same", "same", 4) != presence_words("other", "other", 5));
}

static void
an_entry_is_asked_for_again_when_it_is_old(void **state)
{
	struct shared *shared = shared_new();
	struct presence *p = presence_new(shared, 20000);
	struct uuid t = token(1);
	struct worker_id found;

	(void)state;
	presence_put(p, &t, shared_generation(shared, &t), &worker);
	assert_true(presence_find(p, &t, &found));
	clock_sleep_ms(25);
	assert_false(presence_find(p, &t, &found));
	presence_free(p);
}

static void
memory_is_bounded_and_the_newest_stay(void **state)
{
	struct shared *shared = shared_new();
	struct presence *p = presence_new(shared, 60000000);
	struct uuid first = token(0), last = token(2 * PRESENCE_MOST - 1);
	struct worker_id found;

	(void)state;
	for (uint32_t i = 0; i < 2 * PRESENCE_MOST; i++) {
		struct uuid t = token(i);

		presence_put(p, &t, shared_generation(shared, &t), &worker);
	}
	assert_false(presence_find(p, &first, &found));
	assert_true(presence_find(p, &last, &found));
	presence_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_stranger_is_not_known),
	    cmocka_unit_test(who_was_put_is_found),
	    cmocka_unit_test(a_change_told_by_any_process_ends_the_belief),
	    cmocka_unit_test(an_answer_older_than_a_change_is_not_believed),
	    cmocka_unit_test(who_was_asked_for_after_a_change_is_believed_again),
	    cmocka_unit_test(what_is_said_is_told_apart_by_all_of_it),
	    cmocka_unit_test(an_entry_is_asked_for_again_when_it_is_old),
	    cmocka_unit_test(memory_is_bounded_and_the_newest_stay),
	};

	random_open();
	return cmocka_run_group_tests_name("presence", tests, NULL, NULL);
}
