#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load/source.h"

#define LIMIT 4096

/* Reads all of `text`; the jobs joined by "|", or the error. */
static void
read_all(
    enum source_form form, const char *text, size_t len, bool skip_blank, char *out, size_t size)
{
	char path[] = "/tmp/test_source_XXXXXX";
	struct err e = ERR_INIT;
	struct source s;
	const char *data = "";
	size_t n, at = 0;
	int fd = mkstemp(path);

	assert_true(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	close(fd);
	*out = '\0';
	assert_true(source_open(&s, form, path, LIMIT, &e));
	s.skip_blank = skip_blank;
	while (data && source_next(&s, &data, &n, &e))
		if (data)
			at += (size_t)snprintf(
			    out + at, size - at, "%s%.*s", at ? "|" : "", (int)n, data);
	if (e.kind != ERR_NONE)
		snprintf(out, size, "%s", e.why + strlen(path) + 2);
	source_close(&s);
	unlink(path);
}

static void
yields(enum source_form form, const char *text, const char *want)
{
	char got[4 * LIMIT];

	read_all(form, text, strlen(text), false, got, sizeof(got));
	assert_string_equal(got, want);
}

/* The error begins so. */
static void
refuses(enum source_form form, const char *text, const char *want)
{
	char got[4 * LIMIT];

	read_all(form, text, strlen(text), false, got, sizeof(got));
	got[strlen(want) < sizeof(got) ? strlen(want) : 0] = '\0';
	assert_string_equal(got, want);
}

static void
a_line_of_text_is_a_job_without_its_end(void **state)
{
	(void)state;
	yields(SOURCE_TEXT, "a\nb\r\n c \nlast", "a|b| c |last");
	yields(SOURCE_TEXT, "a\nb", "a|b");
	yields(SOURCE_TEXT, "a", "a");
	yields(SOURCE_TEXT,
	    "\xEF\xBB\xBF"
	    "first\n",
	    "first");
	yields(SOURCE_TEXT, "a\rb\n\"x\"\n{1}\n\\N\n", "a\rb|\"x\"|{1}|\\N");
	yields(SOURCE_TEXT, "", "");
}

static void
a_blank_line_is_refused_by_its_number_or_passed_over(void **state)
{
	char got[64];

	(void)state;
	refuses(SOURCE_TEXT, "a\n\nb\n", "line 2: is blank");
	refuses(SOURCE_TEXT, "a\r\n \t\r\n", "line 2: is blank");
	read_all(SOURCE_TEXT, "\na\n\n\nb\n\n", 8, true, got, sizeof(got));
	assert_string_equal(got, "a|b");
}

static void
text_that_no_job_can_be_is_refused(void **state)
{
	char got[128];

	(void)state;
	refuses(SOURCE_TEXT, "a\nb\xff\n", "line 2: is not UTF-8");
	refuses(SOURCE_TEXT, "<!json!>x\n", "line 1: begins with <!json!>");
	refuses(SOURCE_TEXT, "<!json!>5\n", "line 1: begins with <!json!>");
	read_all(SOURCE_TEXT, "a\0b\n", 4, false, got, sizeof(got));
	assert_string_equal(got, "line 1: holds a NUL, which no job can");
}

static void
a_marked_line_that_keeps_its_promise_is_taken(void **state)
{
	(void)state;
	yields(SOURCE_TEXT, "<!json!>[1, 2]\n<!json!>{}\n", "<!json!>[1, 2]|<!json!>{}");
}

static void
a_line_of_json_is_a_text_a_list_or_an_object(void **state)
{
	(void)state;
	yields(SOURCE_JSON_LINES, "\"a\"\n [1,  2.50]\r\n{\"k\":\"v\"} \n\"\\u00e9\\n\"",
	    "a|<!json!>[1,  2.50]|<!json!>{\"k\":\"v\"}|\xc3\xa9\n");
	refuses(SOURCE_JSON_LINES, "\"a\"\n5\n", "line 2: a job is a string, a list or an object");
	refuses(SOURCE_JSON_LINES, "null\n", "line 1: a job is");
	refuses(SOURCE_JSON_LINES, "\"a\"\nNaN\n", "line 2: ");
	refuses(SOURCE_JSON_LINES, "[1\n", "line 1: ");
	refuses(SOURCE_JSON_LINES, "[1] [2]\n", "line 1: ");
	refuses(SOURCE_JSON_LINES, "{\"a\":1,\"a\":2}\n", "line 1: ");
	refuses(SOURCE_JSON_LINES, "\"\\u0000\"\n", "line 1: ");
}

static void
what_is_refused_is_called_by_its_name(void **state)
{
	static const struct {
		const char *json, *why;
	} cases[] = {
	    {"{\"a\":1,\"\\u0061\":2}", "a key comes twice in an object, at byte 18"},
	    {"[\"\\u0000\"]", "a NUL in a string, at byte 4"},
	    {"[\"\\ud800\"]", "half of a surrogate pair in a string, at byte 8"},
	    {"[\"\xff\"]", "not UTF-8"},
	    {"[NaN]", "NaN or Infinity, at byte 1 of 5"},
	};
	char line[160], want[160], deep[2 * 65 + 2];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(line, sizeof(line), "\"a\"\n%s\n", cases[i].json);
		snprintf(want, sizeof(want), "line 2: refused as JSON: %s", cases[i].why);
		refuses(SOURCE_JSON_LINES, line, want);
		snprintf(line, sizeof(line), "[%s]", cases[i].json);
		snprintf(
		    want, sizeof(want), "element 1 (at byte 1): refused as JSON: %s", cases[i].why);
		refuses(SOURCE_JSON, line, want);
	}
	memset(deep, '[', 65);
	memset(deep + 65, ']', 65);
	strcpy(deep + 130, "\n");
	refuses(SOURCE_JSON_LINES, deep, "line 1: refused as JSON: nested deeper than 64");
	refuses(SOURCE_TEXT, "a\n<!json!>[NaN]\n",
	    "line 2: begins with <!json!>; what follows is refused as JSON: NaN or Infinity, at "
	    "byte 1");
	read_all(SOURCE_JSON_LINES, "[\"a\0\"]\n", 7, false, line, sizeof(line));
	assert_string_equal(line, "line 1: holds a NUL, which no job can");
}

