/* /api/sync by a worker whose tracker, clock and commands are played: which call goes when, with what, and what an answer does. */
#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "played.h"
#include "worker/sync.h"

#define NOTHING "{\"results\":[],\"jobs\":[]}"
#define ONE_JOB                                                                                    \
	"{\"jobs\":[{\"job\":7,\"lease\":\"l7\",\"stage\":\"b\",\"attempt\":3,"                    \
	"\"data\":{\"a\":1}}]}"
#define TAKEN "{\"results\":[{\"job\":7,\"status\":\"accepted\"}],\"jobs\":[]}"

static struct sync *talk;

static int
open_all(void **state)
{
	(void)state;
	if (played_open(4) < 0)
		return -1;
	talk = sync_new(&played);
	return 0;
}

static int
close_all(void **state)
{
	(void)state;
	sync_free(talk);
	return played_close();
}

static int64_t
tick(void)
{
	return sync_tick(talk, played_now_us);
}

static void
after_s(double seconds)
{
	played_now_us += (int64_t)(seconds * 1e6);
	tick();
}

/* There is one call under way, and it waits for work (or reports). */
static struct http_call *
sync_call(bool waits)
{
	struct http_call *c = played_only_call("/api/sync");

	assert_int_equal(strcmp(played_says(c, "wait"), "0") != 0, waits);
	return c;
}

/* Registered, and waits for work. */
static struct http_call *
arrive(void)
{
	tick();
	played_welcome("one");
	tick();
	return sync_call(true);
}

/* It has job 7, which runs; nothing is under way. */
static struct item *
run_job(void)
{
	struct item *i;

	played_answer(arrive(), 200, ONE_JOB);
	i = played_item(7);
	assert_non_null(i);
	played_begin(i);
	return i;
}

/* ---- arriving and asking ------------------------------------------------------------------------ */

static void
it_registers_with_its_key_and_asks_for_as_many_as_it_has_slots(void **state)
{
	struct http_call *c;

	(void)state;
	tick();
	c = played_call("/api/new");
	assert_true(c->keyed);
	assert_int_equal(c->body.len, 0);
	assert_string_equal(c->path, "/api/new?nickname=Ada%20%26%20Co&stage=b&has=gpu&slots=4");
	assert_int_equal(tick(), INT64_MAX); /* one at a time */
	assert_int_equal(played_calls(), 1);
	played_welcome("one");
	tick();
	c = sync_call(true);
	assert_false(c->keyed);
	assert_string_equal(played_says(c, "token"), "\"one\"");
	assert_string_equal(played_says(c, "want"), "4");
	assert_string_equal(played_says(c, "slots"), "4");
	assert_string_equal(played_says(c, "wait"), "30");
	assert_int_equal(c->timeout_ms, 90000);
	assert_string_equal(played_says(c, "holding"), "[]");
	assert_string_equal(played_says(c, "progress"), "");
}

static void
a_job_comes_with_all_that_the_tracker_says_of_it(void **state)
{
	struct item *i;

	(void)state;
	played_answer(arrive(), 200, ONE_JOB);
	i = played_item(7);
	assert_non_null(i);
	assert_string_equal(i->lease, "l7");
	assert_string_equal(i->stage, "b");
	assert_int_equal(i->attempt, 3);
	assert_true(i->is_json);
	assert_string_equal(buf_text(&i->input), "{\"a\":1}");
	tick(); /* three slots are left */
	assert_string_equal(played_says(sync_call(true), "want"), "3");
}

static void
an_attempt_that_is_not_said_is_none_and_a_job_without_its_parts_is_none(void **state)
{
	(void)state;
	played_answer(arrive(), 200,
	    "{\"jobs\":[{\"job\":1,\"lease\":\"l1\",\"data\":\"text\"},"
	    "{\"job\":2,\"data\":\"x\"},{\"job\":3,\"lease\":\"l3\"},"
	    "{\"lease\":\"l4\",\"data\":\"x\"},{\"job\":5,\"lease\":\"\",\"data\":\"x\"}]}");
	assert_int_equal(played_items(), 1);
	assert_int_equal(played_item(1)->attempt, 0);
	assert_false(played_item(1)->is_json);
	assert_string_equal(buf_text(&played_item(1)->input), "text");
}

