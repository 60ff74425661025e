#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"

struct values {
	const char *name, *secret, *uri;
	int64_t count, wait_s, room;
	bool open;
};

static const struct config_item items[] = {
    {"name", CONFIG_TEXT, offsetof(struct values, name), "Nobody", 1, 20, false, "who | what"},
    {"secret", CONFIG_TEXT, offsetof(struct values, secret), "", 0, 0, true, "a secret"},
    {"uri", CONFIG_TEXT, offsetof(struct values, uri), "x:/", 0, 0, true, "an address"},
    {"count", CONFIG_INT, offsetof(struct values, count), "3", 1, 10, false, "how many"},
    {"wait_time", CONFIG_SECONDS, offsetof(struct values, wait_s), "2h", 0, 86400, false,
	"how long"},
    {"room", CONFIG_BYTES, offsetof(struct values, room), "16M", 1024, 1 << 30, false, "how much"},
    {"open", CONFIG_BOOL, offsetof(struct values, open), "no", 0, 0, false, "whether"},
    {.name = NULL},
};

static struct values values;
static struct config config;
static struct err e;
static char path[64];

static int
begin(void **state)
{
	(void)state;
	e = ERR_INIT;
	strcpy(path, "/tmp/test_config.XXXXXX");
	close(mkstemp(path));
	return config_init(&config, items, &values, &e) ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	config_fini(&config);
	unlink(path);
	return 0;
}

static void
write_bytes(const char *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fwrite(bytes, 1, len, file);
	fclose(file);
}

static bool
read_file(const char *text)
{
	write_bytes(text, strlen(text));
	return config_file(&config, path, true, &e);
}

/* The text is refused at that line, with those words. */
static void
refused(const char *text, int line, const char *words)
{
	char place[100];

	assert_false(read_file(text));
	assert_int_equal(e.kind, ERR_INPUT);
	snprintf(place, sizeof(place), "%s:%d: ", path, line);
	if (strncmp(e.why, place, strlen(place)) != 0 || !strstr(e.why, words))
		fail_msg("'%s' is not '%s…%s'", e.why, place, words);
}

static void
defaults_hold_when_nothing_is_set(void **state)
{
	(void)state;
	assert_string_equal(values.name, "Nobody");
	assert_string_equal(values.secret, "");
	assert_int_equal(values.count, 3);
	assert_int_equal(values.wait_s, 7200);
	assert_int_equal(values.room, 16 << 20);
	assert_false(values.open);
	assert_string_equal(config_origin(&config, "count"), "default");
}

static void
a_file_sets_what_it_names(void **state)
{
	char want[100];

	(void)state;
	assert_true(read_file("# a comment\n\n[tracker]\r\nname = Ada Lovelace\r\n  count=7\n"
			      "wait_time = 15m ; soon\nopen = Yes\nroom: 2K"));
	assert_string_equal(values.name, "Ada Lovelace");
	assert_int_equal(values.count, 7);
	assert_int_equal(values.wait_s, 900);
	assert_int_equal(values.room, 2048);
	assert_true(values.open);
	snprintf(want, sizeof(want), "%s:5", path);
	assert_string_equal(config_origin(&config, "count"), want);
}

static void
an_unknown_name_is_refused_with_its_line(void **state)
{
	(void)state;
	refused("[tracker]\n\nnickname = x\n", 3, "unknown setting 'nickname'");
}

static void
a_bad_number_is_refused_with_its_line(void **state)
{
	(void)state;
	refused("[tracker]\ncount = many\n", 2, "count is not a number: 'many'");
}

static void
a_number_out_of_bounds_is_refused(void **state)
{
	(void)state;
	refused("[tracker]\ncount = 11\n", 2, "count must be between 1 and 10");
}

static void
a_word_that_is_neither_yes_nor_no_is_refused(void **state)
{
	(void)state;
	refused("[tracker]\nopen = maybe\n", 2, "open is yes or no");
}

static void
a_line_without_a_value_is_refused(void **state)
{
	(void)state;
	refused("[tracker]\ncount = 2\njust words\nnope = 1\n", 3, "expected 'name = value'");
}

static void
the_first_wrong_line_is_the_one_told(void **state)
{
	(void)state;
	refused("[tracker]\nnope = 1\njust words\n", 2, "unknown setting");
}

static void
another_section_is_refused(void **state)
{
	(void)state;
	refused("[tracker]\ncount = 2\n[other]\ncount = 3\n", 3, "unknown section");
}

static void
a_setting_before_any_section_is_refused(void **state)
{
	(void)state;
	refused("count = 2\n", 1, "before the line [tracker]");
}

