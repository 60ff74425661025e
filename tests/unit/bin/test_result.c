#include "../test.h"

#include <string.h>

#include "export/result.h"

#define TEXT(text) ((struct result_text){text, sizeof(text) - 1})

static void
writes(const struct result *r, struct result_form form, const char *want)
{
	struct buf b;

	buf_init(&b, 0);
	result_put(&b, r, &form);
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
	    "{\"job\":17,\"stage\":\"b\",\"input\":\"in\",\"input_format\":\"text\",\"output\":"
	    "\"out\",\"format\":\"text\",\"who\":\"A \\\"d\\\" "
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

/* The columns of the list, in that form. */
static void
columns_become(enum result_kind kind, const char *list, const struct result *r, const char *head,
    const char *want)
{
	struct result_form form = {.kind = kind};
	struct err e = ERR_INIT;
	struct buf b;

	buf_init(&b, 0);
	assert_true(result_columns(&form, list, &e));
	result_put_head(&b, &form);
	assert_string_equal(b.data ? b.data : "", head);
	buf_fini(&b);
	writes(r, form, want);
}

static void
data_is_named_for_what_it_is(void **state)
{
	const struct {
		struct result_text data;
		const char *want;
	} cases[] = {
	    {TEXT("plain"), "{\"output\":\"plain\",\"format\":\"text\"}\n"},
	    {TEXT("<!json!>[1]"), "{\"output\":[1],\"format\":\"json\"}\n"},
	    {TEXT("<!json!>\t\"a\""), "{\"output\":\"a\",\"format\":\"json\"}\n"},
	    {TEXT("<!json!>[NaN]"), "{\"output\":\"<!json!>[NaN]\",\"format\":\"text\"}\n"},
	    {TEXT("<!json!>[\"\\u0000\"]"),
		"{\"output\":\"<!json!>[\\\"\\\\u0000\\\"]\",\"format\":\"text\"}\n"},
	    {TEXT("<!json!>{\"a\":1,\"a\":2}"),
		"{\"output\":\"<!json!>{\\\"a\\\":1,\\\"a\\\":2}\",\"format\":\"text\"}\n"},
	    {TEXT("<!json!>5"), "{\"output\":\"<!json!>5\",\"format\":\"text\"}\n"},
	    {{NULL, 0}, "{\"output\":null,\"format\":null}\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct result r = {.output = cases[i].data};

		columns_become(RESULT_JSONL, "output,format", &r, "", cases[i].want);
	}
}

static void
csv_quotes_what_would_end_a_cell(void **state)
{
	struct result r = {.job = 1, .output = TEXT("a,\"b\"\nc"), .who = TEXT("")};

	(void)state;
	columns_become(RESULT_CSV, "job,output,who,worker,format", &r,
	    "job,output,who,worker,format\n", "1,\"a,\"\"b\"\"\nc\",\"\",,text\n");
	r.output = TEXT("<!json!>[1, 2]");
	columns_become(RESULT_CSV, "output", &r, "output\n", "\"[1, 2]\"\n");
}

static void
tsv_escapes_what_would_end_a_cell(void **state)
{
	struct result r = {.stage = 3, .output = TEXT("a\tb\nc\rd\\e"), .input = TEXT("plain")};

	(void)state;
	columns_become(RESULT_TSV, "input,output,stage", &r, "input\toutput\tstage\n",
	    "plain\ta\\tb\\nc\\rd\\\\e\tc\n");
}

static void
columns_that_are_none_are_refused(void **state)
{
	static const char *const lists[] = {"", "job,", ",job", "jobs", "job,job", "job, stage"};
	struct result_form form;

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		struct err e = ERR_INIT;

		if (result_columns(&form, lists[i], &e))
			fail_msg("'%s' is taken", lists[i]);
		assert_int_equal(e.kind, ERR_FIELD);
	}
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
	    cmocka_unit_test(data_is_named_for_what_it_is),
	    cmocka_unit_test(csv_quotes_what_would_end_a_cell),
	    cmocka_unit_test(tsv_escapes_what_would_end_a_cell),
	    cmocka_unit_test(columns_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
