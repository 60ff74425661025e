#include "../test.h"

#include <string.h>

#include "../web/answers.h"
#include "base/random.h"
#include "domain/counts.h"
#include "domain/names.h"

static void
assert_why(const struct stage_counts *c, int stage, const char *expected)
{
	char why[COUNTS_WHY];

	counts_why(c, stage, 0, why, sizeof(why));
	assert_string_equal(why, expected);
}

static void
a_stage_that_waits_names_the_one_before_it(void **state)
{
	struct stage_counts c = {.stages = 2,
	    .stage = {
		[1] = {.present = true, .ready = 400, .leased = 12}, [2] = {.present = true}}};

	(void)state;
	assert_why(&c, 2, "Stage B is waiting for stage A: 0 open, 412 in stage A.");
}

static void
the_nearest_stage_with_work_is_the_one_to_wait_for(void **state)
{
	struct stage_counts c = {.stages = 3,
	    .stage = {[1] = {.present = true, .ready = 5},
		[2] = {.present = true, .leased = 1},
		[3] = {.present = true}}};

	(void)state;
	assert_why(&c, 3, "Stage C is waiting for stage B: 0 open, 1 in stage B.");
}

static void
the_operators_pause_comes_first(void **state)
{
	struct stage_counts c = {
	    .stages = 1, .stage = {[1] = {.present = true, .paused = true, .ready = 9}}};

	(void)state;
	assert_why(&c, 1, "Stage A is paused by the operator.");
	assert_int_equal(counts_available(&c, 1, 0), 0);
}

static void
back_offs_hands_and_the_end_are_told_apart(void **state)
{
	struct stage_counts c = {
	    .stages = 1, .stage = {[1] = {.present = true, .retry = 3, .leased = 2}}};

	(void)state;
	assert_why(&c, 1, "Stage A: 3 jobs wait for the next attempt, 2 are in hand.");
	c.stage[1].leased = 0;
	assert_true(counts_more_may_come(&c, 1));
	assert_false(counts_is_finished(&c, 1));
	c.stage[1].leased = 2;
	c.stage[1].retry = 0;
	assert_why(&c, 1, "Stage A: the last 2 jobs are in the hands of other workers.");
	c.stage[1].leased = 0;
	c.stage[1].done = 9;
	c.stage[1].failed = 1;
	assert_why(&c, 1, "Stage A is finished: 9 done, 1 failed.");
	c.stage[1].done = c.stage[1].failed = 0;
	assert_why(&c, 1, "No jobs are loaded yet.");
}

static void
only_due_retries_can_be_taken(void **state)
{
	struct stage_counts c = {
	    .stages = 1, .stage = {[1] = {.present = true, .ready = 4, .retry = 10, .due = 2}}};

	(void)state;
	assert_int_equal(counts_available(&c, 1, 0), 6);
	c.stage[1].held = 3;
	assert_int_equal(counts_available(&c, 1, 0), 3);
}

static void
what_waits_is_told_by_what_the_worker_has(void **state)
{
	struct stage_counts c = {.stages = 1,
	    .stage = {[1] = {.present = true, .gated = true, .ready = 1207, .leased = 3}},
	    .works = 2,
	    .work = {{.stage = 1, .needs = 5, .now = 1200},
		{.stage = 1, .needs = 2, .later = 7, .later_us = 2500000}},
	    .word = {"gpu", "slow", "ram32"}};
	char why[COUNTS_WHY];

	(void)state;
	assert_int_equal(counts_available(&c, 1, 0), 0);
	assert_int_equal(counts_available(&c, 1, 1), 0);
	assert_int_equal(counts_available(&c, 1, 5), 1200);
	assert_int_equal(counts_mask(&c, "gpu,other,ram32"), 5);
	assert_int_equal(counts_mask(&c, ""), 0);
	assert_why(&c, 1, "Stage A: 1,207 jobs wait, but most of them need gpu, ram32.");
	c.works = 1;
	assert_why(&c, 1, "Stage A: 1,200 jobs wait, but they need gpu, ram32.");
	c.work[0].now = 1;
	assert_why(&c, 1, "Stage A: 1 job waits, but it needs gpu, ram32.");
	c.work[0].needs = UINT64_MAX >> 54; /* ten, as long as words are */
	for (int bit = 0; bit < 10; bit++) {
		memset(c.word[bit], 'a' + bit, WORD_CHARS);
		c.word[bit][WORD_CHARS] = '\0';
	}
	counts_why(&c, 1, 0, why, sizeof(why));
	assert_true(strlen(why) < sizeof(why) - 1);
	assert_non_null(strstr(why, ", hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh and 2 more."));
	c.work[0] = (struct stage_work){.stage = 1, .later = 1200, .later_us = 2500000};
	assert_why(&c, 1,
	    "Stage A: 1,200 jobs wait for their turn, because of a rate: the next has it in 2.5 "
	    "s.");
	assert_true(counts_more_may_come(&c, 1));
}

