/* The older job API by a worker whose tracker, clock and commands are played; and late, which tells what an earlier name owes. */
#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "played.h"
#include "worker/late.h"
#include "worker/v1.h"

#define JOB "{\"url\":\"\",\"start_id\":\"0\",\"end_id\":\"0\",\"data\":\"text\",\"number\":7}"
#define UNKNOWN "\"could not find this worker\""

static struct v1 *talk;
static struct late *late;

static int
open_slots(int slots)
{
	if (played_open(slots) < 0)
		return -1;
	talk = v1_new(&played);
	late = late_new(&played);
	return 0;
}

static int
open_one(void **state)
{
	(void)state;
	return open_slots(1);
}

static int
open_two(void **state)
{
	(void)state;
	return open_slots(2);
}

static int
close_all(void **state)
{
	(void)state;
	v1_free(talk);
	late_free(late);
	return played_close();
}

static int64_t
tick(void)
{
	return v1_tick(talk, played_now_us);
}

static void
after_s(double seconds)
{
	played_now_us += (int64_t)(seconds * 1e6);
	tick();
}

/* Registered, and asks for a job. */
static struct http_call *
arrive(void)
{
	tick();
	played_welcome("one");
	tick();
	return played_only_call("/api/newJob");
}

/* It has job 7, which runs; nothing is under way. */
static struct item *
run_job(void)
{
	played_answer(arrive(), 200, JOB);
	played_begin(played_item(7));
	tick();
	assert_int_equal(played_calls(), 0);
	return played_item(7);
}

static double
speaks_after_s(void)
{
	return played_speaks_after_s(tick);
}

/* ---- arriving and asking ------------------------------------------------------------------------ */

static void
it_registers_with_its_key_and_without_a_body(void **state)
{
	struct http_call *c;

	(void)state;
	tick();
	c = played_only_call("/api/new");
	assert_true(c->keyed);
	assert_int_equal(c->body.len, 0);
	assert_string_equal(c->path, "/api/new?nickname=Ada%20%26%20Co&stage=b&has=gpu&slots=1");
	played_welcome("one");
	tick();
	c = played_only_call("/api/newJob");
	assert_false(c->keyed);
	assert_string_equal(buf_text(&c->body), "{\"token\":\"one\"}");
}

static void
a_job_is_the_data_that_it_came_with(void **state)
{
	struct item *i = run_job();

	(void)state;
	assert_null(i->lease);
	assert_string_equal(i->stage, "b");
	assert_string_equal(buf_text(&i->input), "text");
	assert_false(i->is_json);
}

static void
each_slot_is_a_worker_of_its_own(void **state)
{
	(void)state;
	tick();
	assert_int_equal(played_calls(), 2);
	played_welcome("one");
	played_welcome("two");
	tick();
	assert_int_equal(played_calls(), 2);
	played_answer(played_call("/api/newJob"), 200, JOB);
	assert_string_equal(played_says(played_only_call("/api/newJob"), "token"), "\"two\"");
}

/* Who tried the other way first has been registered by it. */
static void
who_is_registered_already_is_not_again(void **state)
{
	(void)state;
	v1_free(talk);
	worker_identity(&played, "there")->present = true;
	talk = v1_new(&played);
	tick();
	assert_string_equal(played_says(played_only_call("/api/newJob"), "token"), "\"there\"");
}

static void
who_finds_no_work_asks_less_and_less_until_there_is_some(void **state)
{
	static const double wanted[] = {2, 4, 8, 16, 30, 30};

	(void)state;
	arrive();
	for (size_t i = 0; i < COUNT(wanted); i++) {
		played_answer(played_only_call("/api/newJob"), 403, "There are no jobs left");
		assert_true(played_is_about(speaks_after_s(), wanted[i]));
	}
	assert_non_null(strstr(played_said(), "waiting: There are no jobs left"));
	played_answer(played_only_call("/api/newJob"), 200, JOB);
	assert_int_equal(played.message[0], '\0');
	played_end(played_item(7), OUT_DONE, "\"r\"");
	tick();
	played_answer(played_only_call("/api/completeJob"), 200, "\"OK\"");
	tick();
	played_answer(played_only_call("/api/newJob"), 403, "There are no jobs left");
	assert_true(played_is_about(speaks_after_s(), 2));
}

