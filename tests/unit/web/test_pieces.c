#include "../test.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "web/facts.h"
#include "web/pieces.h"

static struct arena arena;
static struct settings settings;
static const struct stage_names stages = {.n = 2, .name = {"Extract & Load", "Filter"}};
static struct page page;

static int
begin(void **state)
{
	(void)state;
	arena_init(&arena);
	settings =
	    (struct settings){.project = "P", .base_url = "", .banner = "", .idle_timeout_s = 7200};
	page = (struct page){.settings = &settings, .stages = &stages, .arena = &arena};
	return 0;
}

static int
end(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static void
a_rate_has_as_many_decimals_as_it_is_worth(void **state)
{
	static const struct {
		double n;
		const char *text;
	} cases[] = {{0, "0"}, {0.254, "0.25"}, {3.44, "3.4"}, {12.3, "12"}, {1234.5, "1,235"},
	    {0.004, "0"}, {0.5, "0.50"}, {0.994, "0.99"}, {0.996, "1.0"}, {9.94, "9.9"},
	    {9.96, "10"}, {99.94, "100"}, {999.6, "1,000"}, {-3.44, "-3.4"}, {1e15, "0"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(pieces_rate_text(&page, cases[i].n), cases[i].text);
	assert_string_equal(pieces_rate_text(&page, INFINITY), "0");
}

static void
a_span_is_told_in_its_biggest_units(void **state)
{
	static const struct {
		int64_t s;
		const char *text;
	} cases[] = {{-5, "0 s"}, {59, "59 s"}, {75, "1 min 15 s"}, {3600, "1 h"},
	    {7500, "2 h 5 min"}, {86400, "1 day"}, {200000, "2 days"}, {60, "1 min"},
	    {300, "5 min"}, {599, "9 min 59 s"}, {601, "10 min"}, {3599, "59 min"}, {3659, "1 h"},
	    {3660, "1 h 1 min"}, {86399, "23 h 59 min"}, {40000000, "462 days"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(pieces_span(&page, cases[i].s), cases[i].text);
}

static void
a_moment_is_told_by_how_long_it_is_past(void **state)
{
	char text[64];

	(void)state;
	pieces_ago_text(text, sizeof(text), 3);
	assert_string_equal(text, "just now");
	pieces_ago_text(text, sizeof(text), 90);
	assert_string_equal(text, "1 min ago");
}

static void
a_job_that_took_little_is_told_in_tenths(void **state)
{
	(void)state;
	assert_string_equal(pieces_took(&page, 340000), "0.3 s");
	assert_string_equal(pieces_took(&page, 12700000), "12 s");
	assert_string_equal(pieces_took(&page, 9949999), "9.9 s");
	assert_string_equal(pieces_took(&page, 9950000), "10 s");
	assert_string_equal(pieces_took(&page, 50000), "0.1 s");
	assert_string_equal(pieces_took(&page, 49999), "under 0.1 s");
	assert_string_equal(pieces_took(&page, -5), "under 0.1 s");
}

static void
a_size_is_told_in_its_unit(void **state)
{
	(void)state;
	assert_string_equal(pieces_bytes(&page, 1), "1 byte");
	assert_string_equal(pieces_bytes(&page, 1023), "1023 bytes");
	assert_string_equal(pieces_bytes(&page, 1024), "1.0 KiB");
	assert_string_equal(pieces_bytes(&page, 1536), "1.5 KiB");
	assert_string_equal(pieces_bytes(&page, 1 << 20), "1.0 MiB");
	assert_string_equal(pieces_bytes(&page, 1 << 30), "1.0 GiB");
	assert_string_equal(pieces_bytes(&page, INT64_C(5) << 40), "5,120 GiB");
}

static void
a_share_is_never_more_than_all_and_never_a_lie_about_little(void **state)
{
	(void)state;
	assert_string_equal(pieces_share(&page, 1, 3), "33.3%");
	assert_string_equal(pieces_share(&page, 1, 100000), "< 0.1%");
	assert_string_equal(pieces_share(&page, 5, 4), "100.0%");
	assert_string_equal(pieces_share(&page, 5, 0), "");
}

static void
a_workers_address_encodes_what_is_no_letter(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	pieces_worker_address(&page, &b, 1, "calm/fox 1");
	assert_string_equal(b.data, "/worker/extract%20%26%20load/calm%2Ffox%201");
	buf_fini(&b);
}

static void
a_stage_is_found_by_its_name_whatever_the_case(void **state)
{
	struct err e = ERR_INIT;
	int64_t stage;

	(void)state;
	assert_true(pieces_find_stage(&page, "extract & LOAD", &stage, &e));
	assert_int_equal(stage, 1);
}

static void
a_key_in_the_query_is_two_numbers_or_nothing(void **state)
{
	int64_t a, b;

	(void)state;
	page.query = "after=12-34";
	assert_true(pieces_query_key(&page, "after", &a, &b));
	assert_int_equal(a, 12);
	assert_int_equal(b, 34);
	page.query = "after=0-0";
	assert_true(pieces_query_key(&page, "after", &a, &b));
	assert_int_equal(b, 0);
	page.query = "after=12";
	assert_false(pieces_query_key(&page, "after", &a, &b));
	page.query = "after=-1-2";
	assert_false(pieces_query_key(&page, "after", &a, &b));
	page.query = "after=1-99999999999999999999";
	assert_false(pieces_query_key(&page, "after", &a, &b));
	page.query = NULL;
	assert_false(pieces_query_key(&page, "after", &a, &b));
}

static void
text_in_the_query_that_is_empty_malformed_or_endless_is_absent(void **state)
{
	char query[300] = "q=";

	(void)state;
	page.query = "q=";
	assert_null(pieces_query_text(&page, "q"));
	page.query = "q=%FF";
	assert_null(pieces_query_text(&page, "q"));
	memset(query + 2, 'x', 200);
	page.query = query;
	assert_null(pieces_query_text(&page, "q"));
	query[2 + 128] = '\0';
	assert_non_null(pieces_query_text(&page, "q"));
	page.query = "q=Zo%C3%AB+1";
	assert_string_equal(pieces_query_text(&page, "q"), "Zo\xc3\xab 1");
}

static void
a_worker_is_stale_after_a_quarter_of_the_time_out(void **state)
{
	int64_t now_us = clock_wall_us();

	(void)state;
	assert_string_equal(pieces_state(&page, now_us, true), "live");
	assert_string_equal(pieces_state(&page, now_us, false), "waiting");
	assert_string_equal(pieces_state(&page, now_us - INT64_C(1900000000), true), "stale");
}

static void
a_spark_needs_two_values_and_stays_in_its_box(void **state)
{
	(void)state;
	assert_string_equal(pieces_spark(&page, "", 10, 10), "");
	assert_string_equal(pieces_spark(&page, "3", 10, 10), "");
	assert_string_equal(pieces_spark(&page, "0,4,2", 10, 10), "M0 9L5 1L10 5");
}

static void
a_bar_shows_every_count_that_is_there_and_never_overflows(void **state)
{
	struct facts f = {.jobs = 200000, /* half of them are cancelled */
	    .stages = 1,
	    .stage = {{.done = 99990, .leased = 1, .ready = 5, .failed = 4, .expected = 100000}}};
	int64_t bar[FACTS_BAR];

	(void)state;
	facts_bar(&f, 0, bar);
	assert_true(bar[0] + bar[1] + bar[2] + bar[3] <= 1000);
	assert_int_equal(bar[0], 999);
}

static void
it_is_not_finished_before_it_is(void **state)
{
	struct facts f = {.total = 1000000, .done = 999999, .remaining = 1};

	(void)state;
	assert_string_equal(facts_percent_text(&page, &f), "99.99%");
	f = (struct facts){.total = 10, .done = 10};
	assert_string_equal(facts_percent_text(&page, &f), "100.0%");
	f = (struct facts){.total = 0};
	assert_string_equal(facts_percent_text(&page, &f), "0.0%");
}

static void
a_share_is_never_nothing_nor_all_before_it_is(void **state)
{
	struct facts f = {.jobs = 1000000, .total = 1000000, .done = 1, .remaining = 999999};

	(void)state;
	assert_string_equal(facts_percent_text(&page, &f), "< 0.01%");
	f.done = 500;
	assert_string_equal(facts_percent_text(&page, &f), "0.05%");
	assert_string_equal(pieces_share(&page, 1, 100000), "< 0.1%");
	assert_string_equal(pieces_share(&page, 99999, 100000), "> 99.9%");
	assert_string_equal(pieces_share(&page, 1, 1000), "0.1%");
	assert_string_equal(pieces_share(&page, 999, 1000), "99.9%");
	assert_string_equal(pieces_share(&page, 3, 3), "100.0%");
	assert_string_equal(pieces_share(&page, 0, 3), "0.0%");
	assert_string_equal(pieces_share(&page, -3, 3), "0.0%");
	assert_string_equal(pieces_share(&page, 3, -3), "");
}

static void
one_thing_is_no_things(void **state)
{
	(void)state;
	assert_string_equal(pieces_jobs(&page, 0), "0 jobs");
	assert_string_equal(pieces_jobs(&page, 1), "1 job");
	assert_string_equal(pieces_jobs(&page, 1000001), "1,000,001 jobs");
	assert_string_equal(pieces_workers(&page, 1), "1 worker");
	assert_string_equal(pieces_span(&page, 86400), "1 day");
	assert_string_equal(pieces_span(&page, 63115199), "730 days");
	assert_string_equal(pieces_span(&page, 203181765), "6 years");
	assert_string_equal(pieces_span(&page, INT64_MAX), "1,000 years and more");
}

/* Says what the public page shows of a reason. */
static const char *
shown(bool public_data, const char *kind, const char *reason)
{
	struct settings s = {.public_data = public_data};
	struct page p = page;

	p.settings = &s;
	return pieces_reason(&p, kind, reason);
}

static void
a_workers_words_are_public_with_public_data_only(void **state)
{
	static const char path[] = "exit 3: /home/ada/x",
			  flags[] = "flagged by 1 workers, at last: /x";

	(void)state;
	assert_string_equal(shown(false, "failed", path), "");
	assert_string_equal(shown(false, "flagged", path), "");
	assert_string_equal(shown(false, "released", path), "");
	assert_string_equal(shown(false, "flagged", flags), "flagged by 1 worker");
	assert_string_equal(shown(false, "refused", flags), "flagged by 1 worker");
	assert_string_equal(shown(false, "flagged", "flagged by me, /x"), "");
	assert_string_equal(shown(false, "timed_out", "job time-out"), "job time-out");
	assert_string_equal(shown(false, "refused", "wrong version"), "wrong version");
	assert_string_equal(shown(true, "failed", path), path);
	assert_string_equal(shown(true, "flagged", flags), flags);
}

static void
what_holds_a_stage_up_is_said_in_words(void **state)
{
	struct facts f = {.stages = 1,
	    .jobs = 9,
	    .remaining = 9,
	    .stage = {{.stage = 1, .name = "Extract", .ready = 9}}};
	const char *notes[FACTS_NOTES];

	(void)state;
	assert_int_equal(facts_notes(&page, &f, notes), 1);
	assert_string_equal(notes[0], "Stage A (Extract) has no worker: 9 jobs wait for one.");
	f.stage[0].paused = true;
	assert_int_equal(facts_notes(&page, &f, notes), 1);
	assert_string_equal(notes[0],
	    "Stage A (Extract) is paused by the operator: 9 jobs wait until it is resumed.");
	f.stage[0] = (struct facts_stage){.stage = 1, .name = "Extract", .retry = 1, .present = 1};
	assert_int_equal(facts_notes(&page, &f, notes), 1);
	assert_string_equal(notes[0],
	    "Stage A (Extract): 1 job came back and waits out a back-off before the next try.");
	f.stage[0].held_retry = 1;
	assert_int_equal(facts_notes(&page, &f, notes), 1);
	assert_string_equal(
	    notes[0], "Stage A (Extract): 1 job waits, but the operator has paused their batch.");
	f.stage[0].ready = f.stage[0].held = 4;
	f.stage[0].retry = 2;
	assert_int_equal(facts_notes(&page, &f, notes), 1);
	assert_string_equal(notes[0],
	    "Stage A (Extract): 1 job came back and waits out a back-off before the next try.");
}

static void
the_end_of_a_range_is_never_told_as_earlier_than_it_is(void **state)
{
	(void)state;
	assert_string_equal(facts_range_text(&page, &(struct facts){.low_s = 850, .high_s = 1496}),
	    "between 14 min and 25 min");
	assert_string_equal(facts_range_text(&page, &(struct facts){.low_s = 7200, .high_s = 9001}),
	    "between 2 h and 2 h 31 min");
	assert_string_equal(facts_range_text(&page, &(struct facts){.low_s = 65, .high_s = 66}),
	    "between 1 min and 2 min");
	assert_string_equal(facts_range_text(&page, &(struct facts){.low_s = 7, .high_s = 7}),
	    "between 7 s and 7 s");
	assert_string_equal(facts_range_text(&page, &(struct facts){.low_s = 75, .high_s = -1}),
	    "at least 1 min; the slowest spells stood still");
	assert_null(facts_range_text(&page, &(struct facts){.low_s = -1, .high_s = -1}));
}

static void
a_percentage_has_as_many_decimals_as_tell_it_from_nothing_and_from_all(void **state)
{
	static const struct {
		double percent;
		const char *text;
	} cases[] = {{0, "0.0%"}, {0.0099, "< 0.01%"}, {0.01, "0.01%"}, {0.099, "0.10%"},
	    {0.1, "0.1%"}, {50, "50.0%"}, {99.94, "99.9%"}, {99.95, "99.95%"}, {99.97, "99.97%"},
	    {99.99, "99.99%"}, {100, "100.0%"}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(pieces_percent_text(&page, cases[i].percent), cases[i].text);
}

static void
what_became_of_a_job_and_of_a_worker_is_told_in_plain_words(void **state)
{
	static const char *const kinds[] = {
	    "timed_out", "abandoned", "failed", "flagged", "released", "requeued", "refused"};

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++)
		assert_true(strcmp(kinds[i], "failed") == 0 || pieces_kind(kinds[i]) != kinds[i]);
	assert_string_equal(pieces_kind("abandoned"), "abandoned for another job");
	assert_string_equal(pieces_kind("released"), "given back");
	assert_string_equal(pieces_left("bye"), "said goodbye");
	assert_string_equal(pieces_left("dropped"), "sent away by the operator");
	assert_string_equal(pieces_left("banned"), "banned");
	assert_string_equal(pieces_left("timed_out"), "silent for too long");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_rate_has_as_many_decimals_as_it_is_worth, begin, end),
	    cmocka_unit_test_setup_teardown(a_span_is_told_in_its_biggest_units, begin, end),
	    cmocka_unit_test_setup_teardown(a_moment_is_told_by_how_long_it_is_past, begin, end),
	    cmocka_unit_test_setup_teardown(a_job_that_took_little_is_told_in_tenths, begin, end),
	    cmocka_unit_test_setup_teardown(a_size_is_told_in_its_unit, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_share_is_never_more_than_all_and_never_a_lie_about_little, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_workers_address_encodes_what_is_no_letter, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_stage_is_found_by_its_name_whatever_the_case, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_key_in_the_query_is_two_numbers_or_nothing, begin, end),
	    cmocka_unit_test_setup_teardown(
		text_in_the_query_that_is_empty_malformed_or_endless_is_absent, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_worker_is_stale_after_a_quarter_of_the_time_out, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_spark_needs_two_values_and_stays_in_its_box, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_bar_shows_every_count_that_is_there_and_never_overflows, begin, end),
	    cmocka_unit_test_setup_teardown(it_is_not_finished_before_it_is, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_share_is_never_nothing_nor_all_before_it_is, begin, end),
	    cmocka_unit_test_setup_teardown(one_thing_is_no_things, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_workers_words_are_public_with_public_data_only, begin, end),
	    cmocka_unit_test_setup_teardown(what_holds_a_stage_up_is_said_in_words, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_percentage_has_as_many_decimals_as_tell_it_from_nothing_and_from_all, begin, end),
	    cmocka_unit_test_setup_teardown(
		what_became_of_a_job_and_of_a_worker_is_told_in_plain_words, begin, end),
	    cmocka_unit_test_setup_teardown(
		the_end_of_a_range_is_never_told_as_earlier_than_it_is, begin, end),
	};

	return cmocka_run_group_tests_name("pieces", tests, NULL, NULL);
}
