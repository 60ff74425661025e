#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "load/brace.h"

#define WORDS_MAX 32

struct sample {
	const char *pattern;
	const char *words; /* joined by a space */
};

static void
expand(const char *pattern, char *out, size_t size)
{
	struct err e = ERR_INIT;
	struct brace b;
	const char *word;
	size_t len, at = 0;

	*out = '\0';
	assert_true(brace_open(&b, pattern, strlen(pattern), &e));
	for (int n = 0; n < WORDS_MAX && brace_next(&b, &word, &len); n++)
		at +=
		    (size_t)snprintf(out + at, size - at, "%s%.*s", at ? " " : "", (int)len, word);
	brace_close(&b);
}

static void
check(const struct sample *samples, size_t n)
{
	char got[1024];

	for (size_t i = 0; i < n; i++) {
		expand(samples[i].pattern, got, sizeof(got));
		assert_string_equal(got, samples[i].words);
	}
}

static void
a_choice_yields_each_of_its_words(void **state)
{
	static const struct sample samples[] = {{"plain", "plain"}, {"{a,b}", "a b"},
	    {"x{a,b,c}y", "xay xby xcy"}, {"{a,b}{c,d}", "ac ad bc bd"},
	    {"{a,b{1,2},c}", "a b1 b2 c"}, {"{{a,b},{c,d}}", "a b c d"}, {"{a,}x", "ax x"},
	    {"{,}", ""}, {"", ""}};

	(void)state;
	check(samples, COUNT(samples));
}

static void
a_sequence_of_numbers_goes_up_and_down_in_steps(void **state)
{
	static const struct sample samples[] = {{"{1..4}", "1 2 3 4"}, {"{4..1}", "4 3 2 1"},
	    {"{1..9..3}", "1 4 7"}, {"{9..1..3}", "9 6 3"}, {"{1..9..-3}", "1 4 7"},
	    {"{5..5}", "5"}, {"{-1..1}", "-1 0 1"}, {"{1..3..0}", "1 2 3"}, {"{+1..+2}", "1 2"},
	    {"{9223372036854775806..9223372036854775807}",
		"9223372036854775806 9223372036854775807"}};

	(void)state;
	check(samples, COUNT(samples));
}

static void
a_zero_in_front_pads_all_terms(void **state)
{
	static const struct sample samples[] = {{"{08..11}", "08 09 10 11"},
	    {"{8..010}", "008 009 010"}, {"{-05..5..5}", "-05 000 005"}, {"{0..2}", "0 1 2"},
	    {"{-0..1}", "0 1"}};

	(void)state;
	check(samples, COUNT(samples));
}

static void
a_sequence_of_letters_goes_up_and_down(void **state)
{
	static const struct sample samples[] = {
	    {"{a..e}", "a b c d e"}, {"{e..a..2}", "e c a"}, {"{Y..Z}", "Y Z"}};

	(void)state;
	check(samples, COUNT(samples));
}

static void
what_is_no_expansion_stays_as_it_is(void **state)
{
	static const struct sample samples[] = {{"{a}", "{a}"}, {"{}", "{}"}, {"{a,b", "{a,b"},
	    {"a,b}", "a,b}"}, {"{1..}", "{1..}"}, {"{1..b}", "{1..b}"}, {"{a..bb}", "{a..bb}"},
	    {"{1..3..}", "{1..3..}"}, {"{{a,b}", "{a {b"},
	    {"{1..99999999999999999999}", "{1..99999999999999999999}"}, {"{},a}", "{},a}"},
	    {"x{},a}", "x} xa"}, {"{a..{b,c}}", "a..b a..c"}, {"b{c}d{3,4}", "b{c}d3 b{c}d4"}};

	(void)state;
	check(samples, COUNT(samples));
}

static void
a_backslash_takes_the_meaning_from_the_next_character(void **state)
{
	static const struct sample samples[] = {{"{a,b\\,c}", "a b,c"}, {"\\{a,b}", "{a,b}"},
	    {"{a\\}b,c}", "a}b c"}, {"a\\\\b", "a\\b"}, {"{a,b}\\", "a\\ b\\"}};

	(void)state;
	check(samples, COUNT(samples));
}

static void
the_count_is_known_before_the_first_word(void **state)
{
	static const struct {
		const char *pattern;
		uint64_t count;
	} samples[] = {{"x", 1}, {"{1..10000000000}", 10000000000},
	    {"{a,b}{1..5}{x,y,z{1..2}}", 40}, {"{1..9223372036854775807}{1..3}", UINT64_MAX}};
	struct err e = ERR_INIT;
	struct brace b;

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		assert_true(brace_open(&b, samples[i].pattern, strlen(samples[i].pattern), &e));
		assert_true(brace_count(&b) == samples[i].count);
		brace_close(&b);
	}
}

static void
a_pattern_nested_too_deeply_is_refused(void **state)
{
	char pattern[4 * BRACE_DEPTH + 8] = "";
	struct err e = ERR_INIT;
	struct brace b;

	(void)state;
	for (int i = 0; i < BRACE_DEPTH + 1; i++)
		strcat(pattern, "{a,");
	for (int i = 0; i < BRACE_DEPTH + 1; i++)
		strcat(pattern, "}");
	assert_false(brace_open(&b, pattern, strlen(pattern), &e));
	assert_int_equal(e.kind, ERR_INPUT);
	brace_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_choice_yields_each_of_its_words),
	    cmocka_unit_test(a_sequence_of_numbers_goes_up_and_down_in_steps),
	    cmocka_unit_test(a_zero_in_front_pads_all_terms),
	    cmocka_unit_test(a_sequence_of_letters_goes_up_and_down),
	    cmocka_unit_test(what_is_no_expansion_stays_as_it_is),
	    cmocka_unit_test(a_backslash_takes_the_meaning_from_the_next_character),
	    cmocka_unit_test(the_count_is_known_before_the_first_word),
	    cmocka_unit_test(a_pattern_nested_too_deeply_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
