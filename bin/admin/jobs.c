#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/cells.h"
#include "admin/told.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "store/pg_array.h"

#define PAGE 1000 /* failed jobs a query: a few hundred kilobytes of reasons */

static bool
ask_stage(struct ask *ask, int *stage, struct err *e)
{
	if (!ask->stage)
		return err_set(e, ERR_FIELD, NULL, "which stage? Say --stage a");
	return tool_stage(ask->tool, ask->stage, stage, e);
}

static bool
ask_job(const char *text, int64_t *job, struct err *e)
{
	if (!text_to_int(text, strlen(text), 1, INT64_MAX, job))
		return err_set(e, ERR_FIELD, NULL, "'%s' is no job number", text);
	return true;
}

/* The numbers that the command names. The array is the caller's to free, whatever the answer. */
static bool
take_jobs(struct ask *ask, struct pg_array *jobs, struct err *e)
{
	int64_t job[ASK_ARGS_MAX];
	int n = 0;

	pg_array_init(jobs, PG_INT8_ARRAY);
	for (int i = 0; i < ask->n_args; i++) {
		int same = 0;

		if (!ask_job(ask->arg[i], &job[n], e))
			return false;
		while (job[same] != job[n])
			same++;
		if (same < n)
			continue;
		pg_array_int8(jobs, job[n++]);
	}
	ask->n_args = n;
	return true;
}

/* ---- failed ---------------------------------------------------------------------------------- */

struct failure {
	int stage;
	int64_t job, attempt, at_us;
	const char *kind, *reason, *worker;
};

static struct failure
failure_at(const struct pg_rows *rows, int i)
{
	return (struct failure){
	    .stage = (int)pg_int(rows, i, 0),
	    .job = pg_int(rows, i, 1),
	    .kind = pg_text(rows, i, 2, NULL),
	    .reason = pg_text(rows, i, 3, NULL),
	    .attempt = pg_int(rows, i, 4),
	    .worker = pg_text(rows, i, 5, NULL),
	    .at_us = pg_time_us(rows, i, 6),
	};
}

static void
put_member(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, ",\"%s\":", name);
	json_put_shown(b, text, strlen(text));
}

static void
print_failure_json(const struct failure *f)
{
	struct buf b;
	char at[32];

	buf_init(&b, 0);
	clock_iso(at, f->at_us);
	buf_printf(&b, "{\"stage\":\"%c\",\"job\":%lld,\"attempt\":%lld", stage_letter(f->stage),
	    (long long)f->job, (long long)f->attempt);
	put_member(&b, "kind", f->kind);
	put_member(&b, "reason", f->reason);
	put_member(&b, "worker", f->worker);
	put_member(&b, "at", at);
	tool_print(&b, "}");
	buf_fini(&b);
}

/* A reason is a worker's text: quoted, so that it cannot play with the terminal. */
static void
print_failure(const struct failure *f)
{
	char at[32], reason[512];

	clock_iso(at, f->at_us);
	printf("%c  %10lld  %s  attempt %lld  %s by %s: %s\n", stage_capital(f->stage),
	    (long long)f->job, at, (long long)f->attempt, f->kind, *f->worker ? f->worker : "-",
	    log_quote(reason, sizeof(reason), f->reason, strlen(f->reason)));
}

/* One page after *job; *job moves on. *more tells whether the page was full. */
static bool
list_page(struct ask *ask, int stage, int64_t batch, int64_t *job, bool *more, struct err *e)
{
	struct pg_scalar room[4];
	struct pg_param params[] = {pg_int2_param(&room[0], (int16_t)stage),
	    pg_int8_param(&room[1], *job), pg_int4_param(&room[2], PAGE),
	    batch_or_null(&room[3], ask, batch)};
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg,
		"select stage, job, kind, reason, attempt, worker, at"
		" from tracker.list_failed($1, $2, $3, $4)",
		params, 4, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++) {
		struct failure f = failure_at(rows, i);

		(ask->json ? print_failure_json : print_failure)(&f);
		*job = f.job;
	}
	*more = pg_rows_count(rows) == PAGE;
	pg_rows_free(rows);
	return true;
}

static bool
list_stage(struct ask *ask, int stage, struct err *e)
{
	int64_t job = 0, batch = 0;
	bool more = true;

	if (ask->batch && !find_batch(ask, ask->batch, &batch, e))
		return false;
	while (more)
		if (!list_page(ask, stage, batch, &job, &more, e))
			return false;
	return true;
}

bool
admin_failed(struct ask *ask, struct err *e)
{
	int stage;

	if (ask->stage)
		return tool_stage(ask->tool, ask->stage, &stage, e) && list_stage(ask, stage, e);
	for (stage = 1; stage <= ask->tool->settings.stages.n; stage++)
		if (!list_stage(ask, stage, e))
			return false;
	return true;
}

