#include "../test.h"

#include <string.h>

#include "web/chart.h"

static void
the_top_of_an_axis_is_a_round_number_at_or_above(void **state)
{
	static const struct {
		double n, top;
	} cases[] = {{0, 1}, {-3, 1}, {1, 1}, {1.2, 1.5}, {0.03, 0.03}, {7, 8}, {99, 100},
	    {101, 150}, {2501, 3000}, {21, 30}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_true(chart_round_up(cases[i].n) > cases[i].top * 0.99999 &&
		    chart_round_up(cases[i].n) < cases[i].top * 1.00001);
}

static void
a_young_project_is_shown_whole_and_an_old_one_by_the_day(void **state)
{
	(void)state;
	assert_string_equal(chart_find_range(NULL, 60)->key, "all");
	assert_string_equal(chart_find_range(NULL, 200000)->key, "24h");
	assert_string_equal(chart_find_range("1h", 60)->key, "1h");
	assert_string_equal(chart_find_range("nonsense", 60)->key, "all");
}

static void
no_range_has_more_buckets_than_there_is_room_for(void **state)
{
	(void)state;
	for (const struct chart_range *r = chart_ranges; r->key; r++)
		assert_true(r->span_s == 0 || r->span_s / r->bucket_s <= CHART_BUCKETS);
}

static void
a_stage_stands_on_the_one_before_it(void **state)
{
	struct chart c = {.buckets = 2, .bucket_s = 60, .top = 100};
	struct page p = {.arena = NULL};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	p.arena = &arena;
	c.value[0][1] = 25;
	c.value[1][1] = 50;
	assert_string_equal(chart_path(&p, &c, 1), "M6 160V120h5V160z");
	assert_string_equal(chart_path(&p, &c, 2), "M6 120V40h5V120z");
	assert_string_equal(chart_path(&p, &c, 3), "");
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_top_of_an_axis_is_a_round_number_at_or_above),
	    cmocka_unit_test(a_young_project_is_shown_whole_and_an_old_one_by_the_day),
	    cmocka_unit_test(no_range_has_more_buckets_than_there_is_room_for),
	    cmocka_unit_test(a_stage_stands_on_the_one_before_it),
	};

	return cmocka_run_group_tests_name("chart", tests, NULL, NULL);
}
