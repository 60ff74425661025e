#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "web/template.h"

static char dir[64];
static struct err e;
static struct buf out;
static struct template_dict *d;

static void
put_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void
remove_file(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static int
begin(void **state)
{
	(void)state;
	e = ERR_INIT;
	buf_init(&out, 0);
	d = template_new("test");
	snprintf(dir, sizeof(dir), "/tmp/test-template-XXXXXX");
	return !mkdtemp(dir);
}

static int
end(void **state)
{
	static const char *const names[] = {"page.tpl", "part.tpl", "static/a.css", "static/b.js",
	    "page.tpl~", ".page.tpl.swp", ".#page.tpl", "readme"};
	char path[128];

	(void)state;
	template_free(d);
	buf_fini(&out);
	for (size_t i = 0; i < COUNT(names); i++)
		remove_file(names[i]);
	snprintf(path, sizeof(path), "%s/static", dir);
	rmdir(path);
	rmdir(dir);
	return 0;
}

static const char *
rendered(const char *text)
{
	put_file("page.tpl", text);
	if (!templates_load(dir, &e) || !template_render("page.tpl", d, &out, &e))
		fail_msg("%s", e.why);
	return out.data;
}

#define ESCAPE "{{%AUTOESCAPE context=\"HTML\"}}"

static void
text_is_escaped_without_being_asked(void **state)
{
	(void)state;
	template_str(d, "NAME", "<script>\"&'");
	assert_string_equal(rendered(ESCAPE "<p title=\"{{NAME}}\">{{NAME}}</p>"),
	    "<p title=\"&lt;script&gt;&quot;&amp;&#39;\">&lt;script&gt;&quot;&amp;&#39;</p>");
}

static void
a_part_of_an_address_is_percent_encoded(void **state)
{
	(void)state;
	template_str(d, "NAME", "a b/\xc3\xbc?&\"<");
	assert_string_equal(rendered(ESCAPE "<a href=\"/p/{{NAME:x-part}}\">x</a>"),
	    "<a href=\"/p/a%20b%2F%C3%BC%3F%26%22%3C\">x</a>");
}

static void
an_address_may_not_run_a_script(void **state)
{
	(void)state;
	template_str(d, "URL", "javascript:alert(1)");
	assert_string_equal(rendered(ESCAPE "<a href=\"{{URL}}\">x</a>"), "<a href=\"#\">x</a>");
}

static void
sections_repeat_and_includes_have_their_own_words(void **state)
{
	(void)state;
	put_file("part.tpl", ESCAPE "[{{WORD}}]");
	template_int(template_section(d, "ROW"), "N", -7);
	template_text(template_section(d, "ROW"), "N", "12345", 2);
	template_str(template_include(d, "PART", "part.tpl"), "WORD", "in");
	template_show(d, "SHOWN");
	assert_string_equal(rendered(ESCAPE "{{#ROW}}<{{N}}>{{/ROW}}{{>PART}}{{#SHOWN}}+{{/SHOWN}}"
					    "{{#HIDDEN}}-{{/HIDDEN}}"),
	    "<-7><12>[in]+");
}

static void
a_broken_template_is_named_and_leaves_the_old_ones_standing(void **state)
{
	(void)state;
	template_str(d, "X", "1");
	rendered(ESCAPE "old {{X}}");
	put_file("page.tpl", ESCAPE "{{#OPEN}}");
	assert_false(templates_load(dir, &e));
	assert_non_null(strstr(e.why, "page.tpl"));
	err_clear(&e);
	buf_clear(&out);
	assert_true(template_render("page.tpl", d, &out, &e));
	assert_string_equal(out.data, "old 1");
}

static void
a_folder_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	assert_false(templates_load("/nowhere/at/all", &e));
	assert_int_equal(e.kind, ERR_INPUT);
}

static void
a_template_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	rendered(ESCAPE "x");
	assert_false(template_render("other.tpl", d, &out, &e));
	assert_int_equal(e.kind, ERR_BUG);
}

static void
a_page_over_its_limit_is_an_error(void **state)
{
	(void)state;
	rendered(ESCAPE "more than four bytes");
	buf_fini(&out);
	buf_init(&out, 4);
	assert_false(template_render("page.tpl", d, &out, &e));
}

static void
a_folder_without_templates_is_an_error(void **state)
{
	(void)state;
	assert_false(templates_load(dir, &e));
	assert_int_equal(e.kind, ERR_INPUT);
	err_clear(&e);
	put_file("readme", "x");
	assert_false(templates_load(dir, &e));
	assert_non_null(strstr(e.why, "no *.tpl"));
}

static void
what_an_editor_leaves_behind_is_no_template(void **state)
{
	(void)state;
	put_file("page.tpl~", ESCAPE "{{#OPEN}}");
	put_file(".page.tpl.swp", ESCAPE "{{#OPEN}}");
	put_file(".#page.tpl", ESCAPE "{{#OPEN}}");
	assert_string_equal(rendered(ESCAPE "x"), "x");
}

/* The version with these two files. */
static const char *
version_of(const char *css, const char *js)
{
	put_file("static/a.css", css);
	put_file("static/b.js", js);
	buf_clear(&out);
	rendered(ESCAPE "x");
	return templates_version();
}

static void
the_version_changes_with_a_byte_of_a_static_file(void **state)
{
	char path[128], first[32], text[2000];

	(void)state;
	snprintf(path, sizeof(path), "%s/static", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	snprintf(first, sizeof(first), "%s", version_of("a{}", text));
	assert_string_equal(version_of("a{}", text), first);
	assert_string_not_equal(version_of("b{}", text), first);
	text[sizeof(text) - 2] = 'y';
	assert_string_not_equal(version_of("a{}", text), first);
}

static void
every_page_of_ours_parses_and_escapes(void **state)
{
	char folder[512];
	const char *top = getenv("top_srcdir");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/templates", top ? top : ".");
	if (!templates_load(folder, &e))
		fail_msg("%s", e.why);
	template_str(template_include(d, "HEAD", "head.tpl"), "TITLE", "</title><script>");
	assert_true(template_render("dashboard.tpl", d, &out, &e));
	assert_null(strstr(out.data, "</title><script>"));
	assert_non_null(strstr(out.data, "&lt;/title&gt;&lt;script&gt;"));
}

static void
what_is_not_there_may_be_freed(void **state)
{
	(void)state;
	template_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(text_is_escaped_without_being_asked, begin, end),
	    cmocka_unit_test_setup_teardown(a_part_of_an_address_is_percent_encoded, begin, end),
	    cmocka_unit_test_setup_teardown(an_address_may_not_run_a_script, begin, end),
	    cmocka_unit_test_setup_teardown(
		sections_repeat_and_includes_have_their_own_words, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_broken_template_is_named_and_leaves_the_old_ones_standing, begin, end),
	    cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_an_error, begin, end),
	    cmocka_unit_test_setup_teardown(a_folder_without_templates_is_an_error, begin, end),
	    cmocka_unit_test_setup_teardown(
		what_an_editor_leaves_behind_is_no_template, begin, end),
	    cmocka_unit_test_setup_teardown(a_template_that_is_not_there_is_an_error, begin, end),
	    cmocka_unit_test_setup_teardown(a_page_over_its_limit_is_an_error, begin, end),
	    cmocka_unit_test_setup_teardown(
		the_version_changes_with_a_byte_of_a_static_file, begin, end),
	    cmocka_unit_test_setup_teardown(every_page_of_ours_parses_and_escapes, begin, end),
	    cmocka_unit_test(what_is_not_there_may_be_freed),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