static void
a_name_set_twice_is_refused(void **state)
{
	(void)state;
	refused("[tracker]\ncount = 2\ncount = 3\n", 3, "count is set twice");
}

static void
a_long_line_is_read_whole(void **state)
{
	static char text[70000] = "[tracker]\nuri = ";
	size_t head = strlen(text);

	(void)state;
	memset(text + head, 'x', 65536);
	strcpy(text + head + 65536, "\ncount = 4\n");
	assert_true(read_file(text));
	assert_int_equal(strlen(values.uri), 65536);
	assert_int_equal(values.count, 4);
}

static void
a_byte_order_mark_is_passed_over(void **state)
{
	(void)state;
	assert_true(read_file("\xEF\xBB\xBF[tracker]\ncount = 4\n"));
	assert_int_equal(values.count, 4);
	refused("[tracker]\n\xEF\xBB\xBF"
		"count = 4\n",
	    2, "unknown setting");
}

static void
a_semicolon_begins_a_comment_after_a_blank_only(void **state)
{
	(void)state;
	assert_true(read_file("; words\n[tracker] ; words\nname = a;b ;c\nsecret = ; none\n"));
	assert_string_equal(values.name, "a;b");
	assert_string_equal(values.secret, "");
}

static void
a_nul_in_the_file_is_refused(void **state)
{
	static const char text[] = "[tracker]\nname = a\0b\n";

	(void)state;
	write_bytes(text, sizeof(text) - 1);
	assert_false(config_file(&config, path, true, &e));
	assert_non_null(strstr(e.why, ":2: a NUL character"));
}

static void
text_that_is_no_utf8_or_has_controls_is_refused(void **state)
{
	(void)state;
	refused("[tracker]\nname = \xff\n", 2, "not UTF-8");
	err_clear(&e);
	refused("[tracker]\nname = a\x1b[31m\n", 2, "control characters");
}

static void
text_has_its_bounds(void **state)
{
	(void)state;
	refused("[tracker]\nname =\n", 2, "name may not be empty");
	err_clear(&e);
	refused("[tracker]\nname = 123456789012345678901\n", 2, "longer than 20 bytes");
}

static void
a_missing_file_is_an_error_only_when_named(void **state)
{
	(void)state;
	unlink(path);
	assert_true(config_file(&config, path, false, &e));
	assert_false(config_file(&config, path, true, &e));
	assert_non_null(strstr(e.why, "No such file"));
}

static void
a_folder_is_no_file(void **state)
{
	(void)state;
	assert_false(config_file(&config, "/tmp", false, &e));
	assert_int_equal(e.kind, ERR_INPUT);
}

static void
the_environment_wins_over_the_file(void **state)
{
	(void)state;
	assert_true(read_file("[tracker]\ncount = 5\nwait_time = 1\n"));
	setenv("TRACKER_COUNT", "6", 1);
	assert_true(config_env(&config, &e));
	unsetenv("TRACKER_COUNT");
	assert_int_equal(values.count, 6);
	assert_int_equal(values.wait_s, 1);
	assert_string_equal(config_origin(&config, "count"), "TRACKER_COUNT");
}

static void
a_wrong_variable_is_named(void **state)
{
	(void)state;
	setenv("TRACKER_WAIT_TIME", "soon", 1);
	assert_false(config_env(&config, &e));
	unsetenv("TRACKER_WAIT_TIME");
	assert_memory_equal(e.why, "TRACKER_WAIT_TIME: ", strlen("TRACKER_WAIT_TIME: "));
}

static void
a_flag_wins_and_is_named_when_wrong(void **state)
{
	(void)state;
	assert_true(config_set(&config, "count", "9", "--count", &e));
	assert_int_equal(values.count, 9);
	assert_false(config_set(&config, "count", "0", "--count", &e));
	assert_memory_equal(e.why, "--count: ", strlen("--count: "));
	err_clear(&e);
	assert_false(config_set(&config, "nope", "0", "--nope", &e));
}

static void
seconds_have_units(void **state)
{
	static const struct {
		const char *text;
		int64_t s;
	} cases[] = {{"90", 90}, {"90s", 90}, {"15m", 900}, {"2h", 7200}, {"1d", 86400}, {"0", 0}};
	static const char *const bad[] = {
	    "", "m", "1w", "1.5h", "-1", "2d", "1 h", "99999999999999999d"};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(config_set(&config, "wait_time", cases[i].text, "--x", &e));
		assert_int_equal(values.wait_s, cases[i].s);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(config_set(&config, "wait_time", bad[i], "--x", &e));
		err_clear(&e);
	}
}

