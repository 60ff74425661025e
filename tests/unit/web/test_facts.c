#include "../test.h"

#include <string.h>

#include "answers.h"
#include "base/clock.h"
#include "web/batches.h"
#include "web/facts.h"

#define SECOND_US INT64_C(1000000)
#define NAMED .stage = 1, .name = "Extract"

static struct arena arena;
static struct settings settings;
static const struct stage_names stages = {.n = 2, .name = {"Extract", "Filter"}};
static struct page page;
static struct facts facts;
static struct err e;

/* Of a stage that nothing keeps. */
static const struct answer quiet[] = {
    {"read_counts", 1,
	"stage=1; name=Extract; ready=0; retry=0; due=0; leased=0; done=10; failed=0; cancelled=0; "
	"held=0; held_retry=0; done_5m=0; done_1h=0; done_24h=0; first_at=90000; first=20"},
    {"read_present", 1, "stage=1; present=1; working=0; bad=0; workers=0; since=null; heard=yes"},
    {"read_eta", 1, "state=moving; eta_s=null; low_s=null; high_s=null; shown_s=null"},
    {"read_latest", 0, NULL},
    {NULL, 0, NULL},
};

static int
begin(void **state)
{
	(void)state;
	arena_init(&arena);
	e = ERR_INIT;
	settings = (struct settings){.project = "P",
	    .base_url = "",
	    .banner = "",
	    .idle_timeout_s = 7200,
	    .page_cache_s = 30};
	page = (struct page){.settings = &settings, .stages = &stages, .arena = &arena};
	answers_begin(quiet);
	answers_pass_us(60 * SECOND_US);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	facts_forget();
	answers_end();
	arena_fini(&arena);
	return 0;
}

/* ---- what is kept ---------------------------------------------------------------------------------- */

/* How often this was asked for. */
static int
times(const char *what)
{
	int n = 0;

	for (const char *at = answers_asked(); (at = strstr(at, what)); at++)
		n++;
	return n;
}

static void
read_after(int64_t us)
{
	answers_pass_us(us);
	assert_true(facts_read(&page, &facts, &e));
}

static void
what_was_read_is_everybodys_for_a_second(void **state)
{
	(void)state;
	read_after(0);
	read_after(SECOND_US - 1);
	assert_int_equal(times("read_counts"), 1);
	assert_string_equal(facts.stage[0].name, "Extract");
	read_after(1);
	assert_int_equal(times("read_counts"), 2);
	assert_int_equal(times("read_latest"), 2);
}

static void
who_is_here_is_counted_every_five_seconds(void **state)
{
	(void)state;
	read_after(0);
	for (int i = 0; i < 4; i++)
		read_after(SECOND_US);
	assert_int_equal(times("read_counts"), 5);
	assert_int_equal(times("read_present"), 1);
	read_after(SECOND_US);
	assert_int_equal(times("read_present"), 2);
}

static void
who_is_here_is_no_older_than_a_page_may_be(void **state)
{
	(void)state;
	settings.page_cache_s = 2;
	read_after(0);
	read_after(SECOND_US);
	assert_int_equal(times("read_present"), 1);
	read_after(SECOND_US);
	settings.page_cache_s = 0;
	read_after(0);
	read_after(0);
	assert_int_equal(times("read_present"), 4);
	assert_int_equal(times("read_eta"), 5);
}

static void
what_was_read_before_it_was_to_be_forgotten_is_not_kept(void **state)
{
	(void)state;
	read_after(0);
	facts_forget();
	/* As if it had been read while it was told: the clock stands still. */
	read_after(0);
	read_after(0);
	assert_int_equal(times("read_counts"), 3);
	read_after(1);
	read_after(1);
	assert_int_equal(times("read_counts"), 4);
}

