/*
 * pg -- one connection to PostgreSQL: prepared calls with binary parameters and answers, COPY.
 *
 * Knows the protocol, not the tracker. Statements are literal SQL (lint), prepared once a connection.
 *
 * Threads	a struct pg belongs to one thread at a time.
 * Ownership	pg_new/pg_free; a struct pg_rows is the caller's until pg_rows_free; its cells are borrowed.
 * Errors	ERR_AWAY: the connection is gone, could not be made, or was of no use (BLAME_SESSION of
 *		sqlstate.h: then sqlstate is set), and the commit may or may not have happened;
 *		ERR_SQL with sqlstate: PostgreSQL refused and the transaction is rolled back.
 *		After ERR_AWAY the next call tries to connect again, at most once per back-off
 *		(100 ms doubling to 1 s, jittered), and answers ERR_AWAY at once in between. A connection
 *		that was lost while idle is noticed before anything is sent, and made again at once; so is
 *		one of a server that is there and takes no writes.
 *		With several hosts in the conninfo, an answer that is out for a second makes the others
 *		be asked: takes one of them writes, the connection is given up, and the next call goes there.
 * Source	libpq (by store/libpq.h); binary formats: PostgreSQL's send/recv functions.
 */
#ifndef STORE_PG_H
#define STORE_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/random.h"

struct pg;
struct pg_rows;

/* A parameter: an array or a scalar, built by pg_array.h; NULL bytes = SQL NULL. */
struct pg_param {
	const char *bytes;
	size_t len;
	uint32_t oid; /* type, e.g. PG_INT8_ARRAY */
};

/* The length of a parameter that could not be built: whoever sends it is refused, with ERR_BUSY. */
#define PG_PARAM_FAILED SIZE_MAX

/* A string that is none is told at start, not at the first call. ERR_INPUT. */
bool pg_check_conninfo(const char *conninfo, struct err *e);
/* `session` is run after each connect (e.g. "set jit = off"); may be NULL. Nothing connects yet. */
struct pg *pg_new(const char *conninfo, const char *application, const char *session);
void pg_free(struct pg *pg); /* accepts NULL */
/* Before the first use: a connection that takes no writes (a standby, read-only) is none. */
void pg_must_write(struct pg *pg);
/* Connected now, or tries. */
bool pg_ready(struct pg *pg, struct err *e);
/* The server's process, as it was told at the connect; 0 = not connected. */
int64_t pg_server_pid(const struct pg *pg);
/* How long until the next try to connect; 0 when connected or due. */
int64_t pg_retry_in_ms(const struct pg *pg);
/*
 * Bounds every later wait for an answer (milliseconds; 0 = none, the default): over it ERR_AWAY, and the server
 * stops working at it within a second, unless it was about to commit.
 */
void pg_set_patience(struct pg *pg, int64_t ms);

/* Sends and waits. `sql` is a literal: the pointer is its identity (prepared once a connection). */
bool pg_call(struct pg *pg, const char *sql, const struct pg_param *params, int n,
    struct pg_rows **rows, struct err *e) __attribute__((warn_unused_result));
/* The same in two steps, so that the caller can work while PostgreSQL does. One at a time. */
bool pg_send(struct pg *pg, const char *sql, const struct pg_param *params, int n, struct err *e)
    __attribute__((warn_unused_result));
bool pg_receive(struct pg *pg, struct pg_rows **rows, struct err *e)
    __attribute__((warn_unused_result));
/*
 * Several statements as text, no parameters, no rows wanted: migrations, begin, commit. After ERR_SQL
 * inside a "begin" the caller runs "rollback".
 */
bool pg_run(struct pg *pg, const char *sql, struct err *e) __attribute__((warn_unused_result));

/* Somebody else had a lock in hand, or was faster: the same call may go well the next time. */
bool pg_is_clash(const struct err *e);
/* It is not there, or refuses what it is asked now (BLAME_SERVER, _EITHER): the same call may go well later. */
bool pg_is_away(const struct err *e);

int pg_rows_count(const struct pg_rows *rows);
void pg_rows_free(struct pg_rows *rows); /* accepts NULL */
bool pg_is_null(const struct pg_rows *rows, int row, int column);
/* Cells, by column number from 0. The type must be the column's; NULL reads as 0, "", false. */
int64_t pg_int(const struct pg_rows *rows, int row, int column);   /* int2, int4, int8, oid */
double pg_double(const struct pg_rows *rows, int row, int column); /* float4, float8 */
bool pg_bool(const struct pg_rows *rows, int row, int column);
/* text, name; NUL-ended; len may be NULL. */
const char *pg_text(const struct pg_rows *rows, int row, int column, size_t *len);
/* The text, kept in the arena. */
const char *pg_dup(struct arena *a, const struct pg_rows *rows, int row, int column);
struct uuid pg_uuid(const struct pg_rows *rows, int row, int column);
/* timestamptz: UTC since 1970; +-infinity: INT64_MAX, INT64_MIN. */
int64_t pg_time_us(const struct pg_rows *rows, int row, int column);

/* COPY: `sql` is "copy … from stdin" (text or binary as it says). */
bool pg_copy_in(struct pg *pg, const char *sql, struct err *e);
bool pg_copy_put(struct pg *pg, const char *bytes, size_t len, struct err *e);
/* Without why_not it ends well, else PostgreSQL discards all. */
bool pg_copy_end(struct pg *pg, const char *why_not, struct err *e);

#endif
