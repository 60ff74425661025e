#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "domain/beats.h"

static void
many_beats_of_one_worker_are_one_write(void **state)
{
	struct beats *b = beats_new();
	struct beat *chain;

	(void)state;
	for (int i = 0; i < 1000; i++)
		beats_note(b, 7, "x", 1);
	beats_note(b, 7, "last", 4);
	chain = beats_take(b);
	assert_non_null(chain);
	assert_null(chain->next);
	assert_int_equal(chain->worker, 7);
	assert_string_equal(chain->progress, "last");
	beats_done(chain);
	assert_null(beats_take(b));
	beats_free(b);
}

static void
being_heard_keeps_what_was_said(void **state)
{
	struct beats *b = beats_new();
	struct beat *chain;

	(void)state;
	beats_note(b, 7, "half way", 8);
	beats_note(b, 7, NULL, 0);
	chain = beats_take(b);
	assert_string_equal(chain->progress, "half way");
	assert_true(chain->seen_ms >= chain->progress_ms);
	beats_done(chain);
	beats_free(b);
}

static void
an_empty_progress_takes_the_place_of_what_was_said(void **state)
{
	struct beats *b = beats_new();
	struct beat *chain;

	(void)state;
	beats_note(b, 7, "half way", 8);
	beats_note(b, 7, "", 0);
	chain = beats_take(b);
	assert_string_equal(chain->progress, "");
	beats_done(chain);
	beats_free(b);
}

static void
who_said_nothing_has_no_progress(void **state)
{
	struct beats *b = beats_new();
	struct beat *chain;

	(void)state;
	beats_note(b, 7, NULL, 0);
	chain = beats_take(b);
	assert_null(chain->progress);
	assert_int_equal(chain->progress_ms, 0);
	beats_done(chain);
	beats_free(b);
}

static void
long_progress_is_cut_at_a_character(void **state)
{
	struct beats *b = beats_new();
	char text[3 * 300 + 1] = "";
	struct beat *chain;

	(void)state;
	for (int i = 0; i < 300; i++)
		strcat(text, "\xe2\x82\xac"); /* the euro sign, three bytes */
	beats_note(b, 7, text, strlen(text));
	chain = beats_take(b);
	assert_int_equal(chain->len, 3 * PROGRESS_CHARS);
	assert_true(text_is_utf8(chain->progress, chain->len));
	beats_done(chain);
	beats_free(b);
}

static void
what_could_not_be_written_is_there_the_next_time(void **state)
{
	struct beats *b = beats_new();
	struct beat *chain;

	(void)state;
	beats_note(b, 7, "half way", 8);
	beats_note(b, 8, "begun", 5);
	beats_put_back(b, beats_take(b));
	chain = beats_take(b);
	assert_non_null(chain);
	assert_non_null(chain->next);
	assert_null(chain->next->next);
	beats_done(chain);
	beats_free(b);
}

static void
what_was_said_since_wins_over_what_could_not_be_written(void **state)
{
	struct beats *b = beats_new();
	struct beat *old, *chain;

	(void)state;
	beats_note(b, 7, "half way", 8);
	old = beats_take(b);
	beats_note(b, 7, "done", 4);
	beats_put_back(b, old);
	chain = beats_take(b);
	assert_null(chain->next);
	assert_string_equal(chain->progress, "done");
	beats_done(chain);
	beats_free(b);
}

static void
who_was_only_heard_since_keeps_what_could_not_be_written(void **state)
{
	struct beats *b = beats_new();
	struct beat *old, *chain;

	(void)state;
	beats_note(b, 7, "half way", 8);
	old = beats_take(b);
	beats_note(b, 7, NULL, 0);
	beats_put_back(b, old);
	chain = beats_take(b);
	assert_null(chain->next);
	assert_string_equal(chain->progress, "half way");
	assert_true(chain->progress_ms > 0);
	beats_done(chain);
	beats_free(b);
}

static void
what_waits_for_redis_is_bounded(void **state)
{
	struct beats *b = beats_new();
	struct beat *chain;
	int n = 0;

	(void)state;
	for (int i = 0; i < BEATS_MOST + 1000; i++)
		beats_note(b, i, NULL, 0);
	beats_put_back(b, beats_take(b));
	chain = beats_take(b);
	for (const struct beat *beat = chain; beat; beat = beat->next)
		n++;
	assert_int_equal(n, BEATS_MOST);
	beats_done(chain);
	beats_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(many_beats_of_one_worker_are_one_write),
	    cmocka_unit_test(being_heard_keeps_what_was_said),
	    cmocka_unit_test(an_empty_progress_takes_the_place_of_what_was_said),
	    cmocka_unit_test(who_said_nothing_has_no_progress),
	    cmocka_unit_test(long_progress_is_cut_at_a_character),
	    cmocka_unit_test(what_could_not_be_written_is_there_the_next_time),
	    cmocka_unit_test(what_was_said_since_wins_over_what_could_not_be_written),
	    cmocka_unit_test(who_was_only_heard_since_keeps_what_could_not_be_written),
	    cmocka_unit_test(what_waits_for_redis_is_bounded),
	};

	return cmocka_run_group_tests_name("beats", tests, NULL, NULL);
}