static void
each_stage_has_its_own_workers_in_whatever_order_they_come(void **state)
{
	static const struct answer two[] = {
	    {"read_counts", 2, "stage=1|2; name=a|b; first=9; first_at=200|300"},
	    {"read_present", 4,
		"stage=2|0|6|1; present=22|99|99|11; working=4|99|99|3; bad=2|99|99|1; "
		"workers=5|99|99|6; since=20|1|1|10; kind=failed|x|x|timed_out; heard=yes"},
	    {"read_latest", 0, NULL}, {NULL, 0, NULL}};

	(void)state;
	answers_end();
	answers_begin(two);
	read_after(0);
	assert_int_equal(facts.stage[0].present, 11);
	assert_int_equal(facts.stage[0].working, 3);
	assert_int_equal(facts.stage[0].bad_5m, 1);
	assert_int_equal(facts.stage[0].bad_workers, 6);
	assert_string_equal(facts.stage[0].bad_how, "timed out");
	assert_int_equal(facts.stage[1].present, 22);
	assert_int_equal(facts.present, 33);
	assert_int_equal(facts.working, 7);
	assert_int_equal(facts.first_us, (ANSWERS_NOW_S - 300) * SECOND_US);
	assert_true(facts.heard);
}

/* ---- sums ------------------------------------------------------------------------------------------ */

static void
a_pace_is_of_the_time_in_which_there_was_one(void **state)
{
	/* Begun ten seconds ago. */
	const int64_t passed_s = clock_wall_us() / SECOND_US - ANSWERS_NOW_S;
	const struct answer young[] = {
	    {"read_counts", 1,
		arena_printf(&arena, "stage=1; name=a; done_5m=100; first=9; first_at=%d",
		    (int)(10 - passed_s))},
	    {"read_latest", 0, NULL}, {NULL, 0, NULL}};

	(void)state;
	answers_end();
	answers_begin(young);
	settings.page_cache_s = 0;
	read_after(0); /* as of a whole minute */
	assert_true(facts.per_minute > 99.9 && facts.per_minute < 100.1);
	read_after(90 * SECOND_US); /* 100 seconds */
	assert_true(facts.per_minute > 59.9 && facts.per_minute < 60.1);
	read_after(1000 * SECOND_US); /* four minutes and what is over of the fifth */
	assert_true(facts.per_minute > 20 && facts.per_minute <= 25);
}

static void
the_slowest_is_named_when_it_stands_out(void **state)
{
	static const struct {
		const char *done_1h;
		int slowest;
	} cases[] = {
	    {"100|50", 2}, {"50|100", 1}, {"100|100", 0}, {"100|80", 0}, {"0|100", 0}, {"0|0", 0}};

	(void)state;
	settings.page_cache_s = 0;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct answer of[] = {
		    {"read_counts", 2,
			arena_printf(&arena,
			    "stage=1|2; name=a|b; first=1000; done=0; failed=0; cancelled=0; "
			    "done_1h=%s",
			    cases[i].done_1h)},
		    {"read_latest", 0, NULL}, {NULL, 0, NULL}};

		answers_end();
		answers_begin(of);
		read_after(0);
		assert_int_equal(facts.slowest, cases[i].slowest);
	}
}

static void
what_was_lost_before_a_stage_is_not_expected_there(void **state)
{
	static const struct answer of[] = {
	    {"read_counts", 2,
		"stage=1|2; name=a|b; first=1000; done=600|80; failed=7|3; cancelled=50|20; "
		"ready=4|5; retry=6|8; leased=9|2"},
	    {"read_latest", 0, NULL}, {NULL, 0, NULL}};

	(void)state;
	answers_end();
	answers_begin(of);
	read_after(0);
	assert_int_equal(facts.stage[0].expected, 950);
	assert_int_equal(facts.stage[0].remaining, 343);
	assert_int_equal(facts.stage[1].expected, 923);
	assert_int_equal(facts.stage[1].remaining, 840);
	assert_int_equal(facts.failed, 10);
	assert_int_equal(facts.cancelled, 70);
	assert_int_equal(facts.waiting, 23);
	assert_int_equal(facts.leased, 11);
}