/* ---- requeue --------------------------------------------------------------------------------- */

static void
tell_requeued(struct ask *ask, int stage, int64_t back, int64_t off)
{
	struct told told;

	told_begin(&told, ask);
	told_add(&told, "stage %c: %lld put back%s", stage_capital(stage), (long long)(back - off),
	    back > off ? ", with all their attempts; what cannot be done fails again" : "");
	if (off > 0)
		told_add(&told, "; %lld %s of cancelled batches and cancelled with them",
		    (long long)off, text_plural(off, "is", "are"));
	told_text(&told, "stage", (const char[]){stage_letter(stage), '\0'});
	told_number(&told, "back", back - off);
	told_number(&told, "cancelled", off);
	if (back > 0)
		told_end(&told);
	else
		told_end_as_it_is(&told);
}

static bool
call_requeue(struct ask *ask, int stage, struct pg_param jobs, int64_t *back, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[] = {pg_int2_param(&room[0], (int16_t)stage), jobs,
	    text_or_null(ask->reason), text_or_null(ask->label), {.bytes = NULL},
	    text_or_null(ask->person)};
	struct pg_rows *rows = NULL;
	int64_t batch = 0, off;

	if (ask->batch && !find_batch(ask, ask->batch, &batch, e))
		return false;
	params[4] = batch_or_null(&room[1], ask, batch);
	if (!pg_call(ask->tool->pg,
		"select back, off from tracker.requeue_jobs($1, $2, $3, $4, $5, $6)", params, 6,
		&rows, e))
		return false;
	*back = pg_int(rows, 0, 0);
	off = pg_int(rows, 0, 1);
	pg_rows_free(rows);
	tell_requeued(ask, stage, *back, off);
	tool_wake(ask->tool, stage, *back - off);
	return true;
}

static bool
requeue_all(struct ask *ask, struct err *e)
{
	const struct pg_param every = {.bytes = NULL, .len = 0, .oid = PG_INT8_ARRAY};
	int64_t back;
	int stage;

	if (ask->stage)
		return tool_stage(ask->tool, ask->stage, &stage, e) &&
		    call_requeue(ask, stage, every, &back, e);
	for (stage = 1; stage <= ask->tool->settings.stages.n; stage++)
		if (!call_requeue(ask, stage, every, &back, e))
			return false;
	return true;
}

static bool
requeue_some(struct ask *ask, struct err *e)
{
	struct pg_array jobs;
	int stage;
	int64_t back = 0;
	bool ok = take_jobs(ask, &jobs, e) && ask_stage(ask, &stage, e);

	ok = ok && call_requeue(ask, stage, pg_array_param(&jobs), &back, e);
	pg_array_fini(&jobs);
	if (ok && back < ask->n_args)
		return err_set(e, ERR_MISSING, NULL, "%lld of the %d had not failed in stage %c",
		    (long long)(ask->n_args - back), ask->n_args, stage_capital(stage));
	return ok;
}

bool
admin_requeue(struct ask *ask, struct err *e)
{
	bool by_condition = ask->all || ask->reason || ask->label || ask->person || ask->batch;

	if (by_condition == (ask->n_args > 0))
		return err_set(e, ERR_FIELD, NULL,
		    "requeue: name the jobs, or say --reason, --label, --person, --batch or --all");
	if (ask->reason && !*ask->reason)
		return err_set(e, ERR_FIELD, NULL,
		    "--reason '' is in every reason: say --all, if all are meant");
	if (!check_conditions(ask, e))
		return false;
	return by_condition ? requeue_all(ask, e) : requeue_some(ask, e);
}

/* Whether a job is of a cancelled batch: what of it comes back is done by nobody. */
static bool
ask_cancelled(struct ask *ask, int64_t job, bool *is_cancelled, struct err *e)
{
	struct pg_scalar room;
	struct pg_param param = pg_int8_param(&room, job);
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg, "select tracker.is_cancelled($1)", &param, 1, &rows, e))
		return false;
	*is_cancelled = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	return true;
}

/* ---- send-back ------------------------------------------------------------------------------- */

static bool
call_send_back(struct ask *ask, int64_t job, int stage, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[] = {pg_int8_param(&room[0], job),
	    pg_int2_param(&room[1], (int16_t)stage),
	    pg_text_param(ask->reason, strlen(ask->reason))};
	struct pg_rows *rows = NULL;
	bool done, is_cancelled;
	struct told told;

	if (!ask_cancelled(ask, job, &is_cancelled, e) ||
	    !pg_call(
		ask->tool->pg, "select tracker.send_back_job($1, $2, $3)", params, 3, &rows, e))
		return false;
	done = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	if (!done)
		return err_set(e, ERR_MISSING, NULL, "stage %c has no result of job %lld",
		    stage_capital(stage), (long long)job);
	told_begin(&told, ask);
	if (is_cancelled)
		told_add(&told,
		    "job %lld is set aside from stage %c on; its batch is cancelled, so nobody "
		    "does it "
		    "anew",
		    (long long)job, stage_capital(stage));
	else
		told_add(&told,
		    "job %lld waits in stage %c again; what was made of it is set aside",
		    (long long)job, stage_capital(stage));
	told_end(&told);
	tool_wake(ask->tool, stage, 1);
	return true;
}