/* A tracker may let newJob wait and then close: it is asked again at once. One that closes sooner is an outage. */
static void
a_call_that_was_let_wait_is_made_again_at_once(void **state)
{
	struct http_call *c = arrive();

	(void)state;
	played_now_us += 5 * SECOND_US;
	played_cut(c);
	assert_true(speaks_after_s() < 0.001);
	played_now_us += 4 * SECOND_US;
	played_cut(played_only_call("/api/newJob"));
	assert_true(speaks_after_s() > 0.7);
	assert_non_null(strstr(played_said(), "cannot be reached"));
}

static void
after_an_outage_the_first_call_is_one_that_is_answered_at_once(void **state)
{
	(void)state;
	played_answer(arrive(), 0, "");
	after_s(1.3);
	played_answer(played_only_call("/api/validateWorker"), 200, "True");
	assert_non_null(strstr(played_said(), "answers again"));
	tick();
	played_only_call("/api/newJob");
}

/* ---- running ------------------------------------------------------------------------------------ */

static void
progress_is_told_when_it_changes_and_every_five_seconds_at_most(void **state)
{
	struct item *i = run_job();

	(void)state;
	run_line_put(&i->run.notes, "10%\n", 4);
	after_s(4.9);
	assert_int_equal(played_calls(), 0);
	after_s(0.2);
	assert_string_equal(
	    played_says(played_only_call("/api/updateProgress"), "progress"), "\"10%\"");
	played_answer(played_only_call("/api/updateProgress"), 200, "\"OK\"");
	after_s(6);
	assert_int_equal(played_calls(), 0);
}

static void
a_long_run_is_never_silent_for_longer_than_is_safe(void **state)
{
	struct item *i = run_job();

	(void)state;
	assert_true(played_is_about(speaks_after_s(), 600));
	assert_string_equal(
	    played_says(played_only_call("/api/updateProgress"), "progress"), "\"working\"");
	played_answer(played_only_call("/api/updateProgress"), 200, "\"OK\"");
	played.idle_timeout_s = 30;
	run_line_put(&i->run.notes, "10%\n", 4);
	after_s(5);
	played_answer(played_only_call("/api/updateProgress"), 200, "\"OK\"");
	assert_true(played_is_about(speaks_after_s(), 10));
	assert_string_equal(
	    played_says(played_only_call("/api/updateProgress"), "progress"), "\"10%\"");
}

/* The next job's progress may be what the last one's was. */
static void
progress_is_told_of_each_job(void **state)
{
	struct item *i = run_job();

	(void)state;
	run_line_put(&i->run.notes, "10%\n", 4);
	after_s(5);
	played_answer(played_only_call("/api/updateProgress"), 200, "\"OK\"");
	played_end(i, OUT_DONE, "\"r\"");
	tick();
	played_answer(played_only_call("/api/completeJob"), 200, "\"OK\"");
	tick();
	played_answer(played_only_call("/api/newJob"), 200, JOB);
	played_begin(played_item(7));
	run_line_put(&played_item(7)->run.notes, "10%\n", 4);
	after_s(5);
	assert_string_equal(
	    played_says(played_only_call("/api/updateProgress"), "progress"), "\"10%\"");
}

/* Its result may still be welcome. */
static void
who_is_unknown_at_its_progress_runs_on(void **state)
{
	(void)state;
	run_job();
	after_s(600);
	played_answer(played_only_call("/api/updateProgress"), 404, UNKNOWN);
	assert_int_equal(played_items(), 1);
	assert_non_null(worker_present(&played));
	assert_false(played.away_told);
}

/* ---- results ------------------------------------------------------------------------------------ */

static void
a_result_is_kept_until_it_is_consented_to(void **state)
{
	static const struct {
		long status;
		const char *text;
	} no[] = {{0, ""}, {502, "<html>"},
	    {200,
		"<html>OK</html> and so much more that it cannot "
		"be the tracker's word of consent"},
	    {200, "nothing"}, {403, "<html>a firewall</html>"}, {302, ""}};
	struct item *i = run_job();

	(void)state;
	played_end(i, OUT_DONE, "{\"a\":1}");
	tick();
	for (size_t n = 0; n < COUNT(no); n++) {
		assert_string_equal(
		    played_says(played_only_call("/api/completeJob"), "token"), "\"one\"");
		played_answer(played_only_call("/api/completeJob"), no[n].status, no[n].text);
		assert_int_equal(played_items(), 1);
		assert_null(i->told_by);
		assert_true(speaks_after_s() > 0.5);
	}
	played_answer(played_only_call("/api/completeJob"), 200, "\"OK\"");
	assert_int_equal(played_items(), 0);
	assert_int_equal(played.tally.taken, 1);
}