static void
a_pace_of_the_past_is_no_promise_when_nobody_is_heard_or_all_is_paused(void **state)
{
	static const struct {
		const char *of_stage, *heard, *eta, *state;
	} cases[] = {
	    {"ready=5; retry=0; held=0; held_retry=0", "yes", "60", "moving"},
	    {"ready=5; retry=0; held=0; held_retry=0", "no", "60", "stalled"},
	    {"ready=5; retry=0; held=0; held_retry=0", "no", "null", "moving"},
	    {"ready=5; retry=2; held=5; held_retry=2", "yes", "60", "paused"},
	    {"ready=5; retry=2; held=5; held_retry=1", "yes", "60", "moving"},
	    {"ready=5; retry=2; held=4; held_retry=2", "yes", "60", "moving"},
	    {"ready=5; retry=2; held=0; held_retry=0; paused=yes", "yes", "60", "paused"},
	    {"ready=0; retry=0; held=0; held_retry=0; paused=yes", "yes", "60", "moving"},
	};

	(void)state;
	settings.page_cache_s = 0;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct answer of[] = {
		    {"read_counts", 1,
			arena_printf(&arena, "stage=1; name=a; first=1000; %s", cases[i].of_stage)},
		    {"read_present", 1, arena_printf(&arena, "stage=1; heard=%s", cases[i].heard)},
		    {"read_eta", 1,
			arena_printf(&arena, "state=moving; eta_s=%s; shown_s=70", cases[i].eta)},
		    {"read_latest", 0, NULL}, {NULL, 0, NULL}};

		answers_end();
		answers_begin(of);
		read_after(0);
		assert_string_equal(facts.state, cases[i].state);
		assert_int_equal(facts.shown_s, strcmp(cases[i].state, "moving") == 0 ? 70 : -1);
	}
}

static void
what_stands_last_is_the_last_completion(void **state)
{
	static const struct answer of[] = {{"read_counts", 1, "stage=1; name=a; first=9"},
	    {"read_latest", 9, "stage=1; finished=5|6|7|8|9|10|11|12|13"}, {NULL, 0, NULL}};

	(void)state;
	answers_end();
	answers_begin(of);
	read_after(0);
	assert_int_equal(facts.latest_n, FACTS_LATEST);
	assert_int_equal(facts.last_us, (ANSWERS_NOW_S - 5) * SECOND_US);
}

/* ---- a bar ----------------------------------------------------------------------------------------- */