/* What there is of another stage, and what of this one comes later than the first of it. */
static void
only_the_next_of_ones_own_stage_is_told(void **state)
{
	struct stage_counts c = {.stages = 2,
	    .stage = {[1] = {.present = true, .gated = true, .ready = 5},
		[2] = {.present = true, .gated = true, .ready = 4}},
	    .works = 4,
	    .work = {{.stage = 2, .needs = 1, .now = 4}, {.stage = 1, .needs = 2, .now = 3},
		{.stage = 1, .later = 1, .later_us = 1500000},
		{.stage = 1, .later = 1, .later_us = 9000000}},
	    .word = {"gpu", "slow"}};

	(void)state;
	assert_why(&c, 1,
	    "Stage A: 2 jobs wait for their turn, because of a rate: the next has it in 1.5 s.");
	c.works = 2;
	assert_why(&c, 1, "Stage A: 3 jobs wait, but they need slow.");
	assert_why(&c, 2, "Stage B: 4 jobs wait, but they need gpu.");
}

static void
what_is_held_is_no_work_and_what_is_cancelled_is_no_more_to_come(void **state)
{
	struct stage_counts c = {.stages = 1,
	    .stage = {[1] = {.present = true, .ready = 1200, .held = 1200, .cancelled = 5}}};

	(void)state;
	assert_why(&c, 1, "Stage A: 1,200 jobs wait, but the operator has paused their batch.");
	assert_true(counts_more_may_come(&c, 1));
	c.stage[1].retry = 3;
	c.stage[1].held_retry = 2;
	assert_why(&c, 1, "Stage A: 1,202 jobs wait, but the operator has paused their batch.");
	c.stage[1].ready = c.stage[1].held = 0;
	assert_why(&c, 1, "Stage A: 2 jobs wait, but the operator has paused their batch.");
	c.stage[1].retry = c.stage[1].held_retry = 0;
	assert_why(&c, 1, "Stage A is finished: 0 done, 0 failed, 5 cancelled.");
	assert_true(counts_is_finished(&c, 1));
}

static void
names_are_word_word_number(void **state)
{
	char name[NAME_SIZE];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		size_t first, second, digits;

		name_random(name);
		first = strspn(name, "abcdefghijklmnopqrstuvwxyz");
		assert_int_equal(name[first], '-');
		second = strspn(name + first + 1, "abcdefghijklmnopqrstuvwxyz");
		assert_int_equal(name[first + 1 + second], '-');
		digits = strspn(name + first + second + 2, "0123456789");
		assert_true(first > 1 && second > 1 && digits > 0);
		assert_int_equal(first + second + digits + 2, strlen(name));
	}
}

/* ---- what is read, and for how long it is believed ------------------------------------------------- */