/* An answer that was lost may come again with the next: so much more, and no more. */
static void
no_more_is_taken_than_all_slots_could_have_asked_for(void **state)
{
	struct http_call *c = arrive();
	struct buf text;

	(void)state;
	buf_init(&text, 0);
	buf_puts(&text, "{\"jobs\":[");
	for (int i = 1; i <= 20; i++)
		buf_printf(&text, "%s{\"job\":%d,\"lease\":\"l%d\",\"data\":\"x\"}",
		    i > 1 ? "," : "", i, i);
	buf_puts(&text, "]}");
	played_answer(c, 200, buf_text(&text));
	buf_fini(&text);
	assert_int_equal(played_items(), 4 + 2 * 4);
	assert_non_null(strstr(played_said(), "nobody asked for"));
}

static void
what_is_in_hand_is_listed_every_ten_seconds(void **state)
{
	(void)state;
	run_job();
	tick();
	assert_string_equal(played_says(sync_call(true), "holding"), "");
	played_answer(sync_call(true), 200, "{\"jobs\":[],\"retry_after\":1}");
	after_s(8.5);
	assert_string_equal(played_says(sync_call(true), "holding"), "");
	played_answer(sync_call(true), 200, "{\"jobs\":[],\"retry_after\":1}");
	after_s(2);
	assert_string_equal(played_says(sync_call(true), "holding"), "[7]");
}

/* ---- pace --------------------------------------------------------------------------------------- */

static double
asks_after_s(void)
{
	return played_speaks_after_s(tick);
}

static void
who_is_let_wait_asks_again_at_once(void **state)
{
	struct http_call *c = arrive();

	(void)state;
	played_now_us += 30 * SECOND_US;
	played_answer(c, 200, NOTHING);
	assert_true(asks_after_s() < 0.001);
}

static void
who_gets_nothing_sooner_than_that_asks_less_and_less(void **state)
{
	double s[4];

	(void)state;
	arrive();
	for (int i = 0; i < 4; i++) {
		played_answer(sync_call(true), 200, NOTHING);
		s[i] = asks_after_s();
	}
	assert_true(played_is_about(s[0], 1));
	assert_true(played_is_about(s[1], 2));
	assert_true(played_is_about(s[2], 4));
	assert_true(played_is_about(s[3], 5));
	played_answer(sync_call(true), 200, ONE_JOB); /* a job ends that */
	tick();
	played_answer(sync_call(true), 200, NOTHING);
	assert_true(played_is_about(asks_after_s(), 1));
}

static void
the_tracker_says_when_to_ask_again_within_reason(void **state)
{
	static const struct {
		const char *said;
		double s;
	} words[] = {{"17", 17}, {"2.4", 2}, {"1e9", 600}, {"600", 600}};
	char text[100];

	(void)state;
	arrive();
	for (size_t i = 0; i < COUNT(words); i++) {
		double s;

		snprintf(text, sizeof(text), "{\"jobs\":[],\"retry_after\":%s}", words[i].said);
		played_answer(sync_call(true), 200, text);
		s = asks_after_s();
		/* Meanwhile it says that it is there. */
		while (strcmp(played_says(played_call("/api/sync"), "wait"), "0") == 0) {
			played_answer(sync_call(false), 200, NOTHING);
			s += asks_after_s();
		}
		assert_in_range((int64_t)(s * 1000), (int64_t)(words[i].s * 1000) - 1,
		    (int64_t)(words[i].s * 1000) + 1);
	}
}

static void
what_the_tracker_says_of_when_to_ask_begins_anew(void **state)
{
	(void)state;
	arrive();
	for (int i = 0; i < 3; i++) {
		played_answer(sync_call(true), 200, NOTHING);
		asks_after_s();
	}
	played_answer(sync_call(true), 200, "{\"jobs\":[],\"retry_after\":1}");
	asks_after_s();
	played_answer(sync_call(true), 200, NOTHING);
	assert_true(played_is_about(asks_after_s(), 1));
}

/* The tracker ends the call that waits when another one comes: that says nothing of the work. */
static void
a_call_that_a_report_has_ended_slows_nothing_down(void **state)
{
	struct item *i = run_job();
	struct http_call *waiting;

	(void)state;
	tick();
	waiting = sync_call(true);
	run_line_put(&i->run.notes, "10%\n", 4);
	after_s(0);
	assert_int_equal(played_calls(), 2);
	played_answer(waiting, 200, NOTHING);
	played_answer(sync_call(false), 200, NOTHING);
	assert_true(asks_after_s() < 0.001);
}