static void
a_bar_has_the_parts_of_what_is_expected(void **state)
{
	static const struct {
		struct facts_stage of;
		int64_t parts[FACTS_BAR];
	} cases[] = {
	    {{.done = 400,
		 .leased = 100,
		 .ready = 150,
		 .retry = 50,
		 .failed = 100,
		 .expected = 1000},
		{400, 100, 200, 100}},
	    {{.done = 1, .leased = 1, .ready = 0, .retry = 1, .failed = 1, .expected = 100000},
		{4, 4, 4, 4}},
	    {{.done = 998, .leased = 1, .ready = 1, .failed = 0, .expected = 1000}, {998, 2, 0, 0}},
	    {{.done = 5, .expected = 0}, {4, 0, 0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct facts f = {.stages = 1, .stage = {cases[i].of}};
		int64_t parts[FACTS_BAR];

		facts_bar(&f, 0, parts);
		for (int k = 0; k < FACTS_BAR; k++)
			assert_int_equal(parts[k], cases[i].parts[k]);
	}
}

/* ---- words ----------------------------------------------------------------------------------------- */

/* The only note of a project with this one stage, of which the last result is so long ago; "" when there is none. */
static const char *
note_of(struct facts_stage stage, int64_t quiet_s)
{
	struct facts f = {.stages = 1,
	    .jobs = 9,
	    .remaining = 9,
	    .waiting = 1,
	    .stage = {stage},
	    .last_us = clock_wall_us() - quiet_s * SECOND_US};
	const char *notes[FACTS_NOTES];
	int n = facts_notes(&page, &f, notes);

	assert_true(n <= 1);
	return n == 1 ? notes[0] : "";
}

#define NOTE(quiet_s, text, ...)                                                                   \
	assert_string_equal(note_of((struct facts_stage){NAMED, __VA_ARGS__}, quiet_s), text)

static void
what_keeps_a_stage_is_said_and_nothing_else(void **state)
{
	(void)state;
	NOTE(91, "Stage A (Extract): 2 jobs wait, and its only worker does not ask for one.",
	    .ready = 2, .present = 1);
	NOTE(91, "Stage A (Extract): 1 job waits, and none of its 3 workers asks for one.",
	    .ready = 1, .present = 3);
	NOTE(91, "Stage A (Extract): 1 job waits, and none of its 3 workers asks for one.",
	    .retry = 1, .due = 1, .present = 3);
	NOTE(90, "", .ready = 2, .present = 1);
	NOTE(91, "", .ready = 2, .present = 1, .leased = 1);
	NOTE(91, "", .ready = 2, .present = 1, .gated = true);
	NOTE(91, "Stage A (Extract) has no worker: 1 job waits for one.", .ready = 3, .held = 2);
	NOTE(91, "Stage A (Extract): 2 jobs wait, but the operator has paused their batch.",
	    .ready = 2, .held = 2);
	NOTE(91, "", .ready = 2, .held = 2, .leased = 1);
	NOTE(0, "", .ready = 3, .held = 2, .present = 1);
	NOTE(0, "Stage A (Extract) is paused by the operator: 1 job waits until it is resumed.",
	    .retry = 1, .paused = true, .present = 3);
	NOTE(0, "Stage A (Extract): 2 jobs came back and wait out a back-off before the next try.",
	    .retry = 2, .present = 1);
	NOTE(0, "", .retry = 2, .present = 1, .leased = 1);
}

static void
attempts_that_fail_are_news_when_they_are_many_or_all_that_there_is(void **state)
{
	(void)state;
	NOTE(0, "", .bad_5m = 0, .done_5m = 0);
	NOTE(0, "", .bad_5m = 2, .done_5m = 2, .done_1h = 2);
	NOTE(0, "", .bad_5m = 3, .done_5m = 13, .done_1h = 13);
	NOTE(0,
	    "Stage A (Extract): 20% of all attempts fail, 0.60 a minute, of 2 workers; mostly: "
	    "failed.",
	    .bad_5m = 3, .done_5m = 12, .done_1h = 12, .bad_workers = 2, .bad_per_minute = 0.6,
	    .bad_how = "failed");
	NOTE(0,
	    "Stage A (Extract): every attempt fails, 1.0 a minute, of 1 worker; mostly: failed.",
	    .bad_5m = 1, .bad_workers = 1, .bad_per_minute = 1, .bad_how = "failed");
	NOTE(0,
	    "Stage A (Extract): every attempt fails, 1.0 a minute, of 1 worker, since 27 Nov, "
	    "16:05 UTC; mostly: failed.",
	    .bad_5m = 3, .done_1h = 5, .bad_workers = 1, .bad_per_minute = 1, .bad_how = "failed",
	    .bad_since_us = INT64_C(1795795500) * SECOND_US);
}

static const char *
first_note(const struct facts *f)
{
	const char *notes[FACTS_NOTES] = {""};

	(void)facts_notes(&page, f, notes);
	return notes[0];
}

static void
what_is_in_hand_for_long_and_what_failed_is_said(void **state)
{
	struct facts f = {
	    .leased = 2, .remaining = 2, .last_us = clock_wall_us() - 601 * SECOND_US};

	(void)state;
	assert_string_equal(
	    first_note(&f), "Nothing has been finished for 10 min, though 2 jobs are in hand.");
	f.last_us += SECOND_US;
	assert_string_equal(
	    first_note(&f), "2 jobs are in hand; nothing else waits for a worker now.");
	f.leased = 1;
	assert_string_equal(
	    first_note(&f), "1 job is in hand; nothing else waits for a worker now.");
	f.waiting = 1;
	assert_string_equal(first_note(&f), "");
	f.leased = 0;
	f.last_us -= 1000 * SECOND_US;
	assert_string_equal(first_note(&f), "");
	f.failed = 1;
	assert_string_equal(first_note(&f),
	    "1 job failed for good; the operator can look at it with distcompute-admin failed.");
	f.failed = 2;
	assert_string_equal(first_note(&f),
	    "2 jobs failed for good; the operator can look at them with distcompute-admin failed.");
}

static void
one_sentence_tells_how_far_it_is(void **state)
{
	struct facts f = {.state = "empty"};

	(void)state;
	assert_string_equal(facts_sentence(&page, &f), "No jobs are loaded yet.");
	f = (struct facts){
	    .state = "finished", .jobs = 20, .failed = 3, .cancelled = 4, .total = 13, .done = 13};
	assert_string_equal(
	    facts_sentence(&page, &f), "Finished: 13 jobs done, 3 failed, 4 cancelled.");
	f = (struct facts){.state = "cancelled", .jobs = 1, .cancelled = 1};
	assert_string_equal(facts_sentence(&page, &f), "Cancelled: 1 job.");
	f = (struct facts){.state = "moving",
	    .jobs = 20,
	    .total = 20,
	    .done = 5,
	    .remaining = 15,
	    .per_minute = 2.5,
	    .present = 1,
	    .eta_s = 61,
	    .shown_s = 60};
	assert_string_equal(
	    facts_sentence(&page, &f), "25.0% done, 2.5 a minute, 1 worker. Time left: 1 minute");
}

/* ---- batches ---------------------------------------------------------------------------------------- */

/* Whether these are shown on the dashboard, where there are so many of them in all. */
static bool
are_news(const char *cells)
{
	struct batches *b = arena_alloc(&arena, sizeof(*b));
	const struct answer of[] = {
	    {"read_batch_rows", 1, arena_printf(&arena, "ended=null; done=1; total=9; %s", cells)},
	    {NULL, 0, NULL}};

	answers_end();
	answers_begin(of);
	assert_true(batches_read_open(&page, NULL, BATCHES_FEW, b, &e));
	return batches_are_news(b);
}

static void
a_batch_is_news_when_there_are_others_or_something_is_up_with_it(void **state)
{
	(void)state;
	assert_false(are_news("inner=1; why=null; needs=; rate=null"));
	assert_false(are_news("inner=1; why=idle; needs=; rate=null"));
	assert_true(are_news("inner=2; why=null; needs=; rate=null"));
	assert_true(are_news("inner=1; why=paused; needs=; rate=null"));
	assert_true(are_news("inner=1; why=cancelled; needs=; rate=null"));
	assert_true(are_news("inner=1; why=null; needs=gpu; rate=null"));
	assert_true(are_news("inner=1; why=null; needs=; rate=1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_was_read_is_everybodys_for_a_second, begin, end),
	    cmocka_unit_test_setup_teardown(who_is_here_is_counted_every_five_seconds, begin, end),
	    cmocka_unit_test_setup_teardown(who_is_here_is_no_older_than_a_page_may_be, begin, end),
	    cmocka_unit_test_setup_teardown(
		what_was_read_before_it_was_to_be_forgotten_is_not_kept, begin, end),
	    cmocka_unit_test_setup_teardown(
		each_stage_has_its_own_workers_in_whatever_order_they_come, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_pace_is_of_the_time_in_which_there_was_one, begin, end),
	    cmocka_unit_test_setup_teardown(the_slowest_is_named_when_it_stands_out, begin, end),
	    cmocka_unit_test_setup_teardown(
		what_was_lost_before_a_stage_is_not_expected_there, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_pace_of_the_past_is_no_promise_when_nobody_is_heard_or_all_is_paused, begin, end),
	    cmocka_unit_test_setup_teardown(what_stands_last_is_the_last_completion, begin, end),
	    cmocka_unit_test_setup_teardown(a_bar_has_the_parts_of_what_is_expected, begin, end),
	    cmocka_unit_test_setup_teardown(
		what_keeps_a_stage_is_said_and_nothing_else, begin, end),
	    cmocka_unit_test_setup_teardown(
		attempts_that_fail_are_news_when_they_are_many_or_all_that_there_is, begin, end),
	    cmocka_unit_test_setup_teardown(
		what_is_in_hand_for_long_and_what_failed_is_said, begin, end),
	    cmocka_unit_test_setup_teardown(one_sentence_tells_how_far_it_is, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_batch_is_news_when_there_are_others_or_something_is_up_with_it, begin, end),
	};

	return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
