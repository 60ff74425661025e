/* The records of one request, built here byte by byte, and given in pieces of every length. */
#include "../test.h"

#include <string.h>

#include "web/records.h"

static unsigned char wire[80 * 1024];
static size_t len;

static void
put(int type, unsigned id, const void *content, size_t n)
{
	const unsigned char head[RECORDS_HEAD] = {RECORDS_VERSION, (unsigned char)type,
	    (unsigned char)(id >> 8), (unsigned char)id, (unsigned char)(n >> 8), (unsigned char)n};

	memcpy(wire + len, head, sizeof(head));
	if (n > 0)
		memcpy(wire + len + sizeof(head), content, n);
	len += sizeof(head) + n;
}

static void
begin(unsigned id)
{
	static const unsigned char responder[RECORDS_BEGIN_LEN] = {
	    0, RECORDS_RESPONDER, RECORDS_KEEP};

	len = 0;
	put(RECORDS_BEGIN, id, responder, sizeof(responder));
}

/* What becomes of it, given so many bytes at a time. */
static enum records_state
state_of(size_t at_a_time, struct records *r)
{
	records_begin(r);
	for (size_t at = 0; at < len && r->state == RECORDS_MORE;) {
		size_t n = len - at < at_a_time ? len - at : at_a_time;
		struct records_piece piece;

		at += records_take(r, (const char *)wire + at, n, &piece);
	}
	return r->state;
}

static void
is(enum records_state expected)
{
	static const size_t pieces[] = {1, 7, 8, 9, 4096, sizeof(wire)};
	struct records r;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		assert_int_equal(state_of(pieces[i], &r), expected);
}

/* One parameter, "a", so long that all of them together have n bytes. */
static void
put_params(unsigned id, size_t n)
{
	static unsigned char params[70 * 1024];
	size_t value = n - 6; /* a length of one byte, one of four, and the name */

	params[0] = 1;
	params[1] = (unsigned char)(0x80 | value >> 24);
	params[2] = (unsigned char)(value >> 16);
	params[3] = (unsigned char)(value >> 8);
	params[4] = (unsigned char)value;
	params[5] = 'a';
	memset(params + 6, 'x', value);
	for (size_t at = 0; at < n; at += 60000)
		put(RECORDS_PARAMS, id, params + at, n - at < 60000 ? n - at : 60000);
	put(RECORDS_PARAMS, id, NULL, 0);
}

static void
a_request_is_whole_with_its_last_record(void **state)
{
	struct records r;

	(void)state;
	begin(1);
	put_params(1, 100);
	put(RECORDS_STDIN, 1, "body", 4);
	is(RECORDS_MORE);
	put(RECORDS_STDIN, 1, NULL, 0);
	is(RECORDS_WHOLE);
	assert_int_equal(state_of(5, &r), RECORDS_WHOLE);
	assert_int_equal(r.body, 4);
	assert_int_equal(r.params, 100);
	assert_true(r.keep);
}

static void
parameters_have_64_kib_and_no_byte_more(void **state)
{
	(void)state;
	begin(1);
	put_params(1, RECORDS_PARAMS_MOST);
	put(RECORDS_STDIN, 1, NULL, 0);
	is(RECORDS_WHOLE);
	begin(1);
	put_params(1, RECORDS_PARAMS_MOST + 1);
	put(RECORDS_STDIN, 1, NULL, 0);
	is(RECORDS_BROKEN);
}

static void
every_record_is_of_the_same_request(void **state)
{
	(void)state;
	begin(1);
	put_params(2, 100);
	is(RECORDS_BROKEN);
	begin(1);
	put_params(1, 100);
	put(RECORDS_STDIN, 2, "body", 4);
	is(RECORDS_BROKEN);
	begin(0);
	is(RECORDS_BROKEN);
	begin(0xffff);
	put_params(0xffff, 100);
	put(RECORDS_STDIN, 0xffff, NULL, 0);
	is(RECORDS_WHOLE);
}

static void
parameters_do_not_end_in_the_middle_of_one(void **state)
{
	static const char *const cut[] = {"\1", "\x80", "\1\x80\0\0", "\1\1", "\1\1a"};
	static const size_t n[] = {1, 1, 4, 2, 3};

	(void)state;
	for (size_t i = 0; i < sizeof(n) / sizeof(*n); i++) {
		begin(1);
		put(RECORDS_PARAMS, 1, cut[i], n[i]);
		put(RECORDS_PARAMS, 1, NULL, 0);
		is(RECORDS_BROKEN);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_is_whole_with_its_last_record),
	    cmocka_unit_test(parameters_have_64_kib_and_no_byte_more),
	    cmocka_unit_test(every_record_is_of_the_same_request),
	    cmocka_unit_test(parameters_do_not_end_in_the_middle_of_one),
	};

	return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
