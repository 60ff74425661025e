#include "../test.h"

#include <string.h>

#include "domain/rest.h"

static void
a_rest_says_how_long_why_and_what_ends_it(void **state)
{
	char text[REST_TEXT];

	(void)state;
	rest_text(text, sizeof(text), 32, 6);
	assert_string_equal(text,
	    "This worker rests for 32 seconds: its last 6 jobs failed, were flagged or given back. "
	    "Look why, for each rest is longer than the one before. A result ends it, and so can "
	    "the "
	    "operator, or who has a key of its name, on /me.");
}

static void
a_rest_that_others_brought_about_says_so(void **state)
{
	char text[REST_TEXT];

	(void)state;
	rest_text(text, sizeof(text), 3600, 0);
	assert_string_equal(text,
	    "This worker rests for 1 hour: those that came from its address before it failed, "
	    "flagged or gave back all that they got. Look why, for each rest is longer than the "
	    "one "
	    "before. A result from there ends it for all, and who has a key of its name does not "
	    "wait.");
}

static void
one_is_one(void **state)
{
	char text[REST_TEXT];

	(void)state;
	rest_cause(text, sizeof(text), 1);
	assert_string_equal(text, "its last 1 job failed, was flagged or given back");
	rest_full_text(text, sizeof(text), 1);
	assert_string_equal(
	    text, "This worker holds 1 job, as many as it may for now: each result is one more.");
}

static void
the_longest_has_room_enough(void **state)
{
	char text[REST_TEXT];

	(void)state;
	rest_text(text, sizeof(text), INT64_MAX, INT32_MAX);
	assert_non_null(strstr(text, "on /me."));
	rest_text(text, sizeof(text), INT64_MAX, 0);
	assert_non_null(strstr(text, "does not wait."));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_rest_says_how_long_why_and_what_ends_it),
	    cmocka_unit_test(a_rest_that_others_brought_about_says_so),
	    cmocka_unit_test(one_is_one),
	    cmocka_unit_test(the_longest_has_room_enough),
	};

	return cmocka_run_group_tests_name("rest", tests, NULL, NULL);
}
