#include "../test.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/scan.h"

enum { TOKEN, DATA, FIELDS };

/* The text at the end of its own memory, so that a sanitizer sees a read behind it. */
static struct {
	struct scan_field field[FIELDS];
	char *text;
	struct err err;
} found;

static bool
look(const char *text, bool lenient)
{
	size_t len = strlen(text);

	free(found.text);
	memset(&found, 0, sizeof(found));
	found.text = malloc(len);
	memcpy(found.text, text, len);
	found.field[TOKEN].name = "token";
	found.field[DATA].name = "data";
	found.field[DATA].lenient = lenient;
	return scan_fields(found.text, len, found.field, FIELDS, &found.err);
}

static bool
takes(const char *text)
{
	return look(text, false);
}

static bool
lets_pass(const char *text)
{
	return look(text, true);
}

static void
is(struct json_span span, const char *want)
{
	assert_non_null(span.s);
	assert_int_equal(span.len, strlen(want));
	assert_memory_equal(span.s, want, span.len);
}

static int
forget(void **state)
{
	(void)state;
	free(found.text);
	found.text = NULL;
	return 0;
}

static void
fields_are_found_as_they_were_sent(void **state)
{
	(void)state;
	assert_true(takes(
	    " {\"z\":[{\"token\":1}], \"token\" : \"a\\u0062\" ,\"data\":{\"data\":[1, 2]}} "));
	is(found.field[TOKEN].value, "\"a\\u0062\"");
	is(found.field[DATA].value, "{\"data\":[1, 2]}");
}

static void
fields_are_known_by_their_decoded_name(void **state)
{
	(void)state;
	assert_true(takes("{\"\\u0074oken\":1,\"tokens\":2,\"toke\":3,\"d\\u0061ta\\u0061\":4}"));
	is(found.field[TOKEN].value, "1");
	assert_null(found.field[DATA].value.s);
}

static void
what_is_no_object_has_no_fields(void **state)
{
	static const char *const bad[] = {
	    "", " ", "[]", "1", "\"token\"", "{", "{}{}", "{},", "null"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(takes(bad[i]));
		assert_int_equal(found.err.kind, ERR_FIELD);
		assert_false(lets_pass(bad[i]));
	}
	assert_false(takes("[{\"token\":1}]"));
	assert_string_equal(found.err.said, "The body must be a JSON object.");
}

/* What can be blamed on one value. */
static const char *const doubts[] = {"\"\\u0000\"", "\"a\\u0000b\"", "NaN", "Infinity", "-Infinity",
    "\"\\ud800\"", "\"\\udc00\"", "\"\\udc00\\udc00\"", "\"\\ud800\\ue000\"", "\"\\ud800x\"",
    "\"\\ud800\\ud800\"", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"\\ud800\":1}",
    "{\"\\ud800\\u0041\":1}", "[[{\"a\":{\"b\":1,\"b\":1}}]]"};

static void
one_bad_value_spoils_a_whole_text(void **state)
{
	char text[256];
	size_t at;

	(void)state;
	for (size_t i = 0; i < COUNT(doubts); i++) {
		snprintf(text, sizeof(text), "{\"token\":1,\"z\":[%s]}", doubts[i]);
		if (takes(text))
			fail_msg("taken: %s", text);
		assert_non_null(scan_fault(doubts[i], strlen(doubts[i]), JSON_DEPTH, &at));
	}
}

static void
one_bad_value_is_let_pass_where_each_is_judged_by_itself(void **state)
{
	char text[256];

	(void)state;
	for (size_t i = 0; i < COUNT(doubts); i++) {
		struct json_span rest, item;

		snprintf(text, sizeof(text), "{\"data\":[1,%s,{\"x\":2}],\"token\":3}", doubts[i]);
		if (!lets_pass(text))
			fail_msg("refused: %s (%s)", text, found.err.said);
		assert_true(found.field[DATA].doubtful);
		is(found.field[TOKEN].value, "3");
		rest = found.field[DATA].value;
		assert_true(scan_next(&rest, &item));
		is(item, "1");
		assert_true(scan_next(&rest, &item));
		is(item, doubts[i]);
		assert_true(scan_next(&rest, &item));
		is(item, "{\"x\":2}");
		assert_false(scan_next(&rest, &item));
	}
	assert_true(lets_pass("{\"data\":[1]}"));
	assert_false(found.field[DATA].doubtful);
}

