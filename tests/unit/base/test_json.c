#include "../test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* The linker puts this in realloc's place (--wrap). */
static bool no_memory;

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *
__wrap_realloc(void *old, size_t size)
{
	return no_memory ? NULL : __real_realloc(old, size);
}

static json *
parse(const char *text)
{
	struct err e = ERR_INIT;
	json *value = json_parse(text, strlen(text), &e);

	if (!value)
		fail_msg("refused: %s (%s)", text, e.why);
	return value;
}

/* Each text is copied to the end of its own memory, so that a sanitizer sees a read behind it. */
static bool
is_valid(const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	bool answer;

	memcpy(copy + 1, text, len);
	answer = json_is_valid(copy + 1, len);
	free(copy);
	return answer;
}

static void
valid_texts_are_taken(void **state)
{
	static const char *const good[] = {
	    "null",
	    "true",
	    "false",
	    "0",
	    "-0",
	    "1",
	    "-1",
	    "12345678901234567890123456789012345678",
	    "0.0",
	    "-0.5e10",
	    "1e5",
	    "1E+5",
	    "1e-5",
	    "1e999",
	    "0e0",
	    "\"\"",
	    "\"a\"",
	    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
	    "\"\\u0041\\u00e4\\u20AC\\uD83D\\uDE00\"",
	    "\"äöü€😀\"",
	    "\"\x7f\"",
	    "\"\\u0001\"",
	    "\"\xe2\x80\xa8\"",
	    "[]",
	    "{}",
	    "[[]]",
	    "[1,2,3]",
	    "[1, 2 ,3 ]",
	    " \t\r\n{ \"a\" : 1 , \"b\" : [ ] } \n",
	    "{\"a\":{\"a\":{\"a\":1}}}",
	    "{\"\":1}",
	    "{\"a\":1,\"A\":2}",
	    "[null,true,false]",
	    "\"\\uDBFF\\uDFFF\"",
	    "\"\\\\u0000\"",
	    "\"long enough to be scanned eight bytes at a time \\n and on\"",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (!is_valid(good[i], strlen(good[i])))
			fail_msg("refused: %s", good[i]);
		json_free(parse(good[i]));
	}
}

static void
invalid_texts_are_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    " ",
	    "nul",
	    "nulll",
	    "NULL",
	    "True",
	    "NaN",
	    "Infinity",
	    "-Infinity",
	    "nan",
	    "undefined",
	    "'a'",
	    "{'a':1}",
	    "{a:1}",
	    "[1,]",
	    "[,1]",
	    "[1 2]",
	    "[",
	    "]",
	    "{",
	    "}",
	    "[}",
	    "{]",
	    "{\"a\"}",
	    "{\"a\":}",
	    "{\"a\":1,}",
	    "{,}",
	    "{\"a\" 1}",
	    "{1:2}",
	    "{\"a\":1 \"b\":2}",
	    "01",
	    "-01",
	    "+1",
	    "-",
	    "1.",
	    ".5",
	    "1.e5",
	    "1e",
	    "1e+",
	    "0x10",
	    "1_000",
	    "--1",
	    "1e1.5",
	    "\"",
	    "\"a",
	    "\"\\\"",
	    "\"\\x41\"",
	    "\"\\'\"",
	    "\"\\u12\"",
	    "\"\\u12G4\"",
	    "\"\\u 123\"",
	    "\"\\U0041\"",
	    "\"a\nb\"",
	    "\"a\tb\"",
	    "\"\x01\"",
	    "\"\x1f\"",
	    "1 2",
	    "{} {}",
	    "[] ,",
	    "null null",
	    "// c\n1",
	    "/* c */ 1",
	    "1 # c",
	    "\xef\xbb\xbf{}",
	    "\"\x80\"",
	    "\"\xc3\"",
	    "\"\xed\xa0\x80\"",
	    "\"\xff\"",
	    "{\"\xff\":1}",
	    "\v1",
	    "\f1",
	    "\xc2\xa0\x31",
	    "[1]]",
	    "\\u0041",
	    "true\"",
	    "{\"a\":1}x",
	    "\"long enough for eight bytes at a time\x01 and on\"",
	    "[1,2,3,\"unterminated]",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = ERR_INIT;

		if (is_valid(bad[i], strlen(bad[i])))
			fail_msg("taken: %s", bad[i]);
		assert_null(json_parse(bad[i], strlen(bad[i]), &e));
		assert_int_equal(e.kind, ERR_FIELD);
		assert_non_null(e.said);
	}
}