static void
a_result_that_is_taken_ends_a_rest(void **state)
{
	struct item *i = run_job();

	(void)state;
	tick();
	played_answer(sync_call(true), 200, "{\"jobs\":[],\"retry_after\":500,\"resting\":true}");
	assert_true(played.rests);
	tick();
	assert_int_equal(played_calls(), 0);
	played_end(i, OUT_DONE, "1");
	tick();
	played_answer(sync_call(false), 200, TAKEN);
	assert_false(played.rests);
	assert_true(asks_after_s() < 0.001);
}

static void
no_more_is_asked_for_than_the_tracker_lets_it_have(void **state)
{
	struct item *i;

	(void)state;
	played_answer(arrive(), 200,
	    "{\"jobs\":[{\"job\":7,\"lease\":\"l7\",\"data\":\"x\"}],\"allowance\":2}");
	assert_non_null(strstr(played_said(), "lets this worker have 2 jobs at a time"));
	i = played_item(7);
	played_begin(i);
	tick();
	assert_string_equal(played_says(sync_call(true), "want"), "1");
	played_answer(sync_call(true), 200, "{\"jobs\":[],\"allowance\":1}");
	assert_null(strstr(played_said(), "at a time")); /* told now and then */
	tick();
	assert_int_equal(played_calls(), 0);
	played_end(i, OUT_DONE, "1"); /* what is no number of jobs says nothing */
	tick();
	played_answer(sync_call(false), 200, "{\"results\":[],\"allowance\":1001}");
	played_begin(i);
	tick();
	assert_int_equal(played_calls(), 0);
}

static void
idle_slots_are_told_again_after_ten_minutes(void **state)
{
	(void)state;
	played_answer(arrive(), 200, "{\"jobs\":[],\"allowance\":2,\"retry_after\":1}");
	assert_non_null(strstr(played_said(), "2 of its 4 slots are idle"));
	after_s(590);
	played_answer(
	    played_call("/api/sync"), 200, "{\"jobs\":[],\"allowance\":3,\"retry_after\":1}");
	assert_null(strstr(played_said(), "idle"));
	after_s(11);
	played_answer(
	    played_call("/api/sync"), 200, "{\"jobs\":[],\"allowance\":3,\"retry_after\":1}");
	assert_non_null(strstr(played_said(), "1 of its 4 slots is idle"));
	after_s(601);
	played_answer(played_call("/api/sync"), 200, "{\"jobs\":[],\"allowance\":4}");
	assert_null(strstr(played_said(), "idle"));
}

/* ---- reporting ---------------------------------------------------------------------------------- */

static void
a_result_goes_at_once_where_a_slot_starves_and_nobody_waits(void **state)
{
	struct http_call *c;

	(void)state;
	played_end(run_job(), OUT_DONE, "{\"b\":2}");
	tick();
	c = sync_call(false);
	assert_string_equal(
	    played_says(c, "done"), "[{\"job\":7,\"lease\":\"l7\",\"data\":{\"b\":2}}]");
	assert_string_equal(played_says(c, "want"), "4");
	assert_int_equal(c->timeout_ms, 60000);
	played_answer(c, 200, TAKEN);
	assert_int_equal(played_items(), 0);
	assert_int_equal(played.tally.taken, 1);
}

static void
beside_a_call_that_waits_results_of_a_second_go_together(void **state)
{
	struct item *i = run_job();
	struct http_call *waiting;

	(void)state;
	tick();
	waiting = sync_call(true);
	played_end(i, OUT_DONE, "1");
	assert_int_equal(tick(), played_now_us + SECOND_US);
	assert_int_equal(played_calls(), 1);
	assert_string_equal(played_says(waiting, "done"), "");
	after_s(0.6);
	played_ended(i->who, 8, "l8", OUT_FAILED);
	after_s(0.5);
	assert_int_equal(played_calls(), 2);
	played_answer(waiting, 200, NOTHING);
	assert_string_equal(played_says(sync_call(false), "failed"),
	    "[{\"job\":8,\"lease\":\"l8\",\"reason\":\"r\"}]");
	assert_string_not_equal(played_says(sync_call(false), "done"), "");
}