static const struct answer of_two_stages[] = {
    {"read_counts", 2,
	"stage=1|2; paused=|yes; gated=|yes; ready=4|40; retry=3|30; due=2|20; "
	"leased=5|50; done=6|60; failed=7|70; cancelled=8|80; held=1|10; held_retry=9|90"},
    {"read_work", 2, "stage=2; needs=5|0; now=11|12; later=13|14; after_us=15|16"},
    {"read_words", 2, "\"bit\"=0|2; word=gpu|ssd"}, {0}};

static struct stage_counts got;
static struct shared
    *commits; /* where somebody commits while counts are read; NULL = nobody does */

void __real_pg_rows_free(struct pg_rows *rows);
void __wrap_pg_rows_free(struct pg_rows *rows);

void
__wrap_pg_rows_free(struct pg_rows *rows)
{
	if (commits)
		atomic_fetch_add(&commits->counts_version, 1);
	__real_pg_rows_free(rows);
}

static void
read_them(struct counts *c)
{
	struct err e = ERR_INIT;

	assert_true(counts_read(c, NULL, &got, &e));
}

static void
each_number_is_its_own_columns(void **state)
{
	struct counts *c = counts_new(shared_new());
	const struct stage_count *of;

	(void)state;
	answers_begin(of_two_stages);
	read_them(c);
	assert_int_equal(got.stages, 2);
	for (int stage = 1, one = 1; stage <= 2; stage++, one *= 10) {
		of = &got.stage[stage];
		assert_int_equal(of->paused, stage == 2);
		assert_int_equal(of->gated, stage == 2);
		assert_true(of->present);
		assert_int_equal(of->held, one);
		assert_int_equal(of->due, 2 * one);
		assert_int_equal(of->retry, 3 * one);
		assert_int_equal(of->ready, 4 * one);
		assert_int_equal(of->leased, 5 * one);
		assert_int_equal(of->done, 6 * one);
		assert_int_equal(of->failed, 7 * one);
		assert_int_equal(of->cancelled, 8 * one);
		assert_int_equal(of->held_retry, 9 * one);
	}
	assert_false(got.stage[3].present);
	assert_int_equal(got.works, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(got.work[i].stage, 2);
		assert_int_equal(got.work[i].needs, i == 0 ? 5 : 0);
		assert_int_equal(got.work[i].now, 11 + i);
		assert_int_equal(got.work[i].later, 13 + i);
		assert_int_equal(got.work[i].later_us, 15 + i);
	}
	assert_string_equal(got.word[0], "gpu");
	assert_string_equal(got.word[1], "");
	assert_string_equal(got.word[2], "ssd");
	answers_end();
	counts_free(c);
}

static void
stages_and_words_that_there_cannot_be_are_passed_over(void **state)
{
	static const struct answer strange[] = {
	    {"read_counts", 5, "stage=5|0|6|-1|1; paused=; gated=yes; ready=50|7|60|8|10"},
	    {"read_work", 0, NULL}, {"read_words", 4, "\"bit\"=63|64|-1|0; word=last|x|x|first"},
	    {0}};
	struct counts *c = counts_new(shared_new());

	(void)state;
	answers_begin(strange);
	read_them(c);
	assert_int_equal(got.stages, 5);
	assert_int_equal(got.stage[5].ready, 50);
	assert_int_equal(got.stage[1].ready, 10);
	assert_false(got.stage[0].present || got.stage[2].present);
	assert_string_equal(got.word[63], "last");
	assert_string_equal(got.word[0], "first");
	for (int bit = 1; bit < 63; bit++)
		assert_string_equal(got.word[bit], "");
	answers_end();
	counts_free(c);
}

static void
a_stage_is_finished_when_jobs_were_loaded_and_nothing_can_come_whatever_became_of_them(void **state)
{
	static const struct stage_count of[] = {{.done = 1}, {.failed = 1}, {.cancelled = 1}};
	struct stage_counts c = {.stages = 2};

	(void)state;
	assert_false(counts_is_finished(&c, 1)); /* none were loaded */
	for (size_t i = 0; i < COUNT(of); i++) {
		c.stage[1] = of[i];
		assert_true(counts_is_finished(&c, 1));
		assert_true(counts_is_finished(&c, 2));
		assert_false(counts_is_finished(&c, 0));
		c.stage[1].leased = 1;
		assert_false(counts_is_finished(&c, 2));
	}
}

