/* Outcomes in the words of /api/sync: who is told what, and what the tracker's word makes of it. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "worker/report.h"
#include "worker/say.h"
#include "worker/talk.h"

static char dir[64];
static struct worker w;
static struct identity me, other;
static struct http_call call, another;

static int
open_all(void **state)
{
	static char program[] = "/bin/false", *command[] = {program, NULL};
	const struct hand_options o = {.command = command, .slots = 4, .max_result = 1000};
	struct err e = ERR_INIT;

	(void)state;
	say_open(SAY_ERROR);
	strcpy(dir, "/tmp/test-report-XXXXXX");
	memset(&w, 0, sizeof(w));
	if (!mkdtemp(dir) || !loop_open(&w.loop, &e) ||
	    !spool_open(&w.spool, dir, "https://tracker.example", &e))
		return -1;
	me = (struct identity){.token = strdup("me"), .name = "n", .present = true};
	other = (struct identity){.token = strdup("other"), .name = "o"};
	hand_init(&w.hand, &o, &w.loop, &w.spool, &w.guard);
	http_call_init(&call, 1 << 20, NULL, NULL);
	http_call_init(&another, 1 << 20, NULL, NULL);
	return 0;
}

static int
close_all(void **state)
{
	char remove[128];

	(void)state;
	http_call_fini(NULL, &call);
	http_call_fini(NULL, &another);
	hand_fini(&w.hand);
	spool_fini(&w.spool);
	loop_fini(&w.loop);
	free(me.token);
	free(other.token);
	snprintf(remove, sizeof(remove), "rm -r %s", dir);
	return system(remove);
}

static struct item *
ended(struct identity *who, int64_t job, const char *lease, enum outcome outcome)
{
	struct item *i = item_new(who, job, lease);

	i->state = ITEM_ENDED;
	i->outcome = outcome;
	buf_puts(&i->result, "\"r\"");
	snprintf(i->reason, sizeof(i->reason), "why");
	assert_true(hand_add(&w.hand, i));
	return i;
}

static int
answers(const char *text)
{
	struct scan_field results = {.name = "results"};

	buf_clear(&call.answer);
	buf_puts(&call.answer, text);
	assert_true(talk_read(&call, &results, 1));
	return report_take_results(&w, &call, results.value);
}

static int
in_hand(void)
{
	int n = 0;

	for (const struct item *i = w.hand.items; i; i = i->next)
		n++;
	return n;
}

static void
every_outcome_stands_in_its_list(void **state)
{
	(void)state;
	ended(&me, 1, "a", OUT_DONE);
	ended(&me, 2, "b", OUT_FAILED);
	ended(&me, 3, "c", OUT_FLAGGED);
	ended(&me, 4, "d", OUT_RELEASED);
	assert_int_equal(report_put(&w, &me, &call, 10), 4);
	assert_string_equal(call.body.data,
	    "{\"token\":\"me\",\"done\":[{\"job\":1,\"lease\":\"a\",\"data\":\"r\"}],"
	    "\"failed\":[{\"job\":2,\"lease\":\"b\",\"reason\":\"why\"}],"
	    "\"flagged\":[{\"job\":3,\"lease\":\"c\",\"reason\":\"why\"}],"
	    "\"released\":[{\"job\":4,\"lease\":\"d\"}]");
}

static void
what_one_call_tells_no_other_does(void **state)
{
	(void)state;
	ended(&me, 1, "a", OUT_DONE);
	ended(&me, 2, "b", OUT_DONE);
	assert_int_equal(report_put(&w, &me, &call, 1), 1);
	assert_int_equal(report_put(&w, &me, &another, 10), 1);
	assert_int_equal(report_put(&w, &me, &another, 10), 0);
	report_untell(&w, &call);
	assert_int_equal(report_put(&w, &me, &another, 10), 1);
}

/* What is beyond a server's limit of a body would be refused with all that is well; one alone may be as long as it is. */
static void
a_call_tells_no_more_than_a_body_holds(void **state)
{
	static const size_t lens[] = {6 << 20, 2 << 20, 1 << 20, 2 << 20};

	(void)state;
	for (size_t n = 0; n < COUNT(lens); n++) {
		char lease[2] = {(char)('a' + n), '\0'}, *many = malloc(lens[n]);
		struct item *i = ended(&me, (int64_t)n + 1, lease, OUT_DONE);

		memset(many, '7', lens[n]);
		buf_put(&i->result, many, lens[n]);
		free(many);
	}
	assert_int_equal(report_put(&w, &me, &call, 10), 1);
	assert_int_equal(report_put(&w, &me, &another, 10), 2);
	assert_true(another.body.len < (4 << 20));
	assert_int_equal(report_put(&w, &me, &call, 10), 1);
	assert_non_null(strstr(call.body.data, "\"job\":4"));
}