static void
a_nul_is_refused_however_it_is_written(void **state)
{
	(void)state;
	assert_false(is_valid("\"\\u0000\"", 8));
	assert_false(is_valid("\"a\\u0000b\"", 10));
	assert_false(is_valid("{\"\\u0000\":1}", 12));
	assert_false(is_valid("\"a\0b\"", 5));
	assert_false(is_valid("1\0", 2));
	assert_false(is_valid("\0", 1));
}

static void
half_a_surrogate_pair_is_refused(void **state)
{
	static const char *const bad[] = {"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"",
	    "\"\\ud800\\n\"", "\"\\ud800\\ud800\"", "\"\\ud800\\ue000\"", "\"\\udc00\\ud800\"",
	    "\"\\udc00\\udc00\"", "\"\\ud83d\\u0041\"", "\"\\ud83d\\ude0\"", "\"\\ud83d\\\"",
	    "\"\\ud83d\\u\"", "\"\\uDFFF\""};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(is_valid(bad[i], strlen(bad[i])));
}

static void
a_key_may_stand_once_in_an_object(void **state)
{
	static const char *const bad[] = {
	    "{\"a\":1,\"a\":1}",
	    "{\"a\":1,\"\\u0061\":2}",
	    "{\"ä\":1,\"\\u00e4\":2}",
	    "{\"😀\":1,\"\\ud83d\\ude00\":2}",
	    "{\"\\n\":1,\"\\u000a\":2}",
	    "{\"/\":1,\"\\/\":2}",
	    "{\"\":1,\"\":2}",
	    "[{\"x\":{\"b\":1,\"c\":2,\"b\":3}}]",
	    "{\"a\":{\"a\":1},\"b\":2,\"a\":3}",
	};
	static const char *const good[] = {
	    "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
	    "[{\"a\":1},{\"a\":1}]",
	    "{\"a\":1,\"aa\":2,\"\\\\u0061\":3}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (is_valid(bad[i], strlen(bad[i])))
			fail_msg("taken: %s", bad[i]);
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(is_valid(good[i], strlen(good[i])));
}

/* An object of n keys, the last one again the first one when `twice`. */
static char *
many_keys(int n, bool twice)
{
	struct buf b;

	buf_init(&b, 0); /* its bytes become the caller's */
	buf_putc(&b, '{');
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s\"key %d\":{\"key 1\":%d}", i ? "," : "",
		    twice && i == n - 1 ? 0 : i, i);
	buf_putc(&b, '}');
	return b.data;
}

static void
keys_are_compared_in_objects_of_any_size(void **state)
{
	static const int sizes[] = {2, 8, 9, 32, 33, 64, 65, 1000, 50000};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char *good = many_keys(sizes[i], false), *bad = many_keys(sizes[i], true);

		assert_true(json_is_valid(good, strlen(good)));
		assert_false(json_is_valid(bad, strlen(bad)));
		free(good);
		free(bad);
	}
}

static void
without_memory_for_keys_the_text_is_refused(void **state)
{
	char *text = many_keys(1000, false);
	struct err e = ERR_INIT;

	(void)state;
	no_memory = true;
	assert_null(json_parse(text, strlen(text), &e));
	no_memory = false;
	assert_int_equal(e.kind, ERR_FIELD);
	free(text);
}

/* n lists, one in the other. */
static bool
nested_is_valid(int n, char open, char close)
{
	char *text = malloc((size_t)n * 8 + 8);
	size_t len = 0;
	bool answer;

	for (int i = 0; i < n; i++) {
		text[len++] = open;
		if (open == '{') {
			memcpy(text + len, "\"a\":", 4);
			len += 4;
		}
	}
	text[len++] = '1';
	for (int i = 0; i < n; i++)
		text[len++] = close;
	answer = is_valid(text, len);
	if (answer) {
		struct err e = ERR_INIT;
		json *value = json_parse(text, len, &e);

		assert_non_null(value);
		json_free(value);
	}
	free(text);
	return answer;
}

static void
nesting_ends_at_the_depth(void **state)
{
	(void)state;
	assert_true(nested_is_valid(JSON_DEPTH, '[', ']'));
	assert_false(nested_is_valid(JSON_DEPTH + 1, '[', ']'));
	assert_true(nested_is_valid(JSON_DEPTH, '{', '}'));
	assert_false(nested_is_valid(JSON_DEPTH + 1, '{', '}'));
	assert_false(nested_is_valid(1000000, '[', ']'));
}

static void
values_have_the_type_that_was_written(void **state)
{
	json *o = parse("{\"n\":null,\"b\":true,\"i\":7,\"d\":1.5,\"t\":\"x\",\"l\":[],\"o\":{}}");

	(void)state;
	assert_int_equal(json_type(o), JSON_IS_OBJECT);
	assert_int_equal(json_type(json_get(o, "n")), JSON_IS_NULL);
	assert_int_equal(json_type(json_get(o, "b")), JSON_IS_BOOL);
	assert_int_equal(json_type(json_get(o, "i")), JSON_IS_INT);
	assert_int_equal(json_type(json_get(o, "d")), JSON_IS_DOUBLE);
	assert_int_equal(json_type(json_get(o, "t")), JSON_IS_TEXT);
	assert_int_equal(json_type(json_get(o, "l")), JSON_IS_LIST);
	assert_int_equal(json_type(json_get(o, "o")), JSON_IS_OBJECT);
	json_free(o);
}

