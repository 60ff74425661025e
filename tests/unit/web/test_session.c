#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "web/session.h"

#define NAME "__Host-me"

static void
what_the_browser_keeps_is_found_again(void **state)
{
	struct session made, read;
	char header[128];

	(void)state;
	session_new(&made);
	snprintf(header, sizeof(header), "theme=dark; " NAME "=%s;x=y", made.text);
	assert_true(session_read(&read, header, NAME));
	assert_memory_equal(&made, &read, sizeof(made));
	for (size_t i = 0; i < 4; i++) {
		static const char *const behind[] = {"", ";", " ; x=y", "\t; x=y"};

		snprintf(
		    header, sizeof(header), "x=" NAME ";\t" NAME "=%s%s", made.text, behind[i]);
		assert_true(session_read(&read, header, NAME));
	}
}

static void
nothing_else_is_a_session(void **state)
{
	static const char *const bad[] = {"", ";", "=", NAME, NAME "=", NAME "=0123456789abcdef",
	    NAME "=0123456789abcdef0123456789abcdef0", NAME "=0123456789ABCDEF0123456789ABCDEF",
	    NAME "=\"0123456789abcdef0123456789abcdef\"", NAME "x0123456789abcdef0123456789abcdef",
	    NAME "=0123456789abcdef0123456789abcdefg", "x" NAME "=0123456789abcdef0123456789abcdef",
	    NAME "x=0123456789abcdef0123456789abcdef", NAME "=g123456789abcdef0123456789abcdef",
	    "x=" NAME "=0123456789abcdef0123456789abcdef"};
	struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(session_read(&s, bad[i], NAME));
}

static void
a_form_is_of_its_session_alone(void **state)
{
	struct session one, other;

	(void)state;
	session_new(&one);
	session_new(&other);
	assert_true(session_made(&one, one.form, strlen(one.form)));
	assert_false(session_made(&one, other.form, strlen(other.form)));
	assert_false(session_made(&one, one.text, strlen(one.text)));
	assert_false(session_made(&one, one.form, strlen(one.form) - 1));
	assert_false(session_made(&one, "", 0));
	assert_string_not_equal(one.text, one.form);
}

static void
a_cookie_is_for_this_host_by_https_and_for_no_script(void **state)
{
	struct session s;
	struct arena a;

	(void)state;
	session_new(&s);
	arena_init(&a);
	assert_non_null(strstr(session_cookie(&a, NAME, &s, 60), s.text));
	assert_non_null(strstr(session_cookie(&a, NAME, &s, 60),
	    "; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Strict"));
	assert_string_equal(session_cookie(&a, NAME, NULL, 60),
	    NAME "=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict");
	arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_browser_keeps_is_found_again),
	    cmocka_unit_test(nothing_else_is_a_session),
	    cmocka_unit_test(a_form_is_of_its_session_alone),
	    cmocka_unit_test(a_cookie_is_for_this_host_by_https_and_for_no_script),
	};

	random_open();
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