static void
a_result_that_is_not_taken_is_told_of_and_done_with(void **state)
{
	struct item *i = run_job();

	(void)state;
	played_end(i, OUT_DONE, "\"r\"");
	tick();
	played_answer(played_only_call("/api/completeJob"), 403, "not yours any more");
	assert_non_null(strstr(played_said(), "did not take the result"));
	assert_int_equal(played.tally.late, 1);
	tick();
	played_answer(played_only_call("/api/newJob"), 200, JOB);
	played_end(played_item(7), OUT_DONE, "\"r\"");
	tick();
	played_answer(played_only_call("/api/completeJob"), 400, "no such");
	assert_int_equal(played.tally.refused, 1);
	assert_int_equal(played_items(), 0);
}

/* v1's data is a text; what is JSON goes behind a mark, and so does a text that would be read as such. */
static void
a_result_says_what_it_is(void **state)
{
	static const struct {
		const char *result, *data;
	} each[] = {{"\"plain\"", "\"plain\""}, {" \n{\"a\":1}", "\"<!json!>{\\\"a\\\":1}\""},
	    {"[1]", "\"<!json!>[1]\""}, {"5", "\"<!json!>\\t5\""},
	    {"\"<!json!>[1]\"", "\"<!json!>\\t\\\"<!json!>[1]\\\"\""}, {"\"[1]\"", "\"[1]\""}};

	(void)state;
	tick();
	played_welcome("one");
	for (size_t i = 0; i < COUNT(each); i++) {
		tick();
		played_answer(played_only_call("/api/newJob"), 200, JOB);
		played_end(played_item(7), OUT_DONE, each[i].result);
		tick();
		assert_string_equal(
		    played_says(played_only_call("/api/completeJob"), "data"), each[i].data);
		played_answer(played_only_call("/api/completeJob"), 200, "\"OK\"");
	}
}

static void
a_failure_and_a_flag_are_told_as_such(void **state)
{
	struct item *i = run_job();

	(void)state;
	played_end(i, OUT_FAILED, "exit 3");
	tick();
	assert_string_equal(
	    played_says(played_only_call("/api/updateProgress"), "progress"), "\"failed: exit 3\"");
	played_answer(played_only_call("/api/updateProgress"), 200, "\"OK\"");
	assert_int_equal(played.tally.failed, 1);
	tick();
	played_answer(played_only_call("/api/newJob"), 200, JOB);
	played_end(played_item(7), OUT_FLAGGED, "bad");
	tick();
	played_answer(played_only_call("/api/flagInvalidData"), 0, "");
	assert_int_equal(played_items(), 1);
	assert_true(speaks_after_s() > 0.5);
	played_answer(played_only_call("/api/flagInvalidData"), 403, "no such job");
	assert_int_equal(played_items(), 0);
	assert_int_equal(played.tally.flagged, 1);
}

/* A farewell gives the job back; then it registers anew, and works on. */
static void
a_job_is_given_back_by_a_farewell_and_the_slot_works_on(void **state)
{
	struct item *i = run_job();
	struct identity *before = i->who;

	(void)state;
	played_end(i, OUT_RELEASED, "not begun");
	tick();
	played_answer(played_only_call("/api/bye"), 0, "");
	assert_int_equal(played_items(), 1);
	assert_true(speaks_after_s() > 0.5);
	played_answer(played_only_call("/api/bye"), 200, "\"OK\"");
	assert_int_equal(played_items(), 0);
	assert_int_equal(played.tally.given_back, 1);
	assert_false(before->present);
	tick();
	played_welcome("two");
	tick();
	assert_string_equal(played_says(played_only_call("/api/newJob"), "token"), "\"two\"");
}

static void
who_is_unknown_registers_again(void **state)
{
	(void)state;
	played_answer(arrive(), 404, UNKNOWN);
	assert_null(worker_present(&played));
	assert_true(speaks_after_s() > 0.5); /* it was of no use yet: not in a hurry */
	played_welcome("two");
	tick();
	played_answer(played_only_call("/api/newJob"), 403, "none");
	after_s(3);
	played_answer(played_only_call("/api/newJob"), 0, "");
	after_s(1.3);
	played_answer(played_only_call("/api/validateWorker"), 200, "False");
	assert_null(worker_present(&played));
	assert_true(speaks_after_s() < 0.001);
	played_only_call("/api/new");
}

/* ---- leaving ------------------------------------------------------------------------------------ */

