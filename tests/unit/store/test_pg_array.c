/* Parameters, without a server: test_pg.c sends them. */
#include "../test.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "store/pg_array.h"

/* The linker puts this in realloc's place (--wrap). */
static bool no_memory;

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *
__wrap_realloc(void *old, size_t size)
{
	return no_memory ? NULL : __real_realloc(old, size);
}

static bool
can_be_sent(struct pg_array *a)
{
	return pg_array_param(a).len != PG_PARAM_FAILED;
}

static void
an_array_that_found_no_memory_is_not_a_shorter_one(void **state)
{
	static const char text[1000];
	struct pg_array a;

	(void)state;
	pg_array_init(&a, PG_TEXT_ARRAY);
	pg_array_text(&a, "first", 5);
	assert_true(can_be_sent(&a));
	no_memory = true;
	pg_array_text(&a, text, sizeof(text));
	no_memory = false;
	assert_false(can_be_sent(&a));
	pg_array_text(&a, "later", 5);
	assert_false(can_be_sent(&a));
	pg_array_clear(&a);
	assert_true(can_be_sent(&a));
	pg_array_fini(&a);
}

/* The head tells how many there are, and whether one of them is null; also when the array is used again. */
static void
has_head(struct pg_array *a, uint32_t nulls, uint32_t count, size_t len)
{
	struct pg_param param = pg_array_param(a);
	uint32_t word;

	assert_int_equal(param.len, len);
	memcpy(&word, param.bytes + 4, sizeof(word));
	assert_int_equal(be32toh(word), nulls);
	memcpy(&word, param.bytes + 12, sizeof(word));
	assert_int_equal(be32toh(word), count);
	assert_int_equal(a->count, count);
}

static void
the_head_is_of_what_is_in_the_array(void **state)
{
	struct pg_array a;

	(void)state;
	pg_array_init(&a, PG_INT8_ARRAY);
	has_head(&a, 0, 0, 20);
	pg_array_int8(&a, 1);
	pg_array_null(&a);
	pg_array_int8(&a, 2);
	has_head(&a, 1, 3, 20 + 12 + 4 + 12);
	pg_array_clear(&a);
	pg_array_int8(&a, 3);
	has_head(&a, 0, 1, 20 + 12);
	pg_array_fini(&a);
	pg_array_init(&a, PG_TEXT_ARRAY);
	pg_array_text(&a, NULL, 0);
	pg_array_text(&a, "", 0);
	has_head(&a, 1, 2, 20 + 4 + 4);
	pg_array_fini(&a);
}

static void
a_text_over_the_limit_is_not_an_empty_one(void **state)
{
	struct pg_array a;

	(void)state;
	pg_array_init(&a, PG_TEXT_ARRAY);
	pg_array_text(&a, "", ((size_t)512 << 20) + 1); /* is not read */
	assert_false(can_be_sent(&a));
	pg_array_fini(&a);
}

static void
an_array_that_never_had_memory_is_not_null(void **state)
{
	struct pg_array a;

	(void)state;
	no_memory = true;
	pg_array_init(&a, PG_INT8_ARRAY);
	no_memory = false;
	assert_false(can_be_sent(&a));
	pg_array_fini(&a);
}

static void
a_text_that_was_built_hands_its_failure_on(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	buf_puts(&b, "abc");
	assert_int_equal(pg_buf_param(&b).len, 3);
	buf_puts(&b, "de");
	assert_true(pg_buf_param(&b).len == PG_PARAM_FAILED);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_array_that_found_no_memory_is_not_a_shorter_one),
	    cmocka_unit_test(the_head_is_of_what_is_in_the_array),
	    cmocka_unit_test(a_text_over_the_limit_is_not_an_empty_one),
	    cmocka_unit_test(an_array_that_never_had_memory_is_not_null),
	    cmocka_unit_test(a_text_that_was_built_hands_its_failure_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