static void
nobody_tells_what_is_anothers_or_has_no_lease(void **state)
{
	(void)state;
	ended(&other, 1, "a", OUT_DONE);
	ended(&me, 2, NULL, OUT_DONE);
	ended(&me, 3, "c", OUT_DONE)->lost = true;
	assert_int_equal(report_put(&w, &me, &call, 10), 0);
}

static void
a_result_that_is_taken_is_forgotten_and_counted(void **state)
{
	(void)state;
	ended(&me, 1, "a", OUT_DONE);
	report_put(&w, &me, &call, 10);
	assert_int_equal(answers("{\"results\":[{\"job\":1,\"status\":\"accepted\"}]}"), 1);
	assert_int_equal(in_hand(), 0);
	assert_int_equal(w.tally.taken, 1);
}

static void
a_repeated_result_is_as_good_as_taken(void **state)
{
	(void)state;
	ended(&me, 1, "a", OUT_DONE);
	report_put(&w, &me, &call, 10);
	assert_int_equal(answers("{\"results\":[{\"job\":1,\"status\":\"repeat\"}]}"), 1);
	assert_int_equal(in_hand(), 0);
	assert_int_equal(w.tally.taken, 1);
	assert_int_equal(w.tally.late + w.tally.refused, 0);
}

static void
what_is_too_late_or_unknown_is_not_counted_as_taken(void **state)
{
	(void)state;
	for (int64_t n = 1; n <= 4; n++) {
		char lease[2] = {(char)('a' + n), '\0'};

		ended(&me, n, lease, OUT_DONE);
	}
	report_put(&w, &me, &call, 10);
	assert_int_equal(
	    answers("{\"results\":[{\"job\":1,\"status\":\"fenced\"},"
		    "{\"job\":2,\"status\":\"unknown\"},{\"job\":3,\"status\":\"what?\"},"
		    "{\"job\":4,\"status\":\"late\"}]}"),
	    4);
	assert_int_equal(in_hand(), 0);
	assert_int_equal(w.tally.taken, 0);
	assert_int_equal(w.tally.late, 1);
	assert_int_equal(w.tally.refused, 2);
	assert_int_equal(w.tally.seconds, 1);
}

static void
what_the_tracker_is_silent_about_is_told_again(void **state)
{
	(void)state;
	ended(&me, 1, "a", OUT_DONE);
	ended(&me, 2, "b", OUT_DONE);
	report_put(&w, &me, &call, 10);
	assert_int_equal(answers("{\"results\":[{\"job\":2,\"status\":\"accepted\"}]}"), 1);
	assert_int_equal(in_hand(), 1);
	assert_int_equal(report_put(&w, &me, &call, 10), 1);
	assert_non_null(strstr(call.body.data, "\"job\":1"));
}