static void
the_call_that_waits_carries_no_result(void **state)
{
	struct http_call *c;

	(void)state;
	tick();
	played_welcome("one");
	played_ended(worker_present(&played), 8, "l8", OUT_DONE);
	tick();
	played_answer(sync_call(false), 200, NOTHING); /* passed over: it is told later */
	tick();
	c = sync_call(true);
	assert_string_equal(played_says(c, "done"), "");
}

static void
what_is_passed_over_is_told_again_less_and_less(void **state)
{
	(void)state;
	played_answer(arrive(), 200, "{\"jobs\":[],\"retry_after\":600}");
	played_ended(worker_present(&played), 7, "l7", OUT_DONE);
	tick();
	played_answer(sync_call(false), 200, NOTHING);
	assert_true(played_is_about(asks_after_s(), 1));
	assert_string_not_equal(played_says(sync_call(false), "done"), "");
	played_answer(sync_call(false), 200, NOTHING);
	assert_true(played_is_about(asks_after_s(), 2));
	played_answer(sync_call(false), 200, TAKEN);
	assert_int_equal(played_items(), 0);
	played_ended(worker_present(&played), 8, "l8", OUT_DONE);
	tick(); /* the tracker listens again */
	assert_string_not_equal(played_says(sync_call(false), "done"), "");
}

static void
a_report_that_is_refused_goes_by_halves_and_then_whole_again(void **state)
{
	char lease[16];

	(void)state;
	played_answer(arrive(), 200, "{\"jobs\":[],\"retry_after\":600}");
	for (int i = 1; i <= 4; i++) {
		snprintf(lease, sizeof(lease), "l%d", i);
		played_ended(worker_present(&played), i, lease, OUT_DONE);
	}
	tick();
	played_answer(sync_call(false), 413, "<html>");
	tick();
	assert_null(strstr(played_says(sync_call(false), "done"), "\"job\":3"));
	assert_non_null(strstr(played_says(sync_call(false), "done"), "\"job\":2"));
	played_answer(sync_call(false), 413, "<html>");
	tick();
	assert_null(strstr(played_says(sync_call(false), "done"), "\"job\":2"));
	played_answer(
	    sync_call(false), 413, "<html>"); /* the one that is too long: a failure now */
	assert_int_equal(played_item(1)->outcome, OUT_FAILED);
	tick();
	played_answer(sync_call(false), 200, "{\"results\":[{\"job\":2,\"status\":\"accepted\"}]}");
	tick();
	assert_non_null(strstr(played_says(sync_call(false), "done"), "\"job\":3"));
	assert_non_null(strstr(played_says(sync_call(false), "done"), "\"job\":4"));
	assert_string_not_equal(played_says(sync_call(false), "failed"), "");
}

static void
progress_is_told_when_it_changes_and_every_five_seconds_at_most(void **state)
{
	struct item *i = run_job();

	(void)state;
	tick();
	played_answer(sync_call(true), 200, "{\"jobs\":[],\"retry_after\":600}");
	run_line_put(&i->run.notes, "10%\n", 4);
	after_s(0);
	assert_non_null(strstr(played_says(sync_call(false), "progress"), "10%"));
	played_answer(sync_call(false), 200, NOTHING);
	run_line_put(&i->run.notes, "20%\n", 4);
	after_s(4.9);
	assert_int_equal(played_calls(), 0);
	after_s(0.2);
	assert_non_null(strstr(played_says(sync_call(false), "progress"), "20%"));
	played_answer(sync_call(false), 200, NOTHING);
	after_s(6);
	assert_int_equal(played_calls(), 0);
}

static void
nobody_hears_nothing_of_it_for_longer_than_twenty_seconds(void **state)
{
	(void)state;
	run_job();
	tick();
	played_answer(sync_call(true), 200, "{\"jobs\":[],\"retry_after\":600}");
	after_s(19.9);
	assert_int_equal(played_calls(), 0);
	after_s(0.2);
	played_answer(sync_call(false), 200, NOTHING);
	played.idle_timeout_s = 6;
	after_s(1.9);
	assert_int_equal(played_calls(), 0);
	after_s(0.2);
	sync_call(false);
}

/* ---- when things go wrong ----------------------------------------------------------------------- */