static void
null_is_there_and_absent_is_not(void **state)
{
	json *o = parse("{\"a\":null}"), *list = parse("[null]"), *null = parse("null");

	(void)state;
	assert_non_null(json_get(o, "a"));
	assert_null(json_get(o, "b"));
	assert_non_null(json_list_at(list, 0));
	assert_null(json_list_at(list, 1));
	assert_int_equal(json_type(null), JSON_IS_NULL);
	json_free(null);
	json_free(list);
	json_free(o);
	json_free(NULL);
}

static void
asking_the_wrong_type_answers_false(void **state)
{
	json *o = parse("{\"a\":\"7\",\"i\":7,\"d\":7.0}");
	struct json_text text;
	int64_t n;

	(void)state;
	assert_false(json_as_int(json_get(o, "a"), &n));
	assert_false(json_as_int(json_get(o, "d"), &n));
	assert_false(json_as_text(json_get(o, "i"), &text));
	assert_false(json_as_text(NULL, &text));
	assert_false(json_as_int(NULL, &n));
	assert_null(json_get(json_get(o, "i"), "x"));
	assert_null(json_get(NULL, "x"));
	assert_int_equal(json_list_len(o), 0);
	assert_null(json_list_at(o, 0));
	json_free(o);
}

static void
text_is_decoded(void **state)
{
	json *v = parse("\"a\\u00e4\\ud83d\\ude00\\n\\/\"");
	struct json_text text;

	(void)state;
	assert_true(json_as_text(v, &text));
	assert_string_equal(text.s, "aä😀\n/");
	assert_int_equal(text.len, strlen(text.s));
	json_free(v);
}

static void
integers_are_exact_or_refused(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t n;
	} cases[] = {
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775807", true, -INT64_MAX},
	    {"9223372036854775808", false, 0},
	    {"18446744073709551615", false, 0},
	    {"18446744073709551616", false, 0},
	    {"-9223372036854775809", false, 0},
	    {"123456789012345678901234567890", false, 0},
	    {"-123456789012345678901234567890", false, 0},
	    {"0", true, 0},
	    {"-0", true, 0},
	    {"17", true, 17},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json *v = parse(cases[i].text);
		int64_t n = 0;

		if (json_as_int(v, &n) != cases[i].good)
			fail_msg("%s", cases[i].text);
		if (cases[i].good)
			assert_true(n == cases[i].n);
		json_free(v);
	}
}

static void
span_is(const struct json_span *span, const char *want)
{
	assert_int_equal(span->len, strlen(want));
	assert_memory_equal(span->s, want, span->len);
}

static void
spans_are_the_bytes_as_they_were_sent(void **state)
{
	const char *text =
	    "{\"token\":\"done\", \"x\":{\"done\":[{\"data\":0}]},\"done\":[ {\"job\":1,\"data\":  "
	    "12345678901234567890123 , \"y\":[1]}, {\"data\":\"a\\u0062\\n\"}, 7,{\"job\":2},"
	    "{\"data\":[1, {\"data\":2}],\"z\":{\"data\":3}},{\"data\":null} ],\"data\":9}";
	struct json_span spans[7];

	(void)state;
	json_free(parse(text));
	assert_true(json_spans(text, strlen(text), "done", "data", spans, COUNT(spans)));
	span_is(&spans[0], "12345678901234567890123");
	span_is(&spans[1], "\"a\\u0062\\n\"");
	assert_null(spans[2].s);
	assert_null(spans[3].s);
	span_is(&spans[4], "[1, {\"data\":2}]");
	span_is(&spans[5], "null");
	assert_null(spans[6].s);
}

static void
spans_know_keys_by_their_decoded_name(void **state)
{
	const char *text = "{\"d\\u006fne\":[{\"dat\\u0061\":1.50}]}";
	struct json_span span;

	(void)state;
	assert_true(json_spans(text, strlen(text), "done", "data", &span, 1));
	span_is(&span, "1.50");
}

static void
spans_stop_at_their_room(void **state)
{
	const char *text = "{\"done\":[{\"data\":1},{\"data\":2},{\"data\":3}]}";
	struct json_span spans[2];

	(void)state;
	assert_true(json_spans(text, strlen(text), "done", "data", spans, 2));
	span_is(&spans[1], "2");
}

