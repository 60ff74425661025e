#include "../test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* The linker puts this in realloc's place (--wrap). */
static bool no_memory;

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *
__wrap_realloc(void *old, size_t size)
{
	return no_memory ? NULL : __real_realloc(old, size);
}

static void
puts_follow_each_other_and_end_in_nul(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_puts(&b, "one ");
	buf_putc(&b, '2');
	buf_put(&b, " three", 6);
	buf_printf(&b, " %d", 4);
	assert_false(b.failed);
	assert_string_equal(b.data, "one 2 three 4");
	assert_int_equal(b.len, strlen(b.data));
	buf_fini(&b);
}

static void
it_grows_over_many_small_puts(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	for (int i = 0; i < 100000; i++)
		buf_putc(&b, (char)('a' + i % 26));
	assert_int_equal(b.len, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	buf_fini(&b);
}

static void
over_the_limit_it_fails_and_stays_failed(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_puts(&b, "0123456789");
	assert_false(b.failed);
	buf_putc(&b, 'x');
	assert_true(b.failed);
	buf_clear(&b);
	assert_false(b.failed);
	buf_puts(&b, "0123456789x");
	buf_puts(&b, "y");
	assert_true(b.failed);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

static void
printf_obeys_the_limit_as_well(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_puts(&b, "01234");
	buf_printf(&b, "%06d", 1);
	assert_true(b.failed);
	assert_string_equal(b.data, "01234");
	buf_clear(&b);
	buf_printf(&b, "%010d", 1);
	assert_false(b.failed);
	assert_string_equal(b.data, "0000000001");
	buf_fini(&b);
}

static void
printf_writes_more_than_there_was_room(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_puts(&b, "a");
	buf_printf(&b, "%5000d", 7);
	assert_false(b.failed);
	assert_int_equal(b.len, 5001);
	assert_int_equal(b.data[5000], '7');
	buf_fini(&b);
}

static void
without_memory_it_fails_and_keeps_what_it_had(void **state)
{
	struct buf b;
	char big[1000] = {0};

	(void)state;
	buf_init(&b, 0);
	buf_puts(&b, "kept");
	no_memory = true;
	buf_put(&b, big, sizeof(big));
	no_memory = false;
	assert_true(b.failed);
	assert_string_equal(b.data, "kept");
	buf_puts(&b, "more");
	assert_string_equal(b.data, "kept");
	buf_fini(&b);
}

static void
a_length_that_overflows_fails(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_puts(&b, "x");
	assert_null(buf_room(&b, SIZE_MAX));
	assert_true(b.failed);
	buf_clear(&b);
	assert_null(buf_room(&b, SIZE_MAX - 1));
	buf_fini(&b);
}

static void
room_can_be_filled_by_hand(void **state)
{
	struct buf b;
	char *room;

	(void)state;
	buf_init(&b, 0);
	room = buf_room(&b, 3);
	memcpy(room, "abc", 3);
	b.len += 3;
	buf_putc(&b, 'd');
	assert_string_equal(b.data, "abcd");
	buf_fini(&b);
}

static void
integers_are_written_from_end_to_end(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_put_int(&b, INT64_MIN);
	buf_putc(&b, ' ');
	buf_put_int(&b, 0);
	buf_putc(&b, ' ');
	buf_put_int(&b, INT64_MAX);
	assert_string_equal(b.data, "-9223372036854775808 0 9223372036854775807");
	buf_fini(&b);
}

static void
big_endian_is_big_end_first(void **state)
{
	const unsigned char want[] = {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 7, 8};
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_put_be16(&b, 0x0102);
	buf_put_be32(&b, 0x03040506);
	buf_put_be64(&b, UINT64_C(0x0102030405060708));
	assert_int_equal(b.len, sizeof(want));
	assert_memory_equal(b.data, want, sizeof(want));
	buf_fini(&b);
}

static void
the_text_of_what_failed_is_none(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	assert_string_equal(buf_text(&b), "");
	buf_puts(&b, "abc");
	assert_string_equal(buf_text(&b), "abc");
	buf_puts(&b, "de");
	assert_null(buf_text(&b));
	buf_clear(&b);
	assert_string_equal(buf_text(&b), "");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(puts_follow_each_other_and_end_in_nul),
	    cmocka_unit_test(it_grows_over_many_small_puts),
	    cmocka_unit_test(over_the_limit_it_fails_and_stays_failed),
	    cmocka_unit_test(printf_obeys_the_limit_as_well),
	    cmocka_unit_test(printf_writes_more_than_there_was_room),
	    cmocka_unit_test(without_memory_it_fails_and_keeps_what_it_had),
	    cmocka_unit_test(a_length_that_overflows_fails),
	    cmocka_unit_test(room_can_be_filled_by_hand),
	    cmocka_unit_test(integers_are_written_from_end_to_end),
	    cmocka_unit_test(big_endian_is_big_end_first),
	    cmocka_unit_test(the_text_of_what_failed_is_none),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
