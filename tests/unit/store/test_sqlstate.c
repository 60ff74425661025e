#include "../test.h"

#include "store/sqlstate.h"

static void
assert_blames(enum sqlstate_blame blame, const char *const *states)
{
	for (; *states; states++)
		if (sqlstate_blame(*states) != blame)
			fail_msg(
			    "%s: %d, not %d", *states, (int)sqlstate_blame(*states), (int)blame);
}

static void
what_any_server_would_refuse_is_the_calls_own(void **state)
{
	static const char *const states[] = {"22P02", "22021", "22003", "23505", "23502", "23514",
	    "21000", "20000", "2F003", "38000", "3B001", "40002", "44000", "54000", "54001",
	    "P0001", "P0004", "TR001", "0B000", NULL};

	(void)state;
	assert_blames(BLAME_CALL, states);
}

static void
who_came_between_is_asked_past_at_once(void **state)
{
	static const char *const states[] = {
	    "40001", "40P01", "40000", "72000", "0A000", "26000", NULL};

	(void)state;
	assert_blames(BLAME_CLASH, states);
}

static void
what_is_missing_from_the_schema_is_no_calls_fault(void **state)
{
	static const char *const states[] = {"42P01", "42883", "42703", "42501", "42804", "3F000",
	    "34000", "24000", "25001", "2BP01", NULL};

	(void)state;
	assert_blames(BLAME_SCHEMA, states);
}

static void
a_server_in_trouble_is_in_trouble_for_everybody(void **state)
{
	static const char *const states[] = {"53000", "53100", "53300", "55006", "55000", "57000",
	    "F0000", "HV000", "", "99999", NULL};

	(void)state;
	assert_blames(BLAME_SERVER, states);
}

static void
what_may_be_one_huge_values_or_one_rows_is_left_open(void **state)
{
	static const char *const states[] = {"53200", "53400", "55P03", "57014", "58030", "58P01",
	    "58P02", "XX000", "XX001", "XX002", NULL};

	(void)state;
	assert_blames(BLAME_EITHER, states);
}

static void
no_op_is_given_up_for_what_says_nothing_of_it(void **state)
{
	static const char *const own[] = {"22P02", "23514", "54000", "P0001", "57014", "53200"};
	static const char *const never[] = {"53100", "53300", "25006", "42501", "42883", "40P01",
	    "57P01", "57P03", "26000", "55006", "08006", "F0000", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		assert_true(sqlstate_may_be_own(own[i]));
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (sqlstate_may_be_own(never[i]))
			fail_msg("%s", never[i]);
}

static void
a_connection_that_is_of_no_use_is_named(void **state)
{
	static const char *const states[] = {"08000", "08006", "08P01", "25006", "25P02", "25P03",
	    "25P04", "28000", "28P01", "3D000", "40003", "57P01", "57P02", "57P03", "57P04",
	    "57P05", NULL};

	(void)state;
	assert_blames(BLAME_SESSION, states);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_any_server_would_refuse_is_the_calls_own),
	    cmocka_unit_test(who_came_between_is_asked_past_at_once),
	    cmocka_unit_test(what_is_missing_from_the_schema_is_no_calls_fault),
	    cmocka_unit_test(a_server_in_trouble_is_in_trouble_for_everybody),
	    cmocka_unit_test(what_may_be_one_huge_values_or_one_rows_is_left_open),
	    cmocka_unit_test(no_op_is_given_up_for_what_says_nothing_of_it),
	    cmocka_unit_test(a_connection_that_is_of_no_use_is_named),
	};

	return cmocka_run_group_tests_name("sqlstate", tests, NULL, NULL);
}