static void
a_json_list_yields_its_elements(void **state)
{
	(void)state;
	yields(SOURCE_JSON, "[]", "");
	yields(SOURCE_JSON, " [ \"a\" , [1, \"]\"],\n{\"}\": {\"x\": []}}, \"\\\"\" ] \n",
	    "a|<!json!>[1, \"]\"]|<!json!>{\"}\": {\"x\": []}}|\"");
}

static void
a_json_list_that_is_none_is_refused_by_element_and_byte(void **state)
{
	(void)state;
	refuses(SOURCE_JSON, "{\"a\": 1}", "element 1 (at byte 0): a JSON list must begin with [");
	refuses(SOURCE_JSON, "", "element 1 (at byte 0): ");
	refuses(SOURCE_JSON, "[\"a\", 5]", "element 2 (at byte 6): a job is");
	refuses(SOURCE_JSON, "[\"a\" \"b\"]", "element 2 (at byte 4): a comma");
	refuses(SOURCE_JSON, "[\"a\",]", "element 2 (at byte 5): no value");
	refuses(SOURCE_JSON, "[,\"a\"]", "element 1 (at byte 1): no value");
	refuses(SOURCE_JSON, "[\"a\"", "element 2 (at byte 4): the file ends");
	refuses(SOURCE_JSON, "[\"a", "element 1 (at byte 1): ");
	refuses(SOURCE_JSON, "[\"a\"] [", "element 2 (at byte 5): something follows");
	refuses(SOURCE_JSON, "[[1}]", "element 1 (at byte 1): ");
	refuses(SOURCE_JSON, "[", "element 1 (at byte 1): ");
}

static void
a_job_over_the_limit_is_refused(void **state)
{
	char line[LIMIT + 16];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "a\n", 2);
	line[sizeof(line) - 1] = '\0';
	refuses(SOURCE_TEXT, line, "line 2: longer than 4096 bytes");
	memcpy(line, "[\"", 2);
	refuses(SOURCE_JSON, line, "element 1 (at byte 1): longer than 4096 bytes");
}

static void
a_file_longer_than_the_window_is_read_to_its_end(void **state)
{
	char path[] = "/tmp/test_source_XXXXXX";
	struct err e = ERR_INIT;
	struct source s;
	const char *data = "";
	size_t n = 0, jobs = 0;
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	(void)state;
	for (int i = 0; i < 100000; i++)
		fprintf(f, "this is line %d\n", i);
	fclose(f);
	assert_true(source_open(&s, SOURCE_TEXT, path, LIMIT, &e));
	while (source_next(&s, &data, &n, &e) && data)
		jobs++;
	assert_int_equal(e.kind, ERR_NONE);
	assert_int_equal(jobs, 100000);
	assert_true(s.window.size <= 1 << 20);
	source_close(&s);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_of_text_is_a_job_without_its_end),
	    cmocka_unit_test(a_blank_line_is_refused_by_its_number_or_passed_over),
	    cmocka_unit_test(text_that_no_job_can_be_is_refused),
	    cmocka_unit_test(a_marked_line_that_keeps_its_promise_is_taken),
	    cmocka_unit_test(a_line_of_json_is_a_text_a_list_or_an_object),
	    cmocka_unit_test(what_is_refused_is_called_by_its_name),
	    cmocka_unit_test(a_json_list_yields_its_elements),
	    cmocka_unit_test(a_json_list_that_is_none_is_refused_by_element_and_byte),
	    cmocka_unit_test(a_job_over_the_limit_is_refused),
	    cmocka_unit_test(a_file_longer_than_the_window_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