static void
end_in_order(const char *first, const char *last)
{
	tick();
	played_welcome("one");
	played_welcome("two");
	worker_stop(&played, STOP_AFTER_JOBS);
	tick();
	assert_int_equal(played_calls(), 2);
	played_answer(played_call_of("/api/bye", first), 200, "\"OK\"");
	tick();
	assert_false(played.finished);
	played_answer(played_call_of("/api/bye", last), 200, "\"OK\"");
	tick();
	assert_true(played.finished);
	assert_int_equal(played_calls(), 0);
}

static void
it_is_over_when_every_slot_has_said_farewell(void **state)
{
	(void)state;
	end_in_order("one", "two");
}

static void
it_is_over_when_every_slot_has_said_farewell_in_whatever_order(void **state)
{
	(void)state;
	end_in_order("two", "one");
}

/* ---- what an earlier name owes ------------------------------------------------------------------ */

static struct identity *
earlier(void)
{
	return worker_identity(&played, "before");
}

static struct http_call *
late_call(bool by_sync, const char *path)
{
	late_tick(late, by_sync, played_now_us);
	return played_only_call(path);
}

static bool
is_silent(bool by_sync)
{
	late_tick(late, by_sync, played_now_us);
	return played_calls() == 0;
}

static void
its_results_go_under_its_own_token_and_then_its_farewell(void **state)
{
	(void)state;
	played_ended(earlier(), 1, "l1", OUT_DONE);
	played_ended(earlier(), 2, "l2", OUT_DONE);
	assert_true(is_silent(false)); /* a lease needs /api/sync */
	assert_string_equal(played_says(late_call(true, "/api/sync"), "token"), "\"before\"");
	played_answer(played_only_call("/api/sync"), 200,
	    "{\"results\":[{\"job\":1,\"status\":\"accepted\"}]}");
	assert_string_equal(played_says(late_call(true, "/api/sync"), "done"),
	    "[{\"job\":2,\"lease\":\"l2\",\"data\":\"r\"}]");
	played_answer(played_only_call("/api/sync"), 200,
	    "{\"results\":[{\"job\":2,\"status\":\"repeat\"}]}");
	assert_int_equal(played_items(), 0);
	assert_false(late_is_idle(late)); /* the tracker holds it present since then */
	assert_string_equal(played_says(late_call(true, "/api/bye"), "token"), "\"before\"");
	assert_false(late_is_idle(late));
	played_answer(played_only_call("/api/bye"), 200, "\"OK\"");
	assert_true(late_is_idle(late));
	assert_true(is_silent(true));
}

/* A run goes on when its name is forgotten; with its result comes the farewell. */
static void
its_farewell_waits_for_what_still_runs(void **state)
{
	struct item *i = item_new(earlier(), 2, "l2");

	(void)state;
	played_ended(earlier(), 1, "l1", OUT_DONE);
	assert_true(hand_add(&played.hand, i));
	played_begin(i);
	played_answer(late_call(true, "/api/sync"), 200,
	    "{\"results\":[{\"job\":1,\"status\":\"accepted\"}]}");
	assert_true(is_silent(true));
	played_end(i, OUT_DONE, "\"r\"");
	played_answer(late_call(true, "/api/sync"), 200,
	    "{\"results\":[{\"job\":2,\"status\":\"accepted\"}]}");
	late_call(true, "/api/bye");
}

static void
its_result_without_a_lease_goes_by_the_older_call(void **state)
{
	struct http_call *c;

	(void)state;
	played_ended(earlier(), 1, NULL, OUT_DONE);
	c = late_call(false, "/api/completeJob");
	assert_string_equal(buf_text(&c->body), "{\"token\":\"before\",\"data\":\"r\"}");
	played_answer(
	    c, 200, "<html>OK</html> and so much more that it cannot be a word of consent");
	assert_int_equal(played_items(), 1);
	played_now_us += 2 * SECOND_US;
	played_answer(late_call(false, "/api/completeJob"), 403, "not yours");
	assert_int_equal(played_items(), 0);
	assert_int_equal(played.tally.late, 1);
}

/* A tracker that has them already says so: once more under the present name, and no more. */
static void
what_its_token_cannot_tell_is_offered_once_under_the_present_one(void **state)
{
	(void)state;
	played_ended(earlier(), 1, "l1", OUT_DONE);
	played_answer(late_call(true, "/api/sync"), 404, UNKNOWN);
	assert_true(is_silent(true)); /* nobody is present: it waits */
	assert_int_equal(played_items(), 1);
	worker_identity(&played, "now")->present = true;
	played_now_us += 2 * SECOND_US;
	played_answer(late_call(true, "/api/sync"), 404, UNKNOWN);
	assert_int_equal(played_items(), 1);
	assert_string_equal(played_item(1)->who->token, "now");
	played_item(1)->who->present = false; /* forgotten as well */
	played_answer(late_call(true, "/api/sync"), 404, UNKNOWN);
	assert_int_equal(played_items(), 0);
	assert_int_equal(played.tally.refused, 1);
}

