#include "store/pg_array.h"

#include <endian.h>
#include <string.h>

/*
 * Head of a one-dimensional array: dimensions, flags (has nulls), element type, then the dimension's
 * length and lower bound. An empty array is written with one dimension of length 0, which array_recv
 * takes as well.
 */
#define HEAD 20
#define AT_FLAGS 4
#define AT_COUNT 12

/* Seconds from 1970 to PostgreSQL's epoch, 2000-01-01. */
#define PG_EPOCH_S INT64_C(946684800)

/* One parameter may be 1 GB; far before that something is wrong. */
#define LIMIT ((size_t)512 << 20)

static uint32_t
element_of(enum pg_oid array)
{
	switch (array) {
	case PG_BOOL_ARRAY:
		return PG_BOOL;
	case PG_INT2_ARRAY:
		return PG_INT2;
	case PG_INT4_ARRAY:
		return PG_INT4;
	case PG_INT8_ARRAY:
		return PG_INT8;
	case PG_TEXT_ARRAY:
		return PG_TEXT;
	case PG_FLOAT8_ARRAY:
		return PG_FLOAT8;
	case PG_TIMESTAMPTZ_ARRAY:
		return PG_TIMESTAMPTZ;
	case PG_UUID_ARRAY:
		return PG_UUID;
	default:
		return 0;
	}
}

static void
put_head(struct pg_array *a)
{
	uint32_t element = element_of(a->oid);

	buf_put_be32(&a->bytes, 1); /* dimensions */
	buf_put_be32(&a->bytes, 0); /* flags: later */
	buf_put_be32(&a->bytes, element);
	buf_put_be32(&a->bytes, 0); /* length: later */
	buf_put_be32(&a->bytes, 1); /* lower bound */
	if (element == 0)
		a->bytes.failed = true;
}

void
pg_array_init(struct pg_array *a, enum pg_oid array_oid)
{
	*a = (struct pg_array){.oid = array_oid};
	buf_init(&a->bytes, LIMIT);
	put_head(a);
}

void
pg_array_fini(struct pg_array *a)
{
	buf_fini(&a->bytes);
}

void
pg_array_clear(struct pg_array *a)
{
	buf_clear(&a->bytes);
	a->count = 0;
	a->has_null = false;
	put_head(a);
}

/* Length and value of an element in one put. */
static void
put_element(struct pg_array *a, const void *bytes, uint32_t len)
{
	uint32_t big = htobe32(len);
	char *to = buf_room(&a->bytes, sizeof(big) + len);

	if (!to)
		return;
	memcpy(to, &big, sizeof(big));
	if (len > 0)
		memcpy(to + sizeof(big), bytes, len);
	a->bytes.len += sizeof(big) + len;
	a->count++;
}

void
pg_array_null(struct pg_array *a)
{
	buf_put_be32(&a->bytes, UINT32_MAX);
	a->count++;
	a->has_null = true;
}

void
pg_array_bool(struct pg_array *a, bool v)
{
	char byte = v;

	put_element(a, &byte, 1);
}

void
pg_array_int2(struct pg_array *a, int16_t v)
{
	uint16_t big = htobe16((uint16_t)v);

	put_element(a, &big, sizeof(big));
}

void
pg_array_int4(struct pg_array *a, int32_t v)
{
	uint32_t big = htobe32((uint32_t)v);

	put_element(a, &big, sizeof(big));
}

void
pg_array_int8(struct pg_array *a, int64_t v)
{
	uint64_t big = htobe64((uint64_t)v);

	put_element(a, &big, sizeof(big));
}

void
pg_array_text(struct pg_array *a, const char *s, size_t len)
{
	if (!s)
		pg_array_null(a);
	else if (len > LIMIT)
		a->bytes.failed = true;
	else
		put_element(a, s, (uint32_t)len);
}

void
pg_array_uuid(struct pg_array *a, const struct uuid *v)
{
	put_element(a, v->b, sizeof(v->b));
}

/* From 1970 to 2000; +-infinity on both sides. */
static int64_t
time_bits(int64_t wall_us)
{
	int64_t us = wall_us;

	if (us != INT64_MAX && us != INT64_MIN &&
	    __builtin_sub_overflow(us, PG_EPOCH_S * 1000000, &us))
		us = INT64_MIN;
	return us;
}

void
pg_array_time(struct pg_array *a, int64_t wall_us)
{
	pg_array_int8(a, time_bits(wall_us));
}

struct pg_param
pg_array_param(struct pg_array *a)
{
	uint32_t flags = htobe32(a->has_null), count = htobe32(a->count);

	/* An array of fewer would be as valid, and stored. */
	if (a->bytes.failed)
		return (struct pg_param){.len = PG_PARAM_FAILED, .oid = a->oid};
	if (a->bytes.len >= HEAD) {
		memcpy(a->bytes.data + AT_FLAGS, &flags, sizeof(flags));
		memcpy(a->bytes.data + AT_COUNT, &count, sizeof(count));
	}
	return (struct pg_param){.bytes = a->bytes.data, .len = a->bytes.len, .oid = a->oid};
}

struct pg_param
pg_int2_param(struct pg_scalar *room, int16_t v)
{
	uint16_t big = htobe16((uint16_t)v);

	memcpy(room->room, &big, sizeof(big));
	return (struct pg_param){.bytes = room->room, .len = sizeof(big), .oid = PG_INT2};
}

struct pg_param
pg_int4_param(struct pg_scalar *room, int32_t v)
{
	uint32_t big = htobe32((uint32_t)v);

	memcpy(room->room, &big, sizeof(big));
	return (struct pg_param){.bytes = room->room, .len = sizeof(big), .oid = PG_INT4};
}

struct pg_param
pg_int8_param(struct pg_scalar *room, int64_t v)
{
	uint64_t big = htobe64((uint64_t)v);

	memcpy(room->room, &big, sizeof(big));
	return (struct pg_param){.bytes = room->room, .len = sizeof(big), .oid = PG_INT8};
}

struct pg_param
pg_time_param(struct pg_scalar *room, int64_t wall_us)
{
	struct pg_param p = pg_int8_param(room, time_bits(wall_us));

	p.oid = PG_TIMESTAMPTZ;
	return p;
}

struct pg_param
pg_bool_param(struct pg_scalar *room, bool v)
{
	room->room[0] = v;
	return (struct pg_param){.bytes = room->room, .len = 1, .oid = PG_BOOL};
}

struct pg_param
pg_uuid_param(const struct uuid *v)
{
	return (struct pg_param){v ? (const char *)v->b : NULL, v ? sizeof(v->b) : 0, PG_UUID};
}

struct pg_param
pg_text_param(const char *s, size_t len)
{
	return (struct pg_param){.bytes = s, .len = len, .oid = PG_TEXT};
}

struct pg_param
pg_buf_param(const struct buf *b)
{
	if (b->failed)
		return (struct pg_param){.len = PG_PARAM_FAILED, .oid = PG_TEXT};
	return pg_text_param(b->data ? b->data : "", b->len);
}
