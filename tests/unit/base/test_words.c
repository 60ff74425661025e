#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "base/words.h"

static struct arena arena;

static const char *
tidy(const char *s)
{
	return words_tidy(&arena, s, strlen(s));
}

static void
words_are_small_and_in_order_and_there_once(void **state)
{
	(void)state;
	assert_string_equal(tidy("ram32, GPU,gpu  a.b_c-9"), "a.b_c-9,gpu,ram32");
	assert_string_equal(tidy(""), "");
	assert_string_equal(tidy(" ,, ,"), "");
}

static void
what_is_no_word_is_passed_over(void **state)
{
	(void)state;
	assert_string_equal(tidy("gpu;drop,ok,-x,.y,gr\xc3\xb6\xc3\x9f,a\nb"), "ok");
	assert_string_equal(tidy("0123456789012345678901234567890123,fine"), "fine");
	assert_string_equal(
	    tidy("01234567890123456789012345678901"), "01234567890123456789012345678901");
	assert_string_equal(words_tidy(&arena, "a\0b,c", 5), "c");
}

static void
the_first_sixty_four_are_kept(void **state)
{
	char many[4000] = "", *at = many;
	size_t n = 1;

	(void)state;
	for (int i = 0; i < 500; i++)
		at += sprintf(at, "w%d,", 100 + i);
	for (const char *c = tidy(many); *c; c++)
		n += *c == ',';
	assert_int_equal(n, WORDS_MOST);
	assert_true(words_have(tidy(many), "w163"));
	assert_false(words_have(tidy(many), "w164"));
}

static void
one_is_found_among_others_and_none_that_only_begins_so(void **state)
{
	(void)state;
	assert_true(words_have("gpu", "gpu"));
	assert_true(words_have("a,gpu,z", "gpu"));
	assert_true(words_have("a,gpu", "a"));
	assert_false(words_have("a,gpu2,z", "gpu"));
	assert_false(words_have("a,gp,z", "gpu"));
	assert_false(words_have("", "gpu"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_are_small_and_in_order_and_there_once),
	    cmocka_unit_test(what_is_no_word_is_passed_over),
	    cmocka_unit_test(the_first_sixty_four_are_kept),
	    cmocka_unit_test(one_is_found_among_others_and_none_that_only_begins_so),
	};
	int failed;

	arena_init(&arena);
	failed = cmocka_run_group_tests_name("words", tests, NULL, NULL);
	arena_fini(&arena);
	return failed;
}
