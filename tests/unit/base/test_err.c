#include "../test.h"

#include <string.h>

#include "base/err.h"

static void
the_first_cause_is_kept(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_false(err_set(&e, ERR_MISSING, "Not here.", "worker %d", 7));
	assert_false(err_set(&e, ERR_BUG, "Other.", "later"));
	assert_int_equal(e.kind, ERR_MISSING);
	assert_string_equal(e.said, "Not here.");
	assert_string_equal(e.why, "worker 7");
	assert_non_null(strstr(e.file, "test_err.c"));
}

static void
a_cleared_error_takes_the_next_cause(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_BUG, NULL, "first");
	err_clear(&e);
	assert_int_equal(e.kind, ERR_NONE);
	err_set(&e, ERR_BUSY, NULL, "second");
	assert_string_equal(e.why, "second");
}

static void
a_long_why_is_cut_at_its_end(void **state)
{
	struct err e = ERR_INIT;
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&e, ERR_BUG, NULL, "%s", text);
	assert_int_equal(strlen(e.why), sizeof(e.why) - 1);
}

static void
nobody_who_listens_is_fine(void **state)
{
	(void)state;
	assert_false(err_set(NULL, ERR_BUG, NULL, "nobody hears"));
}

static void
every_kind_has_a_name(void **state)
{
	(void)state;
	for (int kind = ERR_NONE; kind <= ERR_BUG; kind++)
		assert_string_not_equal(err_kind_name((enum err_kind)kind), "unknown");
	assert_string_equal(err_kind_name((enum err_kind)99), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_cause_is_kept),
	    cmocka_unit_test(a_cleared_error_takes_the_next_cause),
	    cmocka_unit_test(a_long_why_is_cut_at_its_end),
	    cmocka_unit_test(nobody_who_listens_is_fine),
	    cmocka_unit_test(every_kind_has_a_name),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
