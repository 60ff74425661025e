#include "load/intake.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "domain/schema.h"
#include "store/pg_array.h"

#define LOCK_MS 500      /* between two looks whether the other load is over */
#define CHUNK (64 << 10) /* rows are sent in pieces of this: more bytes gain nothing (tried) */

/* ---- one call, one number -------------------------------------------------------------------- */

static bool
call_int(struct pg *pg, const char *sql, int64_t *out, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(pg, sql, NULL, 0, &rows, e))
		return false;
	*out = pg_rows_count(rows) > 0 ? pg_int(rows, 0, 0) : 0;
	pg_rows_free(rows);
	return true;
}

bool
intake_count(struct tool *t, int64_t *jobs, struct err *e)
{
	return call_int(t->pg, "select coalesce(max(last), 0) from tracker.batch", jobs, e);
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* One intake at a time: 0x64636c64 is "dcld". */
static bool
lock(struct pg *pg, struct err *e)
{
	int64_t got;

	for (bool told = false;; told = true) {
		if (!call_int(
			pg, "select pg_try_advisory_xact_lock(x'64636c64'::int)::int", &got, e))
			return false;
		if (got)
			return true;
		if (!told)
			fprintf(stderr, "Another load is running; waiting for its end.\n");
		clock_sleep_ms(LOCK_MS);
	}
}

static bool
check_mode(int64_t jobs, enum intake_mode mode, struct err *e)
{
	if (jobs == 0 || mode != INTAKE_FIRST)
		return true;
	return err_set(e, ERR_REFUSED, NULL,
	    "the tracker has %" PRId64
	    " %s already: --append adds to what is there, --reset deletes "
	    "it first",
	    jobs, text_plural(jobs, "job", "jobs"));
}

/* Refused before a row is read, not after all of them. */
static bool
check_name(const struct intake *in, struct err *e)
{
	const char *name = in->batch.name;
	struct pg_scalar room;
	struct pg_param params[] = {
	    pg_text_param(name, strlen(name)), pg_bool_param(&room, in->batch.as_named)};
	struct pg_rows *rows = NULL;

	if (!pg_call(in->tool->pg, "select tracker.check_batch_name($1, $2)", params, 2, &rows, e))
		return false;
	pg_rows_free(rows);
	return true;
}

static bool
prepare(struct intake *in, enum intake_mode mode, struct err *e)
{
	struct pg *pg = in->tool->pg;
	int64_t jobs;

	if (!pg_run(pg, "begin", e) || !lock(pg, e))
		return false;
	if (mode == INTAKE_RESET && !pg_run(pg, "select tracker.reset_jobs()", e))
		return false;
	/* From the first load on the settings no longer say what the stages are. */
	if (!schema_propose_stages(pg, &in->tool->settings, NULL, e) ||
	    !intake_count(in->tool, &jobs, e))
		return false;
	in->first = in->next = jobs + 1;
	return check_mode(jobs, mode, e) && check_name(in, e);
}

static void
roll_back(struct intake *in)
{
	struct err ignored = ERR_INIT;

	(void)!pg_run(in->tool->pg, "rollback", &ignored);
}

/* Rows of a table that this transaction emptied are written frozen: vacuum need not come. */
static bool
start_copy(struct intake *in, enum intake_mode mode, struct err *e)
{
	static const char head[19] = "PGCOPY\n\377\r\n\0"; /* then no flags, no extension */
	const char *plain = "copy tracker.job (number, data) from stdin (format binary)";
	const char *frozen = "copy tracker.job (number, data) from stdin (format binary, freeze)";

	if (!pg_copy_in(in->tool->pg, mode == INTAKE_RESET ? frozen : plain, e))
		return false;
	in->copying = true;
	buf_put(&in->rows, head, sizeof(head));
	return true;
}

bool
intake_begin(struct intake *in, struct tool *t, enum intake_mode mode,
    const struct intake_batch *batch, struct err *e)
{
	*in = (struct intake){.tool = t, .batch = *batch};
	buf_init(&in->rows, 0);
	if (prepare(in, mode, e) && start_copy(in, mode, e))
		return true;
	intake_abort(in);
	return false;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static bool
send_rows(struct intake *in, struct err *e)
{
	if (in->rows.failed)
		return err_set(e, ERR_BUG, NULL, "out of memory");
	if (!pg_copy_put(in->tool->pg, in->rows.data, in->rows.len, e))
		return false;
	buf_clear(&in->rows);
	return true;
}

bool
intake_put(struct intake *in, const char *data, size_t len, struct err *e)
{
	struct buf *b = &in->rows;

	buf_put_be16(b, 2);
	buf_put_be32(b, sizeof(in->next));
	buf_put_be64(b, (uint64_t)in->next++);
	buf_put_be32(b, (uint32_t)len);
	buf_put(b, data, len);
	return b->len < CHUNK || send_rows(in, e);
}

/* ---- the end --------------------------------------------------------------------------------- */

static bool
end_copy(struct intake *in, struct err *e)
{
	buf_put_be16(&in->rows, UINT16_MAX); /* -1 fields: no more rows */
	in->copying = false;
	return send_rows(in, e) && pg_copy_end(in->tool->pg, NULL, e);
}

/* The rows become jobs by being a batch. */
static bool
open_batch(struct intake *in, struct err *e)
{
	const char *name = in->batch.name, *note = in->batch.note ? in->batch.note : "",
		   *needs = in->batch.needs ? in->batch.needs : "";
	struct pg_scalar room[5];
	struct pg_param params[] = {pg_text_param(name, strlen(name)),
	    pg_bool_param(&room[0], in->batch.as_named), pg_int8_param(&room[1], in->next - 1),
	    pg_int4_param(&room[2], in->batch.priority), pg_bool_param(&room[3], in->batch.paused),
	    pg_text_param(note, strlen(note)), pg_text_param(needs, strlen(needs)),
	    pg_int4_param(&room[4], in->batch.rate)};
	struct pg_rows *rows = NULL;

	if (!pg_call(in->tool->pg, "select tracker.open_batch($1, $2, $3, $4, $5, $6, $7, $8)",
		params, 8, &rows, e))
		return false;
	pg_rows_free(rows);
	return true;
}

bool
intake_commit(struct intake *in, struct err *e)
{
	if (!end_copy(in, e) || !open_batch(in, e)) {
		intake_abort(in);
		return false;
	}
	in->in_doubt = !pg_run(in->tool->pg, "commit", e) && e->kind == ERR_AWAY;
	if (e->kind != ERR_NONE) {
		intake_abort(in);
		return false;
	}
	buf_fini(&in->rows);
	return true;
}

void
intake_abort(struct intake *in)
{
	struct err ignored = ERR_INIT;

	if (in->copying)
		(void)!pg_copy_end(in->tool->pg, "given up", &ignored);
	in->copying = false;
	roll_back(in);
	buf_fini(&in->rows);
}