static void
what_words_are_needed_is_asked_where_something_is_gated_alone(void **state)
{
	static const struct answer plain[] = {{"read_counts", 1, "stage=1; paused=; gated="}, {0}};
	struct counts *c = counts_new(shared_new());

	(void)state;
	answers_begin(plain);
	read_them(c);
	assert_string_equal(answers_asked(), "tracker.read_counts()\n");
	assert_int_equal(got.works, 0);
	answers_end();
	counts_free(c);
}

static void
a_stage_is_gated_as_it_was_read_and_before_that_it_may_be(void **state)
{
	struct counts *c = counts_new(shared_new());

	(void)state;
	assert_true(counts_is_gated(c, 1));
	answers_begin(of_two_stages);
	read_them(c);
	assert_false(counts_is_gated(c, 1));
	assert_true(counts_is_gated(c, 2));
	answers_pass_us(10 * COUNTS_TRUST_US); /* nothing newer is known */
	assert_false(counts_is_gated(c, 1));
	answers_end();
	counts_free(c);
}

static void
counts_are_believed_for_a_moment_and_until_they_have_changed(void **state)
{
	struct shared *shared = shared_new();
	struct counts *c = counts_new(shared);

	(void)state;
	assert_false(counts_get(c, &got));
	answers_begin(of_two_stages);
	read_them(c);
	memset(&got, 0, sizeof(got));
	answers_pass_us(COUNTS_TRUST_US - 1);
	assert_true(counts_get(c, &got));
	assert_int_equal(got.stage[2].ready, 40);
	assert_string_equal(got.word[2], "ssd");
	answers_pass_us(1);
	assert_false(counts_get(c, &got));
	read_them(c);
	assert_true(counts_get(c, &got));
	atomic_fetch_add(&shared->counts_version, 1);
	assert_false(counts_get(c, &got));
	answers_end();
	counts_free(c);
}

/* Whether the answer has seen what was committed nobody knows. */
static void
counts_that_were_read_while_somebody_committed_are_old_at_once(void **state)
{
	struct shared *shared = shared_new();
	struct counts *c = counts_new(shared);

	(void)state;
	answers_begin(of_two_stages);
	commits = shared;
	read_them(c);
	commits = NULL;
	assert_false(counts_get(c, &got));
	read_them(c);
	assert_true(counts_get(c, &got));
	answers_end();
	counts_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_stage_that_waits_names_the_one_before_it),
	    cmocka_unit_test(the_nearest_stage_with_work_is_the_one_to_wait_for),
	    cmocka_unit_test(the_operators_pause_comes_first),
	    cmocka_unit_test(back_offs_hands_and_the_end_are_told_apart),
	    cmocka_unit_test(only_due_retries_can_be_taken),
	    cmocka_unit_test(what_waits_is_told_by_what_the_worker_has),
	    cmocka_unit_test(only_the_next_of_ones_own_stage_is_told),
	    cmocka_unit_test(what_is_held_is_no_work_and_what_is_cancelled_is_no_more_to_come),
	    cmocka_unit_test(names_are_word_word_number),
	    cmocka_unit_test(each_number_is_its_own_columns),
	    cmocka_unit_test(stages_and_words_that_there_cannot_be_are_passed_over),
	    cmocka_unit_test(
		a_stage_is_finished_when_jobs_were_loaded_and_nothing_can_come_whatever_became_of_them),
	    cmocka_unit_test(what_words_are_needed_is_asked_where_something_is_gated_alone),
	    cmocka_unit_test(a_stage_is_gated_as_it_was_read_and_before_that_it_may_be),
	    cmocka_unit_test(counts_are_believed_for_a_moment_and_until_they_have_changed),
	    cmocka_unit_test(counts_that_were_read_while_somebody_committed_are_old_at_once),
	};

	random_open();
	return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
