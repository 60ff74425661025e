#include "../test.h"

#include <string.h>

#include "export/result.h"

#define TEXT(text) ((struct result_text){text, sizeof(text) - 1})

static void
writes(const struct result *r, struct result_form form, const char *want)
{
	struct buf b;

	buf_init(&b, 0);
	result_put(&b, r, form);
	assert_string_equal(b.data, want);
	buf_fini(&b);
}

/* As the output alone. */
static void
data_becomes(struct result_text data, const char *want)
{
	struct result r = {.output = data};

	writes(&r, (struct result_form){.output_only = true}, want);
}

static void
a_result_is_one_line_with_all_that_is_known(void **state)
{
	const struct result r = {.stage = 2,
	    .job = 17,
	    .input = TEXT("in"),
	    .output = TEXT("out"),
	    .who = TEXT("A \"d\" a"),
	    .worker = TEXT("quiet-river-12"),
	    .started_us = 1795400000000001,
	    .finished_us = 1795400001500000,
	    .attempts = 3};

	(void)state;
	writes(&r, (struct result_form){.raw = false},
	    "{\"job\":17,\"stage\":\"b\",\"input\":\"in\",\"output\":\"out\",\"who\":\"A \\\"d\\\" "
	    "a\","
	    "\"worker\":\"quiet-river-12\",\"started\":\"2026-11-23T02:13:20.000001Z\","
	    "\"finished\":\"2026-11-23T02:13:21.500000Z\",\"attempts\":3}\n");
}

static void
text_is_a_json_string(void **state)
{
	(void)state;
	data_becomes(TEXT("a\n\"b\"\\\x01"), "\"a\\n\\\"b\\\"\\\\\\u0001\"\n");
	data_becomes(TEXT(""), "\"\"\n");
}

static void
marked_data_is_json_on_one_line(void **state)
{
	(void)state;
	data_becomes(TEXT("<!json!>{\"a\":\n\t[1,  2.50, 12345678901234567890]}"),
	    "{\"a\": \t[1,  2.50, 12345678901234567890]}\n");
	data_becomes(TEXT("<!json!>[\r\n]"), "[  ]\n");
	data_becomes(TEXT("<!json!>5"), "\"<!json!>5\"\n");
	data_becomes(TEXT("<!json!>\t5"), "5\n");
}

static void
marked_data_that_is_no_json_is_a_string(void **state)
{
	(void)state;
	data_becomes(TEXT("<!json!>{"), "\"<!json!>{\"\n");
	data_becomes(TEXT("<!json!>"), "\"<!json!>\"\n");
	data_becomes(TEXT("<!json"), "\"<!json\"\n");
}

static void
raw_data_is_a_string_of_what_is_kept(void **state)
{
	struct result r = {.output = TEXT("<!json!>[1]")};

	(void)state;
	writes(&r, (struct result_form){.raw = true, .output_only = true}, "\"<!json!>[1]\"\n");
}

static void
what_is_missing_is_null(void **state)
{
	(void)state;
	data_becomes((struct result_text){NULL, 0}, "null\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_result_is_one_line_with_all_that_is_known),
	    cmocka_unit_test(text_is_a_json_string),
	    cmocka_unit_test(marked_data_is_json_on_one_line),
	    cmocka_unit_test(marked_data_that_is_no_json_is_a_string),
	    cmocka_unit_test(raw_data_is_a_string_of_what_is_kept),
	    cmocka_unit_test(what_is_missing_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