/* The answer may have had jobs, so the next one lists what is in hand; and results are told again, with the progress. */
static void
after_a_lost_answer_everything_is_told_again(void **state)
{
	struct item *i = run_job(), *other;

	(void)state;
	other = played_ended(i->who, 8, "l8", OUT_DONE);
	run_line_put(&i->run.notes, "10%\n", 4);
	tick();
	assert_non_null(strstr(played_says(sync_call(false), "progress"), "10%"));
	played_answer(sync_call(false), 0, "");
	assert_null(other->told_by);
	tick();
	assert_int_equal(played_calls(), 0); /* in peace for a while */
	after_s(1.3);
	assert_string_not_equal(played_says(sync_call(false), "done"), "");
	assert_string_equal(played_says(sync_call(false), "holding"), "[7]");
	assert_non_null(strstr(played_says(sync_call(false), "progress"), "10%"));
}

static void
after_an_outage_the_first_call_is_one_that_is_answered_at_once(void **state)
{
	(void)state;
	played_answer(arrive(), 0, "");
	after_s(1.3);
	played_answer(sync_call(false), 200, NOTHING);
	assert_non_null(strstr(played_said(), "answers again"));
	tick();
	sync_call(true);
}

static void
an_answer_that_is_none_loses_nothing(void **state)
{
	struct item *i = played_ended(NULL, 9, "l9", OUT_DONE);

	(void)state;
	tick();
	played_welcome("one");
	i->who = worker_present(&played);
	tick();
	played_answer(sync_call(false), 200, "<html>It works!</html>");
	assert_null(i->told_by);
	assert_int_equal(played_items(), 1);
	tick();
	assert_int_equal(played_calls(), 0);
	after_s(1.3);
	assert_string_not_equal(played_says(sync_call(false), "done"), "");
}

static void
who_is_unknown_registers_again_and_what_it_owes_is_not_its_new_names(void **state)
{
	struct item *i = run_job();
	struct identity *before = i->who;

	(void)state;
	run_line_put(&i->run.notes, "10%\n", 4);
	tick();
	played_answer(sync_call(false), 200, "{\"jobs\":[],\"allowance\":1}");
	played_end(i, OUT_DONE, "1");
	played_ended(i->who, 8, "l8", OUT_DONE);
	tick();
	played_answer(sync_call(false), 404, "\"could not find this worker\"");
	assert_false(before->present);
	assert_null(i->told_by);
	tick();
	played_welcome("two");
	assert_ptr_not_equal(worker_present(&played), before);
	tick();
	assert_string_equal(played_says(sync_call(true), "token"), "\"two\"");
	assert_string_equal(played_says(sync_call(true), "done"), "");
	assert_string_equal(played_says(sync_call(true), "want"), "4"); /* a new allowance */
}

/* What runs on under the new name shows its progress there, too. */
static void
who_registers_again_tells_its_progress_again(void **state)
{
	struct item *i = run_job();

	(void)state;
	run_line_put(&i->run.notes, "10%\n", 4);
	tick();
	played_answer(sync_call(false), 404, "\"could not find this worker\"");
	tick();
	played_welcome("two");
	tick();
	assert_non_null(strstr(played_says(played_call("/api/sync"), "progress"), "10%"));
}

static void
what_is_dropped_is_what_this_name_has(void **state)
{
	struct identity other = {.name = "before"};
	struct item *mine, *theirs;

	(void)state;
	played_answer(arrive(), 200,
	    "{\"jobs\":[{\"job\":2,\"lease\":\"l2\",\"data\":\"x\"},{\"job\":3,\"lease\":\"l3\","
	    "\"data\":\"x\"}]}");
	mine = played_item(2);
	theirs = item_new(&other, 2, "other");
	assert_true(hand_add(&played.hand, theirs));
	played_begin(mine);
	tick();
	played_answer(sync_call(true), 200, "{\"jobs\":[],\"drop\":[2,3,99]}");
	assert_true(mine->lost);
	assert_false(theirs->lost);
	assert_null(played_item(3));
	assert_int_equal(played_items(), 2);
}

/* A tracker of another make has no such call; one that has answered it once has, whatever a proxy says. */
static void
a_tracker_without_the_call_is_known_by_its_first_answer(void **state)
{
	(void)state;
	played_answer(arrive(), 404, "Not Found");
	assert_true(sync_is_unknown(talk));
	assert_false(sync_works(talk));
}

static void
one_that_had_the_call_still_has_it(void **state)
{
	(void)state;
	played_answer(arrive(), 200, "{\"jobs\":[],\"retry_after\":1}");
	assert_true(sync_works(talk));
	after_s(1.1);
	played_answer(sync_call(true), 404, "Not Found");
	assert_false(sync_is_unknown(talk));
}