/* What config_print writes; free it. */
static char *
printed(bool mask)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	config_print(&config, to, mask);
	fclose(to);
	return text;
}

static void
what_is_printed_reads_back(void **state)
{
	char *first, *second;

	(void)state;
	assert_true(read_file("[tracker]\nname = Ada\nsecret = s3\nuri = x=y\ncount = 9\n"
			      "wait_time = 61\nroom = 3000\nopen = on\n"));
	first = printed(false);
	config_fini(&config);
	assert_true(config_init(&config, items, &values, &e));
	assert_true(read_file(first));
	second = printed(false);
	assert_string_equal(first, second);
	assert_non_null(strstr(first, "wait_time = 61\nroom = 3000\nopen = yes\n"));
	free(first);
	free(second);
}

static void
what_may_be_a_secret_is_masked_and_a_default_is_none(void **state)
{
	char *text;

	(void)state;
	assert_true(config_set(&config, "secret", "word", "--secret", &e));
	text = printed(true);
	assert_non_null(strstr(text, "secret = ********\nuri = x:/\n"));
	free(text);
	assert_true(config_set(&config, "uri", "postgresql://me:word@host/db", "--uri", &e));
	text = printed(true);
	assert_non_null(strstr(text, "\nuri = ********\n"));
	assert_null(strstr(text, "word"));
	free(text);
}

static void
a_secret_is_not_repeated_in_an_error(void **state)
{
	(void)state;
	assert_false(config_set(&config, "secret", "word\x01", "--secret", &e));
	assert_null(strstr(e.why, "word"));
}

static void
the_sample_equals_the_defaults(void **state)
{
	struct values defaults = values;
	char *text = NULL, *line, *rest;
	size_t len;
	FILE *to = open_memstream(&text, &len), *file = fopen(path, "w");

	(void)state;
	config_sample(items, to);
	fclose(to);
	/* "#name = value" is a setting, "# words" are words. */
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		fprintf(file, "%s\n", line[0] == '#' && line[1] != ' ' ? line + 1 : line);
	fclose(file);
	free(text);
	config_fini(&config);
	assert_true(config_init(&config, items, &values, &e));
	assert_true(config_file(&config, path, true, &e));
	assert_string_equal(values.name, "Nobody");
	assert_int_equal(values.count, defaults.count);
	assert_int_equal(values.wait_s, defaults.wait_s);
	assert_int_equal(values.room, defaults.room);
	assert_int_equal(values.open, defaults.open);
	assert_non_null(strstr(config_origin(&config, "room"), path));
}

static void
the_markdown_has_a_row_a_setting(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	(void)state;
	config_markdown(items, to);
	fclose(to);
	assert_memory_equal(text, "| setting | default | what it is |\n|---|---|---|\n", 49);
	assert_non_null(strstr(text, "| `name` | `Nobody` | who \\| what |\n"));
	assert_non_null(strstr(text, "| `secret` |  | a secret |\n"));
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(defaults_hold_when_nothing_is_set),
	    TEST(a_file_sets_what_it_names),
	    TEST(an_unknown_name_is_refused_with_its_line),
	    TEST(a_bad_number_is_refused_with_its_line),
	    TEST(a_number_out_of_bounds_is_refused),
	    TEST(a_word_that_is_neither_yes_nor_no_is_refused),
	    TEST(a_line_without_a_value_is_refused),
	    TEST(the_first_wrong_line_is_the_one_told),
	    TEST(another_section_is_refused),
	    TEST(a_setting_before_any_section_is_refused),
	    TEST(a_name_set_twice_is_refused),
	    TEST(a_long_line_is_read_whole),
	    TEST(a_byte_order_mark_is_passed_over),
	    TEST(a_semicolon_begins_a_comment_after_a_blank_only),
	    TEST(a_nul_in_the_file_is_refused),
	    TEST(text_that_is_no_utf8_or_has_controls_is_refused),
	    TEST(text_has_its_bounds),
	    TEST(a_missing_file_is_an_error_only_when_named),
	    TEST(a_folder_is_no_file),
	    TEST(the_environment_wins_over_the_file),
	    TEST(a_wrong_variable_is_named),
	    TEST(a_flag_wins_and_is_named_when_wrong),
	    TEST(seconds_have_units),
	    TEST(what_is_printed_reads_back),
	    TEST(what_may_be_a_secret_is_masked_and_a_default_is_none),
	    TEST(a_secret_is_not_repeated_in_an_error),
	    TEST(the_sample_equals_the_defaults),
	    TEST(the_markdown_has_a_row_a_setting),
	};

	unsetenv("TRACKER_COUNT");
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
