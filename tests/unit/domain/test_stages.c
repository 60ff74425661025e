#include "../test.h"

#include <string.h>

#include "domain/stages.h"

static struct stage_names
names(const char *a, const char *b)
{
	struct stage_names n = {.n = 0};

	assert_true(stage_names_add(&n, a));
	if (b)
		assert_true(stage_names_add(&n, b));
	return n;
}

static void
there_is_room_for_five(void **state)
{
	struct stage_names n = {.n = 0};

	(void)state;
	for (int i = 0; i < STAGES_MAX; i++)
		assert_true(stage_names_add(&n, "x"));
	assert_false(stage_names_add(&n, "x"));
	assert_int_equal(n.n, STAGES_MAX);
}

static void
a_name_that_is_too_long_is_cut_between_two_characters(void **state)
{
	struct stage_names n = {.n = 0};
	char name[4 * 100 + 1] = "";

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(name, "\xf0\x9f\x90\xa7");
	assert_true(stage_names_add(&n, name));
	assert_int_equal(strlen(n.name[0]), 4 * 64);
}

static void
lists_are_the_same_when_all_names_are(void **state)
{
	struct stage_names one = names("A", NULL), two = names("A", "B"), other = names("A", "C");

	(void)state;
	assert_true(stage_names_same(&two, &two));
	assert_false(stage_names_same(&one, &two));
	assert_false(stage_names_same(&two, &other));
}

static void
what_is_said_of_them_is_quoted_and_cut(void **state)
{
	struct stage_names n = names("A", "B \"x\"");
	char text[64], small[16];

	(void)state;
	assert_string_equal(stage_names_text(text, sizeof(text), &n), "\"A\", \"B \\x22x\\x22\"");
	assert_in_range(strlen(stage_names_text(small, sizeof(small), &n)), 3, 15);
}

static void
who_reads_a_list_may_go_on_when_they_change(void **state)
{
	struct stage_names first = names("A", NULL), second = names("A", "B");
	struct stages *s = stages_new(&first);
	const struct stage_names *before = stages_now(s);

	(void)state;
	assert_false(stages_take(s, &first));
	assert_true(stages_now(s) == before);
	assert_true(stages_take(s, &second));
	assert_int_equal(stages_now(s)->n, 2);
	assert_int_equal(before->n, 1);
	assert_string_equal(before->name[0], "A");
	stages_free(s);
	stages_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(there_is_room_for_five),
	    cmocka_unit_test(a_name_that_is_too_long_is_cut_between_two_characters),
	    cmocka_unit_test(lists_are_the_same_when_all_names_are),
	    cmocka_unit_test(what_is_said_of_them_is_quoted_and_cut),
	    cmocka_unit_test(who_reads_a_list_may_go_on_when_they_change),
	};

	return cmocka_run_group_tests_name("stages", tests, NULL, NULL);
}