static void
what_is_passed_over_is_told_again_less_and_less_by_it_too(void **state)
{
	(void)state;
	played_ended(earlier(), 1, "l1", OUT_DONE);
	for (double s = 1; s <= 2; s *= 2) {
		played_answer(late_call(true, "/api/sync"), 200, "{\"results\":[]}");
		played_now_us += (int64_t)(s * 0.7e6);
		assert_true(is_silent(true));
		played_now_us += (int64_t)(s * 0.6e6);
	}
	late_call(true, "/api/sync");
	assert_false(played.away_told);
}

static void
a_call_of_it_that_is_too_long_goes_by_halves_and_then_whole_again(void **state)
{
	char lease[16];

	(void)state;
	for (int i = 1; i <= 8; i++) {
		snprintf(lease, sizeof(lease), "l%d", i);
		played_ended(earlier(), i, lease, OUT_DONE);
	}
	for (int halves = 0; halves < 2; halves++)
		played_answer(late_call(true, "/api/sync"), 413, "<html>");
	assert_null(strstr(played_says(late_call(true, "/api/sync"), "done"), "\"job\":3"));
	played_answer(played_only_call("/api/sync"), 200,
	    "{\"results\":[{\"job\":1,\"status\":\"accepted\"},{\"job\":2,\"status\":\"fenced\"}]"
	    "}");
	assert_non_null(strstr(played_says(late_call(true, "/api/sync"), "done"), "\"job\":8"));
	assert_int_equal(played.tally.taken, 1);
	assert_int_equal(played.tally.late, 1);
}

static void
while_the_tracker_is_away_it_is_silent_too(void **state)
{
	(void)state;
	played_ended(earlier(), 1, "l1", OUT_DONE);
	played_answer(late_call(true, "/api/sync"), 503, "");
	assert_null(played_item(1)->told_by);
	assert_true(is_silent(true));
	played_now_us += 2 * SECOND_US;
	late_call(true, "/api/sync");
}

#define ONE(name) cmocka_unit_test_setup_teardown(name, open_one, close_all)
#define TWO(name) cmocka_unit_test_setup_teardown(name, open_two, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ONE(it_registers_with_its_key_and_without_a_body),
	    ONE(a_job_is_the_data_that_it_came_with),
	    TWO(each_slot_is_a_worker_of_its_own),
	    ONE(who_is_registered_already_is_not_again),
	    ONE(who_finds_no_work_asks_less_and_less_until_there_is_some),
	    ONE(a_call_that_was_let_wait_is_made_again_at_once),
	    ONE(after_an_outage_the_first_call_is_one_that_is_answered_at_once),
	    ONE(progress_is_told_when_it_changes_and_every_five_seconds_at_most),
	    ONE(a_long_run_is_never_silent_for_longer_than_is_safe),
	    ONE(progress_is_told_of_each_job),
	    ONE(who_is_unknown_at_its_progress_runs_on),
	    ONE(a_result_is_kept_until_it_is_consented_to),
	    ONE(a_result_that_is_not_taken_is_told_of_and_done_with),
	    ONE(a_result_says_what_it_is),
	    ONE(a_failure_and_a_flag_are_told_as_such),
	    ONE(a_job_is_given_back_by_a_farewell_and_the_slot_works_on),
	    ONE(who_is_unknown_registers_again),
	    TWO(it_is_over_when_every_slot_has_said_farewell),
	    TWO(it_is_over_when_every_slot_has_said_farewell_in_whatever_order),
	    ONE(its_results_go_under_its_own_token_and_then_its_farewell),
	    ONE(its_farewell_waits_for_what_still_runs),
	    ONE(its_result_without_a_lease_goes_by_the_older_call),
	    ONE(what_its_token_cannot_tell_is_offered_once_under_the_present_one),
	    ONE(what_is_passed_over_is_told_again_less_and_less_by_it_too),
	    ONE(a_call_of_it_that_is_too_long_goes_by_halves_and_then_whole_again),
	    ONE(while_the_tracker_is_away_it_is_silent_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