static void
spans_of_what_is_no_list_are_none(void **state)
{
	struct json_span span;

	(void)state;
	assert_false(json_spans("{\"done\":{}}", 11, "done", "data", &span, 1));
	assert_false(json_spans("{}", 2, "done", "data", &span, 1));
	assert_false(json_spans("[]", 2, "done", "data", &span, 1));
	assert_true(json_spans("{\"done\":[]}", 11, "done", "data", &span, 1));
	assert_null(span.s);
}

static void
written_text_is_escaped_where_it_must_be(void **state)
{
	static const char text[] = "a\"b\\c/d\b\f\n\r\t\x01\x1f\x7fä€😀";
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	json_put_text(&b, text, sizeof(text) - 1);
	assert_string_equal(b.data, "\"a\\\"b\\\\c/d\\b\\f\\n\\r\\t\\u0001\\u001f\x7fä€😀\"");
	buf_clear(&b);
	json_put_text(&b, "", 0);
	assert_string_equal(b.data, "\"\"");
	buf_clear(&b);
	json_put_text(&b, "a\0b", 3);
	assert_string_equal(b.data, "\"a\\u0000b\"");
	buf_fini(&b);
}

/* A special byte at every place of texts around the width of the scanner's word. */
static void
written_text_reads_back_as_itself(void **state)
{
	static const char specials[] = "\"\\\n\x01\x1f z\x7f";
	char text[40];
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	for (size_t len = 1; len < sizeof(text); len++) {
		for (size_t at = 0; at < len; at++) {
			for (const char *c = specials; *c; c++) {
				struct err e = ERR_INIT;
				struct json_text back;
				json *v;

				memset(text, 'x', len);
				text[at] = *c;
				buf_clear(&b);
				json_put_text(&b, text, len);
				v = json_parse(b.data, b.len, &e);
				assert_non_null(v);
				assert_true(json_as_text(v, &back));
				assert_int_equal(back.len, len);
				assert_memory_equal(back.s, text, len);
				json_free(v);
			}
		}
	}
	buf_fini(&b);
}

static void
what_is_shown_tells_all_and_hides_nothing(void **state)
{
	static const char said[] =
	    "a\"\\\n\x1b \xc2\x9b \xe2\x80\xae \xf0\x93\x90\xb0 \xef\xbf\xbe \xef\xbf\xbf "
	    "\xe2\xa0\x80 \xc3\xa9";
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	json_put_shown(&b, said, sizeof(said) - 1);
	assert_string_equal(b.data,
	    "\"a\\\"\\\\\\u000a\\u001b \\u009b \\u202e \\ud80d\\udc30 \\ufffe \\uffff \\u2800 "
	    "\xc3\xa9\"");
	buf_fini(&b);
}

static void
a_value_that_is_shown_is_the_same_value(void **state)
{
	static const char value[] =
	    "{\"why\": \"\\\"e\xe2\x80\xaegnp\\\\\", \"n\": [1, \"\xc3\xa4\"]}";
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	json_put_value_shown(&b, value, sizeof(value) - 1);
	assert_string_equal(
	    buf_text(&b), "{\"why\": \"\\\"e\\u202egnp\\\\\", \"n\": [1, \"\xc3\xa4\"]}");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_shown_tells_all_and_hides_nothing),
	    cmocka_unit_test(a_value_that_is_shown_is_the_same_value),
	    cmocka_unit_test(valid_texts_are_taken),
	    cmocka_unit_test(invalid_texts_are_refused),
	    cmocka_unit_test(a_nul_is_refused_however_it_is_written),
	    cmocka_unit_test(half_a_surrogate_pair_is_refused),
	    cmocka_unit_test(a_key_may_stand_once_in_an_object),
	    cmocka_unit_test(keys_are_compared_in_objects_of_any_size),
	    cmocka_unit_test(without_memory_for_keys_the_text_is_refused),
	    cmocka_unit_test(nesting_ends_at_the_depth),
	    cmocka_unit_test(values_have_the_type_that_was_written),
	    cmocka_unit_test(null_is_there_and_absent_is_not),
	    cmocka_unit_test(asking_the_wrong_type_answers_false),
	    cmocka_unit_test(text_is_decoded),
	    cmocka_unit_test(integers_are_exact_or_refused),
	    cmocka_unit_test(spans_are_the_bytes_as_they_were_sent),
	    cmocka_unit_test(spans_know_keys_by_their_decoded_name),
	    cmocka_unit_test(spans_stop_at_their_room),
	    cmocka_unit_test(spans_of_what_is_no_list_are_none),
	    cmocka_unit_test(written_text_is_escaped_where_it_must_be),
	    cmocka_unit_test(written_text_reads_back_as_itself),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
