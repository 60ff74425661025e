#include "../test.h"

#include <string.h>

#include "base/url.h"

static struct arena arena;

static int
begin(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

/* The value as a text; NULL when absent. Fails the test when refused. */
static const char *
query(const char *text, const char *name)
{
	struct err e = ERR_INIT;
	const char *out;
	size_t len;

	assert_true(url_query(&arena, text, name, &out, &len, &e));
	if (out)
		assert_int_equal(strlen(out), len);
	return out;
}

static void
a_parameter_is_found_by_its_whole_name(void **state)
{
	(void)state;
	assert_string_equal(query("nickname=Ada&stage=a", "stage"), "a");
	assert_string_equal(query("nickname=Ada&stage=a", "nickname"), "Ada");
	assert_null(query("nickname=Ada", "nick"));
	assert_null(query("nick=Ada", "nickname"));
	assert_null(query("", "stage"));
	assert_null(query(NULL, "stage"));
	assert_null(query("&&&", "stage"));
}

static void
the_first_of_two_counts(void **state)
{
	(void)state;
	assert_string_equal(query("a=1&a=2", "a"), "1");
}

static void
a_parameter_may_be_empty(void **state)
{
	(void)state;
	assert_string_equal(query("a=&b=2", "a"), "");
	assert_string_equal(query("a&b=2", "a"), "");
	assert_string_equal(query("b=2&a", "a"), "");
}

static void
escapes_and_plus_are_decoded(void **state)
{
	(void)state;
	assert_string_equal(query("n=Ada+Lovelace%21", "n"), "Ada Lovelace!");
	assert_string_equal(query("n=%C3%A4%c3%A4", "n"), "ää");
	assert_string_equal(query("n=a%2Bb%26c%3Dd", "n"), "a+b&c=d");
	assert_string_equal(query("n=a=b", "n"), "a=b");
	assert_string_equal(query("nick%6eame=x", "nickname"), "x");
}

static void
malformed_values_are_refused(void **state)
{
	static const char *const bad[] = {"n=%", "n=%4", "n=%zz", "n=%4g", "n=a%00b", "n=%ff",
	    "n=%c3", "n=%ed%a0%80", "n=%c0%80", "n=\xff", "n=% 41", "n=%+1"};
	const char *out;
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = ERR_INIT;

		assert_false(url_query(&arena, bad[i], "n", &out, &len, &e));
		assert_int_equal(e.kind, ERR_INPUT);
		assert_non_null(e.said);
		assert_null(out);
	}
}

static void
other_parameters_may_be_malformed(void **state)
{
	(void)state;
	assert_string_equal(query("x=%zz&%=1&n=ok", "n"), "ok");
	assert_null(query("%", "n"));
}

static void
a_path_part_keeps_its_plus(void **state)
{
	struct err e = ERR_INIT;
	const char *out;
	size_t len;

	(void)state;
	assert_true(url_decode(&arena, "a+b%20c%2Fd", 11, &out, &len, &e));
	assert_string_equal(out, "a+b c/d");
	assert_int_equal(len, 7);
	assert_true(url_decode(&arena, "", 0, &out, &len, &e));
	assert_string_equal(out, "");
	assert_false(url_decode(&arena, "a\0b", 3, &out, &len, &e));
	assert_false(url_decode(&arena, "a%4", 3, &out, &len, &e));
}

static void
an_escape_does_not_read_over_the_end(void **state)
{
	struct err e = ERR_INIT;
	const char *out;
	size_t len;

	(void)state;
	/* The digits stand behind the length. */
	assert_false(url_decode(&arena, "a%41", 2, &out, &len, &e));
	err_clear(&e);
	assert_false(url_decode(&arena, "a%41", 3, &out, &len, &e));
}

static void
what_is_encoded_decodes_to_itself(void **state)
{
	struct err e = ERR_INIT;
	struct buf b;
	const char *out, *text = "Stage B/ä?&=+%#\"<>'~-_.";
	size_t len;

	(void)state;
	buf_init(&b, 0);
	url_encode(&b, text, strlen(text));
	assert_string_equal(b.data, "Stage%20B%2F%C3%A4%3F%26%3D%2B%25%23%22%3C%3E%27~-_.");
	assert_true(url_decode(&arena, b.data, b.len, &out, &len, &e));
	assert_string_equal(out, text);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_parameter_is_found_by_its_whole_name, begin, end),
	    cmocka_unit_test_setup_teardown(the_first_of_two_counts, begin, end),
	    cmocka_unit_test_setup_teardown(a_parameter_may_be_empty, begin, end),
	    cmocka_unit_test_setup_teardown(escapes_and_plus_are_decoded, begin, end),
	    cmocka_unit_test_setup_teardown(malformed_values_are_refused, begin, end),
	    cmocka_unit_test_setup_teardown(other_parameters_may_be_malformed, begin, end),
	    cmocka_unit_test_setup_teardown(a_path_part_keeps_its_plus, begin, end),
	    cmocka_unit_test_setup_teardown(an_escape_does_not_read_over_the_end, begin, end),
	    cmocka_unit_test_setup_teardown(what_is_encoded_decodes_to_itself, begin, end),
	};

	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
