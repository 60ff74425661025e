/* What an answer means, whatever sent it; and what the user hears of it. */
#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "played.h"
#include "worker/talk.h"

static struct http_call call;

static int
open_all(void **state)
{
	(void)state;
	http_call_init(&call, 1 << 20, NULL, NULL);
	return played_open(1);
}

static int
close_all(void **state)
{
	(void)state;
	http_call_fini(NULL, &call);
	return played_close();
}

static void
answers(long status, const char *text)
{
	call.status = status;
	buf_clear(&call.answer);
	buf_puts(&call.answer, text);
}

static void
each_status_has_its_meaning(void **state)
{
	static const struct {
		long status;
		const char *text;
		enum meaning meaning;
	} each[] = {
	    {200, "{}", MEANS_ANSWER},
	    {200, "", MEANS_ANSWER},
	    {0, "", MEANS_AWAY},
	    {408, "", MEANS_AWAY},
	    {425, "", MEANS_AWAY},
	    {429, "", MEANS_AWAY},
	    {500, "", MEANS_AWAY},
	    {502, "<html>", MEANS_AWAY},
	    {503, "", MEANS_AWAY},
	    {504, "", MEANS_AWAY},
	    {507, "", MEANS_AWAY},
	    {599, "", MEANS_AWAY},
	    {501, "", MEANS_NO_CALL},
	    {404, "", MEANS_NO_CALL},
	    {404, "<html>", MEANS_NO_CALL},
	    {405, "", MEANS_NO_CALL},
	    {404, "\"could not find this worker\"", MEANS_UNKNOWN},
	    {403, "\"could not find this worker\"", MEANS_REFUSED},
	    {400, "bad", MEANS_REFUSED},
	    {401, "bad", MEANS_REFUSED},
	    {403, "bad", MEANS_REFUSED},
	    {403, "", MEANS_REFUSED},
	    {422, "bad", MEANS_REFUSED},
	    {413, "<html>", MEANS_REFUSED},
	    {413, "", MEANS_REFUSED},
	    {400, "<html>", MEANS_STRANGE},
	    {401, " \r\n\t<html>", MEANS_STRANGE},
	    {403, "<html>", MEANS_STRANGE},
	    {422, "<html>", MEANS_STRANGE},
	    {402, "", MEANS_STRANGE},
	    {409, "", MEANS_STRANGE},
	    {301, "", MEANS_STRANGE},
	    {201, "{}", MEANS_STRANGE},
	    {204, "", MEANS_STRANGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(each); i++) {
		answers(each[i].status, each[i].text);
		if (talk_meaning(&call) != each[i].meaning)
			fail_msg("%ld '%s' means %d", each[i].status, each[i].text,
			    (int)talk_meaning(&call));
	}
	answers(0, "");
	call.distrusted = true;
	assert_int_equal(talk_meaning(&call), MEANS_DISTRUSTED);
}

static void
consent_is_a_short_word(void **state)
{
	char text[80];

	(void)state;
	answers(200, "\"OK\"");
	assert_true(talk_is_ok(&call));
	answers(200, "");
	assert_false(talk_is_ok(&call));
	answers(200, "ok");
	assert_false(talk_is_ok(&call));
	for (size_t len = 63; len <= 64; len++) {
		memset(text, ' ', sizeof(text));
		memcpy(text, "OK", 2);
		text[len] = '\0';
		answers(200, text);
		assert_int_equal(talk_is_ok(&call), len == 63);
	}
}

/* Of the answer its first line, clean; of a page nothing. */
static void
why_is_told_in_a_clean_line(void **state)
{
	char why[60];

	(void)state;
	answers(403, "not\x1b[2J yours\r\nmore");
	assert_string_equal(talk_why(&call, why, sizeof(why)), "answer 403: not yours");
	answers(502, "<html>");
	assert_string_equal(talk_why(&call, why, sizeof(why)), "answer 502");
	answers(400, "");
	assert_string_equal(talk_why(&call, why, sizeof(why)), "answer 400");
	answers(400, "a line that is a good deal longer than there is room for it here");
	assert_int_equal(strlen(talk_why(&call, why, sizeof(why))), sizeof(why) - 1);
	strcpy(call.error, "no\x1b route");
	assert_string_equal(talk_why(&call, why, sizeof(why)), "no  route");
}

static void
a_busy_tracker_is_told_from_one_that_is_away(void **state)
{
	(void)state;
	answers(429, "too many");
	call.retry_after_s = 40;
	talk_take_away(&played, &call, MEANS_AWAY);
	assert_int_equal(played.away, AWAY_BUSY);
	assert_true(played.backoff.until_us >= played_now_us + 40 * SECOND_US);
	assert_non_null(strstr(played_said(), "lets this worker wait"));
	backoff_over(&played.backoff);
	answers(503, "");
	call.retry_after_s = 50;
	talk_take_away(&played, &call, MEANS_AWAY);
	assert_int_equal(played.away, AWAY_SILENT);
	assert_true(played.backoff.until_us >= played_now_us + 50 * SECOND_US);
	assert_non_null(strstr(played_said(), "cannot be reached"));
	assert_int_equal(played.trouble, TROUBLE_NONE);
}

/* Before it was ever reached, something else is there; later, or with results in hand, that passes. */
static void
what_is_no_tracker_is_a_trouble_at_first_only(void **state)
{
	(void)state;
	answers(403, "<html>");
	talk_take_away(&played, &call, MEANS_STRANGE);
	assert_int_equal(played.trouble, TROUBLE_NO_TRACKER);
	assert_false(played.away_told);
	played.trouble = TROUBLE_NONE;
	played_ended(worker_identity(&played, "before"), 1, "l1", OUT_DONE);
	talk_take_away(&played, &call, MEANS_STRANGE);
	assert_int_equal(played.trouble, TROUBLE_NONE);
	assert_true(played.away_told);
	hand_forget(&played.hand, played_item(1));
	worker_reached(&played);
	talk_take_away(&played, &call, MEANS_STRANGE);
	assert_int_equal(played.trouble, TROUBLE_NONE);
	assert_true(played.away_told);
}

static void
who_is_not_trusted_is_a_trouble_at_first_only(void **state)
{
	(void)state;
	answers(0, "");
	talk_take_away(&played, &call, MEANS_DISTRUSTED);
	assert_int_equal(played.trouble, TROUBLE_DISTRUST);
	played.trouble = TROUBLE_NONE;
	worker_reached(&played);
	talk_take_away(&played, &call, MEANS_DISTRUSTED);
	assert_int_equal(played.trouble, TROUBLE_NONE);
	assert_true(played.away_told);
}

/* ---- registering -------------------------------------------------------------------------------- */

static struct identity *
is_answered(long status, const char *text)
{
	answers(status, text);
	return talk_take_welcome(&played, &call);
}

static void
a_welcome_names_the_worker_and_says_how_patient_the_tracker_is(void **state)
{
	struct identity *who = is_answered(200,
	    "{\"token\":\"t\",\"display_name\":\"able-acorn-1\",\"project\":\"P\","
	    "\"stage_name\":\"Fil Ter\",\"idle_timeout\":90}");

	(void)state;
	assert_non_null(who);
	assert_string_equal(who->token, "t");
	assert_string_equal(who->name, "able-acorn-1");
	assert_true(who->present);
	assert_true(played.was_welcome && played.was_reached);
	assert_int_equal(played.idle_timeout_s, 90);
	assert_non_null(strstr(played_said(),
	    "working as able-acorn-1 in stage Fil Ter of P: "
	    "https://tracker.example/worker/fil%20ter/able-acorn-1"));
}

static void
a_patience_that_is_none_changes_nothing(void **state)
{
	static const char *const none[] = {"0", "-1", "31557601", "\"90\"", "1.5", "null"};
	char text[100];

	(void)state;
	for (size_t i = 0; i < COUNT(none); i++) {
		snprintf(text, sizeof(text), "{\"token\":\"t\",\"idle_timeout\":%s}", none[i]);
		assert_non_null(is_answered(200, text));
		assert_int_equal(played.idle_timeout_s, 7200);
	}
	assert_non_null(is_answered(200, "{\"token\":\"t\",\"idle_timeout\":31557600}"));
	assert_int_equal(played.idle_timeout_s, 31557600);
	assert_non_null(is_answered(200, "{\"token\":\"t\",\"idle_timeout\":1}"));
	assert_int_equal(played.idle_timeout_s, 1);
}

static void
without_a_token_there_is_no_welcome(void **state)
{
	static const char *const none[] = {"{}", "{\"token\":\"\"}", "{\"token\":5}",
	    "{\"token\":\"a\\u0007\"}", "[]", "<html>", ""};
	char text[600], token[520];

	(void)state;
	for (size_t i = 0; i < COUNT(none); i++) {
		played.trouble = TROUBLE_NONE;
		assert_null(is_answered(200, none[i]));
		assert_int_equal(played.trouble, TROUBLE_NO_TRACKER);
	}
	for (size_t len = 512; len <= 513; len++) {
		memset(token, 't', sizeof(token));
		token[len] = '\0';
		snprintf(text, sizeof(text), "{\"token\":\"%s\"}", token);
		assert_int_equal(!is_answered(200, text), len > 512);
	}
}

static void
a_refusal_is_a_trouble_at_first_only(void **state)
{
	(void)state;
	assert_null(is_answered(403, "the name is somebody's"));
	assert_int_equal(played.trouble, TROUBLE_REFUSED);
	assert_string_equal(played.trouble_said, "answer 403: the name is somebody's");
	played.trouble = TROUBLE_NONE;
	played_ended(worker_identity(&played, "before"), 1, "l1", OUT_DONE);
	assert_null(is_answered(403, "banned")); /* what waits from an earlier run is worth it */
	assert_int_equal(played.trouble, TROUBLE_NONE);
	hand_forget(&played.hand, played_item(1));
	played.was_welcome = true;
	assert_null(is_answered(403, "banned"));
	assert_int_equal(played.trouble, TROUBLE_NONE);
	assert_int_equal(played.away, AWAY_UNWANTED);
	assert_true(played.backoff.until_us >= played_now_us + 30 * SECOND_US);
	assert_null(is_answered(404, "Not Found"));
	assert_int_equal(played.away, AWAY_SILENT);
	assert_int_equal(played.trouble, TROUBLE_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_status_has_its_meaning),
	    TEST(consent_is_a_short_word),
	    TEST(why_is_told_in_a_clean_line),
	    TEST(a_busy_tracker_is_told_from_one_that_is_away),
	    TEST(what_is_no_tracker_is_a_trouble_at_first_only),
	    TEST(who_is_not_trusted_is_a_trouble_at_first_only),
	    TEST(a_welcome_names_the_worker_and_says_how_patient_the_tracker_is),
	    TEST(a_patience_that_is_none_changes_nothing),
	    TEST(without_a_token_there_is_no_welcome),
	    TEST(a_refusal_is_a_trouble_at_first_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