static void
the_outermost_object_is_beyond_doubt(void **state)
{
	static const char *const bad[] = {"{\"token\":1,\"token\":1}", "{\"token\":\"\\u0000\"}",
	    "{\"z\":[NaN]}", "{\"z\":\"\\ud800\"}", "{\"\\u0000\":1}",
	    "{\"data\":[NaN],\"a\":1,\"a\":1}"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (lets_pass(bad[i]))
			fail_msg("taken: %s", bad[i]);
}

static void
what_is_no_json_is_no_doubt(void **state)
{
	static const char *const bad[] = {"{\"data\":[1,]}", "{\"data\":[1}", "{\"data\":{\"a\"}}",
	    "{\"data\":[nan]}", "{\"data\":[+1]}", "{\"data\":['a']}", "{\"data\":[\"\\x\"]}",
	    "{\"data\":[\"\\ud800\\u12\"]}", "{\"data\":[-Inf]}", "{\"data\":[NaNa]}",
	    "{\"data\":[01]}"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (lets_pass(bad[i]))
			fail_msg("taken: %s", bad[i]);
}

/* {"z":[[[…]]]} with n lists. */
static char *
nested(int n)
{
	struct buf b;

	buf_init(&b, 0);
	buf_puts(&b, "{\"data\":");
	for (int i = 0; i < n; i++)
		buf_putc(&b, '[');
	for (int i = 0; i < n; i++)
		buf_putc(&b, ']');
	buf_puts(&b, ",\"token\":1}");
	return b.data;
}

static void
nesting_ends_at_the_depth_or_is_passed_over(void **state)
{
	static const struct {
		int lists;
		bool taken;
	} want[] = {{JSON_DEPTH_AROUND - 1, true}, {JSON_DEPTH_AROUND, false}, {1000000, false}};

	(void)state;
	for (size_t i = 0; i < COUNT(want); i++) {
		char *text = nested(want[i].lists);

		assert_int_equal(takes(text), want[i].taken);
		assert_true(lets_pass(text));
		assert_int_equal(found.field[DATA].doubtful, !want[i].taken);
		is(found.field[TOKEN].value, "1");
		free(text);
	}
	assert_false(
	    lets_pass("{\"data\":"
		      "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["));
}

static void
one_key_over_and_over_is_found_out_in_any_depth(void **state)
{
	struct buf b;

	(void)state;
	for (int depth = 0; depth < 3; depth++) {
		buf_init(&b, 0);
		for (int i = 0; i < depth; i++)
			buf_puts(&b, "{\"data\":");
		buf_puts(&b, "{\"k\":0");
		for (int i = 0; i < 100000; i++)
			buf_puts(&b, ",\"k\":0");
		for (int i = 0; i <= depth; i++)
			buf_putc(&b, '}');
		assert_false(takes(b.data));
		assert_string_equal(
		    found.err.said, "The JSON has the same key twice in one object.");
		assert_int_equal(lets_pass(b.data), depth > 0);
		buf_fini(&b);
	}
}

/* How much more the heap has given out than before; its own reserves are not counted. */
static size_t
heap_in_use(void)
{
	struct mallinfo2 now = mallinfo2();

	return now.uordblks + now.hblkhd;
}

static size_t most_in_use;

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* The linker puts this in realloc's place (--wrap). */
void *
__wrap_realloc(void *old, size_t size)
{
	void *now = __real_realloc(old, size);

	if (heap_in_use() > most_in_use)
		most_in_use = heap_in_use();
	return now;
}

/* An object of n keys, as short as they can be when all differ. */
static char *
short_keys(int n)
{
	struct buf b;

	buf_init(&b, 0);
	buf_puts(&b, "{\"token\":0");
	for (int i = 0; i < n; i++)
		buf_printf(&b, ",\"%x\":0", i);
	buf_putc(&b, '}');
	return b.data;
}

static void
keys_take_hardly_more_than_their_text(void **state)
{
	char *text = short_keys(300000);
	size_t len = strlen(text), before;

	(void)state;
	found.text = realloc(found.text, 1);
	before = heap_in_use();
	if (before == 0) { /* a sanitizer's heap does not tell */
		free(text);
		return;
	}
	most_in_use = 0;
	assert_true(takes(text));
	assert_true(most_in_use > before);
	/* The copy that takes() makes is the first time its length; room that is not yet used is no memory. */
	assert_true(most_in_use - before < 3 * len + len / 2);
	free(text);
}

static void
members_are_found_in_an_object_alone(void **state)
{
	static const char *const none[] = {"", "1", "[1]", "\"{}\""};
	struct scan_field field = {.name = "a"};
	struct json_span object = {"{\"b\":[1,{\"a\":0}],\"a\":{\"a\":7}}", 30};

	(void)state;
	assert_true(scan_members(object, &field, 1));
	is(field.value, "{\"a\":7}");
	for (size_t i = 0; i < COUNT(none); i++)
		assert_false(scan_members((struct json_span){none[i], strlen(none[i])}, &field, 1));
}

static void
a_list_is_counted_no_further_than_asked(void **state)
{
	static const char *const list[] = {"[]", "[ ]", "[1]", "[ {\"a\":[1,2]} , [] , \"],\" ]"};
	static const size_t want[] = {0, 0, 1, 3};

	(void)state;
	for (size_t i = 0; i < COUNT(list); i++)
		assert_int_equal(
		    scan_count((struct json_span){list[i], strlen(list[i])}, 100), want[i]);
	assert_int_equal(scan_count((struct json_span){"[1,2,3,4]", 9}, 2), 3);
	assert_int_equal(scan_count((struct json_span){"{\"a\":1}", 7}, 2), 0);
}

static bool
as_int(const char *text, int64_t *out)
{
	return scan_as_int((struct json_span){text, strlen(text)}, out);
}

static void
integers_are_exact_or_none(void **state)
{
	static const char *const bad[] = {
	    "", "1.0", "1e2", "\"1\"", "null", "[1]", "9223372036854775808"};
	int64_t n;

	(void)state;
	assert_true(as_int("-9223372036854775808", &n));
	assert_true(n == INT64_MIN);
	assert_true(as_int("9223372036854775807", &n));
	assert_true(n == INT64_MAX);
	assert_true(as_int("-0", &n));
	assert_int_equal(n, 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(as_int(bad[i], &n));
}

/* Decoded in another place, and where it stands. */
static void
reads_as(const char *literal, const char *want, size_t want_len)
{
	size_t len = strlen(literal);
	char *place = malloc(len), *room = malloc(len);
	struct json_text text;

	memcpy(place, literal, len);
	assert_true(scan_as_text((struct json_span){place, len}, room, &text));
	assert_int_equal(text.len, want_len);
	assert_memory_equal(text.s, want, want_len + 1);
	assert_true(scan_as_text((struct json_span){place, len}, place, &text));
	assert_int_equal(text.len, want_len);
	assert_memory_equal(text.s, want, want_len + 1);
	free(place);
	free(room);
}

static void
text_is_decoded_wherever_it_is_put(void **state)
{
	static const struct {
		const char *literal, *want;
	} texts[] = {{"\"\"", ""}, {"\"a\"", "a"}, {"\"plain\"", "plain"}, {"\"\\\"\"", "\""},
	    {"\"\\\\\\/\\b\\f\\n\\r\\t\"", "\\/\b\f\n\r\t"}, {"\"\\u0041\\u00e9\\u20ac\"", "Aé€"},
	    {"\"\\ud83e\\udd8a!\"", "🦊!"}, {"\"x\\u0041y\\nz\"", "xAy\nz"},
	    {"\"é🦊\"", "é🦊"}, {"\"\\\\u0041\"", "\\u0041"},
	    {"\"\\uD7FF\\uE000\"", "\xed\x9f\xbf\xee\x80\x80"}};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		reads_as(texts[i].literal, texts[i].want, strlen(texts[i].want));
}

static void
what_is_no_text_is_not_decoded(void **state)
{
	static const char *const bad[] = {"1", "null", "[\"a\"]", "", "\"\\u0000\"", "\"\\ud800\"",
	    "\"a\\udc00b\"", "\"\\ud800\\ud800\""};
	struct json_text text;
	char room[32];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(scan_as_text((struct json_span){bad[i], strlen(bad[i])}, room, &text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(fields_are_found_as_they_were_sent, forget),
	    cmocka_unit_test_teardown(fields_are_known_by_their_decoded_name, forget),
	    cmocka_unit_test_teardown(what_is_no_object_has_no_fields, forget),
	    cmocka_unit_test_teardown(one_bad_value_spoils_a_whole_text, forget),
	    cmocka_unit_test_teardown(
		one_bad_value_is_let_pass_where_each_is_judged_by_itself, forget),
	    cmocka_unit_test_teardown(the_outermost_object_is_beyond_doubt, forget),
	    cmocka_unit_test_teardown(what_is_no_json_is_no_doubt, forget),
	    cmocka_unit_test_teardown(nesting_ends_at_the_depth_or_is_passed_over, forget),
	    cmocka_unit_test_teardown(one_key_over_and_over_is_found_out_in_any_depth, forget),
	    cmocka_unit_test_teardown(keys_take_hardly_more_than_their_text, forget),
	    cmocka_unit_test(members_are_found_in_an_object_alone),
	    cmocka_unit_test(a_list_is_counted_no_further_than_asked),
	    cmocka_unit_test(integers_are_exact_or_none),
	    cmocka_unit_test(text_is_decoded_wherever_it_is_put),
	    cmocka_unit_test(what_is_no_text_is_not_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
