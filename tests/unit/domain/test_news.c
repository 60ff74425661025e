#include "../test.h"

#include <string.h>

#include "domain/news.h"
#include "domain/stage.h"

static void
what_is_written_reads_back(void **state)
{
	struct news wake = {.kind = NEWS_WAKE, .stage = 2, .count = 1000, .from = "00ff"};
	struct news gone = {.kind = NEWS_GONE, .token = {{1, 2, 3}}}, read;
	const struct news pages = {.kind = NEWS_PAGES};
	char text[NEWS_TEXT];

	(void)state;
	news_write(text, &wake);
	assert_string_equal(text, "wake 2 1000 00ff");
	assert_true(news_read(&read, text));
	assert_int_equal(read.stage, 2);
	assert_int_equal(read.count, 1000);
	assert_string_equal(read.from, "00ff");
	news_write(text, &gone);
	assert_true(news_read(&read, text));
	assert_int_equal(read.kind, NEWS_GONE);
	assert_memory_equal(&read.token, &gone.token, sizeof(gone.token));
	assert_string_equal(read.from, "");
	strcpy(gone.from, "0123456789abcdef");
	news_write(text, &gone);
	assert_true(news_read(&read, text));
	assert_memory_equal(&read.token, &gone.token, sizeof(gone.token));
	assert_string_equal(read.from, "0123456789abcdef");
	news_write(text, &pages);
	assert_string_equal(text, "pages");
	assert_true(news_read(&read, text));
	assert_int_equal(read.kind, NEWS_PAGES);
}

/* A stage that changed has no jobs to tell of. */
static void
news_go_to_their_edges(void **state)
{
	struct news read;

	(void)state;
	assert_true(news_read(&read, "wake 1 0"));
	assert_true(news_read(&read, "wake 5 9223372036854775807"));
	assert_int_equal(read.stage, STAGES_MAX);
	assert_int_equal(read.count, INT64_MAX);
}

static void
what_is_no_news_is_passed_over(void **state)
{
	static const char *const texts[] = {"", "wake", "wake 0 1", "wake 6 1", "wake a 1",
	    "wake 1", "wake 1 -5", "gone", "gone 12", "gone zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz",
	    "other 1 2", "page", "pages 1"};
	struct news read;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		if (news_read(&read, texts[i]))
			fail_msg("'%s' is taken for news", texts[i]);
}

static void
the_channel_is_the_projects(void **state)
{
	char channel[40];

	(void)state;
	news_channel(channel, sizeof(channel), "x");
	assert_string_equal(channel, "tracker:x:wake");
	news_prefix(channel, sizeof(channel), "x");
	assert_string_equal(channel, "tracker:x:");
}

static void
a_stage_has_a_letter_and_back(void **state)
{
	(void)state;
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		assert_int_equal(stage_number(stage_letter(stage)), stage);
	assert_int_equal(stage_letter(1), 'a');
	assert_int_equal(stage_capital(5), 'E');
	assert_int_equal(stage_letter(0), '-');
	assert_int_equal(stage_capital(6), '-');
	assert_int_equal(stage_number('f'), 0);
	assert_int_equal(stage_number('A'), 0);
	assert_int_equal(stage_number('\0'), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_reads_back),
	    cmocka_unit_test(news_go_to_their_edges),
	    cmocka_unit_test(what_is_no_news_is_passed_over),
	    cmocka_unit_test(the_channel_is_the_projects),
	    cmocka_unit_test(a_stage_has_a_letter_and_back),
	};

	return cmocka_run_group_tests_name("news", tests, NULL, NULL);
}