/* ---- leaving ------------------------------------------------------------------------------------ */

static void
a_stage_that_is_finished_ends_who_wants_it_so(void **state)
{
	(void)state;
	played_answer(arrive(), 200, "{\"jobs\":[],\"finished\":true}");
	assert_int_equal(played.stopping, STOP_NOT);
	after_s(1.3);
	played.o.until_done = true;
	played_answer(sync_call(true), 200, "{\"jobs\":[],\"finished\":false}");
	assert_int_equal(played.stopping, STOP_NOT);
	after_s(2.6);
	played_answer(sync_call(true), 200, "{\"jobs\":[],\"finished\":true}");
	assert_int_equal(played.stopping, STOP_AFTER_JOBS);
}

static void
who_leaves_hangs_up_tells_its_results_and_says_farewell(void **state)
{
	struct item *i = run_job();

	(void)state;
	tick();
	sync_call(true);
	worker_stop(&played, STOP_AFTER_JOBS);
	tick();
	assert_int_equal(played_calls(), 0);
	played_end(i, OUT_DONE, "1");
	tick();
	assert_string_equal(played_says(sync_call(false), "want"), "0");
	tick();
	assert_int_equal(played_calls(), 1);
	played_answer(sync_call(false), 200, TAKEN);
	tick();
	assert_string_equal(played_says(played_call("/api/bye"), "token"), "\"one\"");
	played_answer(played_call("/api/bye"), 0, "");
	assert_false(played.finished); /* nobody heard it */
	after_s(1.3);
	played_answer(played_call("/api/bye"), 200, "OK");
	assert_true(played.finished);
}

static void
who_was_never_registered_says_no_farewell(void **state)
{
	(void)state;
	worker_stop(&played, STOP_AFTER_JOBS);
	tick();
	assert_int_equal(played_calls(), 0);
	assert_true(played.finished);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_registers_with_its_key_and_asks_for_as_many_as_it_has_slots),
	    TEST(a_job_comes_with_all_that_the_tracker_says_of_it),
	    TEST(an_attempt_that_is_not_said_is_none_and_a_job_without_its_parts_is_none),
	    TEST(no_more_is_taken_than_all_slots_could_have_asked_for),
	    TEST(what_is_in_hand_is_listed_every_ten_seconds),
	    TEST(who_is_let_wait_asks_again_at_once),
	    TEST(who_gets_nothing_sooner_than_that_asks_less_and_less),
	    TEST(the_tracker_says_when_to_ask_again_within_reason),
	    TEST(what_the_tracker_says_of_when_to_ask_begins_anew),
	    TEST(a_call_that_a_report_has_ended_slows_nothing_down),
	    TEST(a_result_that_is_taken_ends_a_rest),
	    TEST(no_more_is_asked_for_than_the_tracker_lets_it_have),
	    TEST(idle_slots_are_told_again_after_ten_minutes),
	    TEST(a_result_goes_at_once_where_a_slot_starves_and_nobody_waits),
	    TEST(beside_a_call_that_waits_results_of_a_second_go_together),
	    TEST(the_call_that_waits_carries_no_result),
	    TEST(what_is_passed_over_is_told_again_less_and_less),
	    TEST(a_report_that_is_refused_goes_by_halves_and_then_whole_again),
	    TEST(progress_is_told_when_it_changes_and_every_five_seconds_at_most),
	    TEST(nobody_hears_nothing_of_it_for_longer_than_twenty_seconds),
	    TEST(after_a_lost_answer_everything_is_told_again),
	    TEST(after_an_outage_the_first_call_is_one_that_is_answered_at_once),
	    TEST(an_answer_that_is_none_loses_nothing),
	    TEST(who_is_unknown_registers_again_and_what_it_owes_is_not_its_new_names),
	    TEST(who_registers_again_tells_its_progress_again),
	    TEST(what_is_dropped_is_what_this_name_has),
	    TEST(a_tracker_without_the_call_is_known_by_its_first_answer),
	    TEST(one_that_had_the_call_still_has_it),
	    TEST(a_stage_that_is_finished_ends_who_wants_it_so),
	    TEST(who_leaves_hangs_up_tells_its_results_and_says_farewell),
	    TEST(who_was_never_registered_says_no_farewell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