static void
one_word_settles_one_hand_out(void **state)
{
	(void)state;
	ended(&me, 1, "a", OUT_DONE);
	ended(&me, 1, "b", OUT_DONE);
	report_put(&w, &me, &call, 10);
	assert_int_equal(answers("{\"results\":[{\"job\":1,\"status\":\"accepted\"}]}"), 1);
	assert_int_equal(in_hand(), 1);
}

static void
a_word_on_what_was_not_told_settles_nothing(void **state)
{
	(void)state;
	ended(&me, 1, "a", OUT_DONE);
	ended(&me, 2, "b", OUT_DONE);
	report_put(&w, &me, &another, 10);
	assert_int_equal(answers("{\"results\":[{\"job\":1,\"status\":\"accepted\"}]}"), 0);
	assert_int_equal(
	    answers("{\"results\":[{\"job\":\"2\",\"status\":\"accepted\"}, 5, null,"
		    "{\"job\":2}, {\"status\":\"accepted\"}, {\"job\":2,\"status\":5}]}"),
	    0);
	assert_int_equal(in_hand(), 2);
}

static void
a_refused_call_is_halved_until_one_is_to_blame(void **state)
{
	struct item *i;

	(void)state;
	for (int64_t n = 1; n <= 4; n++) {
		char lease[2] = {(char)('a' + n), '\0'};

		ended(&me, n, lease, OUT_DONE);
	}
	buf_puts(&call.answer, "too long\n");
	call.status = 413;
	assert_int_equal(report_shrink(&w, &call, report_put(&w, &me, &call, 4)), 2);
	assert_int_equal(report_shrink(&w, &call, report_put(&w, &me, &call, 2)), 1);
	i = w.hand.items;
	assert_int_equal(i->outcome, OUT_DONE);
	assert_int_equal(report_shrink(&w, &call, report_put(&w, &me, &call, 1)), 1);
	/* The others are well; this one fails, and whoever does it next is told why. */
	assert_int_equal(i->outcome, OUT_FAILED);
	assert_string_equal(i->reason, "the tracker refused the result: answer 413: too long");
	assert_int_equal(w.tally.refused, 1);
	assert_int_equal(in_hand(), 4);
}

static void
a_result_that_is_refused_for_its_data_fails_and_says_why(void **state)
{
	struct item *i = ended(&me, 7, "a", OUT_DONE);

	(void)state;
	report_put(&w, &me, &call, 10);
	assert_int_equal(answers("{\"results\":[{\"job\":7,\"status\":\"refused\",\"why\":\"a key "
				 "stands twice\"}]}"),
	    1);
	assert_int_equal(i->outcome, OUT_FAILED);
	assert_string_equal(i->reason, "the tracker refused the result: a key stands twice");
	assert_int_equal(w.tally.refused, 1);
	/* And that is told with the next call; who refuses that as well has had the last word. */
	assert_int_equal(report_put(&w, &me, &call, 10), 1);
	assert_int_equal(
	    answers("{\"results\":[{\"job\":7,\"status\":\"refused\",\"why\":\"no\"}]}"), 1);
	assert_int_equal(in_hand(), 0);
}

#define REPORT(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    REPORT(every_outcome_stands_in_its_list),
	    REPORT(what_one_call_tells_no_other_does),
	    REPORT(a_call_tells_no_more_than_a_body_holds),
	    REPORT(a_call_tells_no_more_than_a_body_holds),
	    REPORT(nobody_tells_what_is_anothers_or_has_no_lease),
	    REPORT(a_result_that_is_taken_is_forgotten_and_counted),
	    REPORT(a_repeated_result_is_as_good_as_taken),
	    REPORT(what_is_too_late_or_unknown_is_not_counted_as_taken),
	    REPORT(what_the_tracker_is_silent_about_is_told_again),
	    REPORT(one_word_settles_one_hand_out),
	    REPORT(a_word_on_what_was_not_told_settles_nothing),
	    REPORT(a_refused_call_is_halved_until_one_is_to_blame),
	    REPORT(a_result_that_is_refused_for_its_data_fails_and_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
