#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "base/structured.h"

static bool
is_json(const char *data, const char *want)
{
	struct json_span value = {NULL, 0};

	if (!structured_read(data, strlen(data), &value)) {
		assert_null(value.s);
		return false;
	}
	assert_int_equal(value.len, strlen(want));
	assert_memory_equal(value.s, want, value.len);
	return true;
}

/* As /api/sync keeps a value, and what comes out again. */
static void
keeps(const char *value, const char *want)
{
	struct err e = ERR_INIT;
	json *parsed = json_parse(value, strlen(value), &e);
	struct json_text text = {NULL, 0};
	struct json_span out;
	char kept[128];
	const char *head;

	assert_non_null(parsed);
	json_as_text(parsed, &text);
	head = structured_head(value, &text);
	snprintf(kept, sizeof(kept), "%s%s", head ? head : "", head ? value : text.s);
	assert_string_equal(kept, want);
	if (head) {
		assert_true(structured_read(kept, strlen(kept), &out));
		assert_string_equal(out.s, value);
	} else {
		assert_false(structured_read(kept, strlen(kept), &out));
	}
	json_free(parsed);
}

static void
a_list_or_an_object_behind_the_mark_is_json(void **state)
{
	(void)state;
	assert_true(is_json("<!json!>[1,  2.50]", "[1,  2.50]"));
	assert_true(is_json("<!json!>{}", "{}"));
	assert_true(is_json("<!json!> \n{\"a\": 1}", " \n{\"a\": 1}"));
	assert_true(is_json("<!json!>\t[]", "\t[]"));
}

static void
a_bare_value_behind_the_mark_is_text(void **state)
{
	static const char *const bare[] = {
	    "5", "-1.5e3", "true", "false", "null", "\"x\"", " 5", "\n5", ""};
	char data[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
		snprintf(data, sizeof(data), STRUCTURED_MARK "%s", bare[i]);
		assert_false(is_json(data, ""));
	}
}

static void
what_is_no_json_behind_the_mark_is_text(void **state)
{
	(void)state;
	assert_false(is_json("<!json!>{", ""));
	assert_false(is_json("<!json!>[NaN]", ""));
	assert_false(is_json("<!json!>[\"\\u0000\"]", ""));
	assert_false(is_json("<!json!>[\"\\ud800\"]", ""));
	assert_false(is_json("<!json!>{\"a\": 1, \"a\": 2}", ""));
	assert_false(is_json("<!json!>[1] 2", ""));
	assert_false(is_json("<!json!>\t", ""));
	assert_false(is_json("<!json", ""));
	assert_false(is_json(" <!json!>[]", ""));
	assert_false(is_json("", ""));
}

static void
every_value_comes_out_as_it_went_in(void **state)
{
	(void)state;
	keeps("[1]", "<!json!>[1]");
	keeps("{\"a\": null}", "<!json!>{\"a\": null}");
	keeps("5", "<!json!>\t5");
	keeps("null", "<!json!>\tnull");
	keeps("\"plain\"", "plain");
	keeps("\"\"", "");
	keeps("\"<!json!>5\"", "<!json!>5");
	keeps("\"<!json!>[\"", "<!json!>[");
}

static void
a_string_that_reads_as_json_stays_a_string(void **state)
{
	(void)state;
	keeps("\"<!json!>[1]\"", "<!json!>\t\"<!json!>[1]\"");
	keeps("\"<!json!>\\t5\"", "<!json!>\t\"<!json!>\\t5\"");
}

static void
the_mark_is_all_of_its_letters_at_the_beginning(void **state)
{
	(void)state;
	assert_true(structured_is_marked("<!json!>", 8));
	assert_true(structured_is_marked("<!json!>[1]", 11));
	assert_false(structured_is_marked("<!json!>", 7));
	assert_false(structured_is_marked("<!JSON!>[1]", 11));
	assert_false(structured_is_marked(" <!json!>[1]", 12));
	assert_false(structured_is_marked("a plain text", 12));
	assert_false(structured_is_marked("", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_mark_is_all_of_its_letters_at_the_beginning),
	    cmocka_unit_test(a_list_or_an_object_behind_the_mark_is_json),
	    cmocka_unit_test(a_bare_value_behind_the_mark_is_text),
	    cmocka_unit_test(what_is_no_json_behind_the_mark_is_text),
	    cmocka_unit_test(every_value_comes_out_as_it_went_in),
	    cmocka_unit_test(a_string_that_reads_as_json_stays_a_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