bool
admin_send_back(struct ask *ask, struct err *e)
{
	int stage;
	int64_t job;

	if (!ask->reason || !*ask->reason)
		return err_set(e, ERR_FIELD, NULL, "why? Say --reason 'made by a broken release'");
	if (!ask->batch == !ask->n_args)
		return err_set(e, ERR_FIELD, NULL, "which? Name a job, or say --batch");
	if (ask->batch) /* many at once is an undo: in steps, and it can be taken back */
		return ask_stage(ask, &stage, e) && admin_undo(ask, e);
	return ask_stage(ask, &stage, e) && ask_job(ask->arg[0], &job, e) &&
	    call_send_back(ask, job, stage, e);
}

/* ---- give-back, hurry ------------------------------------------------------------------------ */

bool
admin_give_back(struct ask *ask, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[3];
	struct pg_rows *rows = NULL;
	struct told told;
	int64_t job;
	int stage;
	bool is_cancelled;

	if (!ask_stage(ask, &stage, e) || !ask_job(ask->arg[0], &job, e) ||
	    !ask_cancelled(ask, job, &is_cancelled, e))
		return false;
	params[0] = pg_int2_param(&room[0], (int16_t)stage);
	params[1] = pg_int8_param(&room[1], job);
	params[2] = text_or_null(ask->reason);
	if (!pg_call(ask->tool->pg, "select worker, person from tracker.take_lease($1, $2, $3)",
		params, 3, &rows, e))
		return false;
	if (pg_rows_count(rows) == 0) {
		pg_rows_free(rows);
		return err_set(e, ERR_MISSING, NULL, "job %lld is not in hand in stage %c",
		    (long long)job, stage_capital(stage));
	}
	told_begin(&told, ask);
	told_add(&told, "job %lld of stage %c %s; a result of %s (%s) is taken %s", (long long)job,
	    stage_capital(stage),
	    is_cancelled ? "is out of hand; its batch is cancelled, so nobody else gets it"
			 : "waits for others, due at once",
	    pg_text(rows, 0, 0, NULL), pg_text(rows, 0, 1, NULL),
	    is_cancelled ? "all the same" : "until somebody else has it");
	told_end(&told);
	pg_rows_free(rows);
	tool_wake(ask->tool, stage, 1);
	return true;
}

/* Those of them that wait in the stage. *hurried counts on. */
static bool
hurry_in(struct ask *ask, int stage, struct pg_param jobs, int64_t *hurried, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[] = {pg_int2_param(&room, (int16_t)stage), jobs};
	struct pg_rows *rows = NULL;
	struct told told;
	int64_t n;

	if (!pg_call(ask->tool->pg, "select cardinality(tracker.hurry_jobs($1, $2))", params, 2,
		&rows, e))
		return false;
	n = pg_int(rows, 0, 0);
	pg_rows_free(rows);
	if (n == 0)
		return true;
	told_begin(&told, ask);
	told_add(&told, "stage %c: %lld %s before every batch, but not past a pause or what %s",
	    stage_capital(stage), (long long)n, text_plural(n, "job goes", "jobs go"),
	    text_plural(n, "it needs", "they need"));
	told_text(&told, "stage", (const char[]){stage_letter(stage), '\0'});
	told_number(&told, "jobs", n);
	told_end(&told);
	tool_wake(ask->tool, stage, n);
	*hurried += n;
	return true;
}

static bool
hurry_all(struct ask *ask, struct pg_param jobs, struct err *e)
{
	int64_t hurried = 0;
	int first = 1, last = ask->tool->settings.stages.n;

	if (ask->stage && !tool_stage(ask->tool, ask->stage, &first, e))
		return false;
	for (int stage = first; stage <= (ask->stage ? first : last); stage++)
		if (!hurry_in(ask, stage, jobs, &hurried, e))
			return false;
	if (hurried < ask->n_args)
		return err_set(e, ERR_MISSING, NULL,
		    "%lld of the %d %s%s, or hurried already, or of a cancelled batch",
		    (long long)(ask->n_args - hurried), ask->n_args,
		    text_plural(ask->n_args - hurried, "does not wait", "do not wait"),
		    ask->stage ? " in that stage" : "");
	return true;
}

bool
admin_hurry(struct ask *ask, struct err *e)
{
	struct pg_array jobs;
	bool ok = take_jobs(ask, &jobs, e) && hurry_all(ask, pg_array_param(&jobs), e);

	pg_array_fini(&jobs);
	return ok;
}
