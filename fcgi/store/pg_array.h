/*
 * pg_array -- parameters for pg_call in PostgreSQL's binary form.
 *
 *	struct pg_array a;
 *	pg_array_init(&a, PG_INT8_ARRAY);
 *	pg_array_int8(&a, 17); pg_array_null(&a);
 *	params[0] = pg_array_param(&a);
 *
 * Ownership	init/fini; pg_array_clear keeps the memory for the next bundle. Params are borrowed.
 * Errors	sticky, as buf, and handed on: pg_call and pg_send refuse the parameter.
 * Source	array_recv in PostgreSQL's arrayfuncs.c describes the bytes.
 */
#ifndef STORE_PG_ARRAY_H
#define STORE_PG_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/pg.h"

enum pg_oid {
	PG_BOOL = 16,
	PG_INT8 = 20,
	PG_INT2 = 21,
	PG_INT4 = 23,
	PG_TEXT = 25,
	PG_FLOAT8 = 701,
	PG_TIMESTAMPTZ = 1184,
	PG_UUID = 2950,
	PG_BOOL_ARRAY = 1000,
	PG_INT2_ARRAY = 1005,
	PG_INT4_ARRAY = 1007,
	PG_TEXT_ARRAY = 1009,
	PG_INT8_ARRAY = 1016,
	PG_FLOAT8_ARRAY = 1022,
	PG_TIMESTAMPTZ_ARRAY = 1185,
	PG_UUID_ARRAY = 2951
};

struct pg_array {
	struct buf bytes;
	enum pg_oid oid; /* of the array */
	uint32_t count;
	bool has_null;
};

void pg_array_init(struct pg_array *a, enum pg_oid array_oid);
void pg_array_fini(struct pg_array *a);
void pg_array_clear(struct pg_array *a);
void pg_array_null(struct pg_array *a);
void pg_array_bool(struct pg_array *a, bool v);
void pg_array_int2(struct pg_array *a, int16_t v);
void pg_array_int4(struct pg_array *a, int32_t v);
void pg_array_int8(struct pg_array *a, int64_t v);
void pg_array_text(struct pg_array *a, const char *s, size_t len);
void pg_array_uuid(struct pg_array *a, const struct uuid *v);
void pg_array_time(struct pg_array *a, int64_t wall_us);
/* Writes count and flags into the head; valid until the next put or clear. */
struct pg_param pg_array_param(struct pg_array *a);

/* Scalars: `room` is the caller's and must outlive the call. */
struct pg_scalar {
	char room[8];
};
struct pg_param pg_int2_param(struct pg_scalar *room, int16_t v);
struct pg_param pg_int4_param(struct pg_scalar *room, int32_t v);
struct pg_param pg_int8_param(struct pg_scalar *room, int64_t v);
/* UTC since 1970; INT64_MAX, INT64_MIN: +-infinity. */
struct pg_param pg_time_param(struct pg_scalar *room, int64_t wall_us);
struct pg_param pg_bool_param(struct pg_scalar *room, bool v);
struct pg_param pg_text_param(const char *s, size_t len); /* s NULL: SQL NULL */
struct pg_param pg_uuid_param(const struct uuid *v); /* v NULL: SQL NULL; v must outlive the call */
struct pg_param pg_buf_param(const struct buf *b);

#endif
