#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/cells.h"
#include "admin/table.h"
#include "admin/told.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "store/pg_array.h"

struct stage_row {
	int stage;
	const char *name;
	bool paused;
	int64_t ready, retry, due, leased, done, failed, cancelled;
	int64_t workers;
	/* of the last five minutes: attempts that failed, of how many workers, and results */
	int64_t bad, bad_workers, done_5m;
	int64_t since_us; /* more fail than are done; 0 = unknown */
	const char *kind, *reason;
};

struct report {
	struct stage_row stage[STAGES_MAX];
	int n;
	struct pg_rows *stages, *busy, *sizes, *begun; /* the first owns the texts above */
};

#define N(columns) ((int)(sizeof(columns) / sizeof(*(columns))))
#define BUSY_MOST 10 /* people who are shown */
#define SIZES_MOST 5 /* tables that are shown; all of them in JSON */

static const struct column busy_columns[] = {{"person", CELL_WORDS}, {"workers", CELL_NUMBER},
    {"in_hand", CELL_NUMBER}, {"seen", CELL_WHEN}};
static const struct column stage_columns[] = {
    {"stage", CELL_WORDS}, {"name", CELL_WORDS}, {"paused", CELL_YES}, {"rate", CELL_NUMBER}};
static const struct column begun_columns[] = {{"line", CELL_NUMBER}, {"act", CELL_WORDS},
    {"who", CELL_WORDS}, {"changed", CELL_WHEN}, {"jobs", CELL_NUMBER}, {"undo", CELL_NUMBER},
    {"back", CELL_YES}, {"person", CELL_WORDS}, {"into", CELL_WORDS}};
static const struct column size_columns[] = {
    {"table", CELL_WORDS}, {"rows", CELL_NUMBER}, {"bytes", CELL_BYTES}};

/* ---- reading --------------------------------------------------------------------------------- */

static struct stage_row
row_at(const struct pg_rows *rows, int i)
{
	return (struct stage_row){
	    .stage = (int)pg_int(rows, i, 0),
	    .name = pg_text(rows, i, 1, NULL),
	    .paused = pg_bool(rows, i, 2),
	    .ready = pg_int(rows, i, 3),
	    .retry = pg_int(rows, i, 4),
	    .due = pg_int(rows, i, 5),
	    .leased = pg_int(rows, i, 6),
	    .done = pg_int(rows, i, 7),
	    .failed = pg_int(rows, i, 8),
	    .workers = pg_int(rows, i, 9),
	    .bad = pg_int(rows, i, 10),
	    .bad_workers = pg_int(rows, i, 11),
	    .since_us = pg_time_us(rows, i, 12),
	    .kind = pg_text(rows, i, 13, NULL),
	    .reason = pg_text(rows, i, 14, NULL),
	    .done_5m = pg_int(rows, i, 15),
	    .cancelled = pg_int(rows, i, 16),
	};
}

static bool
read_stages(struct ask *ask, struct report *r, struct err *e)
{
	if (!pg_call(ask->tool->pg,
		"select c.stage, c.name, c.paused, c.ready, c.retry, c.due, c.leased, c.done, "
		"c.failed,"
		" (select count(*) from tracker.worker w where w.stage = c.stage and w.gone_at is "
		"null)"
		", f.bad, f.workers, f.since, f.kind, f.reason, m.done_5m, c.cancelled"
		" from tracker.read_counts() c"
		" join tracker.read_pace() m on m.stage = c.stage"
		" left join tracker.read_failing() f on f.stage = c.stage"
		" order by c.stage",
		NULL, 0, &r->stages, e))
		return false;
	r->n = 0;
	for (int i = 0; i < pg_rows_count(r->stages) && i < STAGES_MAX; i++)
		r->stage[r->n++] = row_at(r->stages, i);
	return true;
}

/* The rows are the caller's to free, whatever the answer: free_report. */
static bool
read_report(struct ask *ask, struct report *r, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param busy = pg_int4_param(&room[0], ask->json ? 1000 : BUSY_MOST);
	struct pg_param sizes = pg_int4_param(&room[1], ask->json ? 1000 : SIZES_MOST);

	return read_stages(ask, r, e) &&
	    pg_call(ask->tool->pg,
		"select person, workers, in_hand, seen, people from tracker.list_busy($1)", &busy,
		1, &r->busy, e) &&
	    pg_call(ask->tool->pg,
		"select \"table\", rows, bytes, total from tracker.list_sizes($1)", &sizes, 1,
		&r->sizes, e) &&
	    pg_call(ask->tool->pg,
		"select line, act, who, changed, jobs, undo, back, person, \"into\" from"
		" tracker.list_begun()",
		NULL, 0, &r->begun, e);
}

static void
free_report(struct report *r)
{
	pg_rows_free(r->stages);
	pg_rows_free(r->busy);
	pg_rows_free(r->sizes);
	pg_rows_free(r->begun);
}

/* ---- status ---------------------------------------------------------------------------------- */

static void
put_count(struct buf *b, const char *name, int64_t n)
{
	buf_printf(b, ",\"%s\":%lld", name, (long long)n);
}

static void
put_text(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, ",\"%s\":", name);
	json_put_shown(b, text, strlen(text));
}

static void
put_failing(struct buf *b, const struct stage_row *s)
{
	char since[32] = "";

	if (s->since_us != 0)
		clock_iso(since, s->since_us);
	buf_puts(b, ",\"failing\":{\"minutes\":5");
	put_count(b, "attempts", s->bad);
	put_count(b, "done", s->done_5m);
	put_count(b, "workers", s->bad_workers);
	put_text(b, "kind", s->kind);
	put_text(b, "reason", s->reason);
	put_text(b, "since", since);
	buf_putc(b, '}');
}

static void
put_stage(struct buf *b, const struct stage_row *s)
{
	buf_printf(b, "{\"stage\":\"%c\",\"name\":", stage_letter(s->stage));
	json_put_shown(b, s->name, strlen(s->name));
	buf_printf(b, ",\"paused\":%s", s->paused ? "true" : "false");
	put_count(b, "ready", s->ready);
	put_count(b, "retry", s->retry);
	put_count(b, "due", s->due);
	put_count(b, "leased", s->leased);
	put_count(b, "done", s->done);
	put_count(b, "failed", s->failed);
	put_count(b, "cancelled", s->cancelled);
	put_count(b, "workers", s->workers);
	if (s->bad > 0)
		put_failing(b, s);
	buf_putc(b, '}');
}

static void
print_json(const struct ask *ask, const struct report *r)
{
	const char *project = ask->tool->settings.project;
	struct buf b;

	buf_init(&b, 0);
	buf_puts(&b, "{\"project\":");
	json_put_shown(&b, project, strlen(project));
	buf_puts(&b, ",\"stages\":[");
	for (int i = 0; i < r->n; i++) {
		if (i > 0)
			buf_putc(&b, ',');
		put_stage(&b, &r->stage[i]);
	}
	buf_puts(&b, "],\"people\":");
	table_json(&b, r->busy, busy_columns, N(busy_columns));
	buf_puts(&b, ",\"begun\":");
	table_json(&b, r->begun, begun_columns, N(begun_columns));
	buf_puts(&b, ",\"tables\":");
	table_json(&b, r->sizes, size_columns, N(size_columns));
	tool_print(&b, "}");
	buf_fini(&b);
}

static void
print_cell(int64_t n)
{
	char text[28];

	text_thousands(text, n);
	printf(" %13s", text);
}

static void
print_stage(const struct stage_row *s)
{
	printf("%c %-20.20s", stage_capital(s->stage), s->name);
	print_cell(s->ready);
	print_cell(s->retry);
	print_cell(s->leased);
	print_cell(s->done);
	print_cell(s->failed);
	print_cell(s->cancelled);
	print_cell(s->workers);
	printf("%s\n", s->paused ? "  paused" : "");
}

/*
 * A reason is a worker's text: quoted, so that it cannot play with the terminal. Since when there is only where
 * more fails than is done.
 */
static void
print_failing(const struct stage_row *s)
{
	char reason[512], since[32];

	printf("%c fails: %lld of %lld %s in five minutes, of %lld %s", stage_capital(s->stage),
	    (long long)s->bad, (long long)(s->bad + s->done_5m),
	    text_plural(s->bad + s->done_5m, "attempt", "attempts"), (long long)s->bad_workers,
	    text_plural(s->bad_workers, "worker", "workers"));
	if (s->since_us != 0) {
		clock_iso(since, s->since_us);
		printf(", since %s", since);
	}
	printf("; mostly %s, at last: %s\n", s->kind,
	    log_quote(reason, sizeof(reason), s->reason, strlen(s->reason)));
}

static void
print_busy(const struct pg_rows *rows)
{
	int n = pg_rows_count(rows);
	int64_t people = n > 0 ? pg_int(rows, 0, 4) : 0;

	if (n == 0) {
		printf("\nNobody works.\n");
		return;
	}
	printf("\n");
	table_print(rows, busy_columns, N(busy_columns), true, false);
	if (people > n)
		printf("and %lld more; see workers\n", (long long)(people - n));
}

/* A long act that is under way, or that nobody goes on with since a terminal or a machine was lost. */
static void
print_begun(const struct ask *ask, const struct pg_rows *rows, int i)
{
	char at[32], act[CELL_TEXT], who[CELL_TEXT];
	struct told told;

	told_begin(&told, ask);
	clock_iso(at, pg_time_us(rows, i, 3));
	told_add(&told, "line %lld of audit, %s, by %s, is not done; its last step was at %s",
	    (long long)pg_int(rows, i, 0), cell_text(rows, i, 1, act), cell_text(rows, i, 2, who),
	    at);
	if (!pg_is_null(rows, i, 4))
		told_add(&told, ", and %lld %s left", (long long)pg_int(rows, i, 4),
		    text_plural(pg_int(rows, i, 4), "job is", "jobs are"));
	if (pg_is_null(rows, i, 5)) {
		told_back(&told, "person merge --yes --");
		told_back_name(&told, pg_text(rows, i, 7, NULL));
		told_back_name(&told, pg_text(rows, i, 8, NULL));
	} else
		told_back(&told, "undo --%s %lld", pg_bool(rows, i, 6) ? "back" : "resume",
		    (long long)pg_int(rows, i, 5));
	told_may_go_on(&told);
}

static void
print_sizes(const struct pg_rows *rows)
{
	int64_t shown = 0, total = 0;

	printf("\n");
	table_print(rows, size_columns, N(size_columns), true, false);
	for (int i = 0; i < pg_rows_count(rows); i++) {
		shown += pg_int(rows, i, 2);
		total = pg_int(rows, i, 3);
	}
	printf("and %.1f MiB in smaller ones\n", (double)(total - shown) / (1 << 20));
}

static void
print_table(const struct ask *ask, const struct report *r)
{
	printf("%s\n", ask->tool->settings.project);
	printf("%-22s %13s %13s %13s %13s %13s %13s %13s\n", "stage", "ready", "retry", "leased",
	    "done", "failed", "cancelled", "workers");
	for (int i = 0; i < r->n; i++)
		print_stage(&r->stage[i]);
	for (int i = 0; i < r->n; i++)
		if (r->stage[i].bad > 0)
			print_failing(&r->stage[i]);
	if (pg_rows_count(r->begun) > 0)
		printf("\n");
	for (int i = 0; i < pg_rows_count(r->begun); i++)
		print_begun(ask, r->begun, i);
	print_busy(r->busy);
	print_sizes(r->sizes);
}

bool
admin_status(struct ask *ask, struct err *e)
{
	struct report r = {.n = 0};
	bool ok = read_report(ask, &r, e);

	if (ok)
		(ask->json ? print_json : print_table)(ask, &r);
	free_report(&r);
	return ok;
}

/* ---- stages ---------------------------------------------------------------------------------- */

/* The settings only propose; who reads them may believe otherwise. */
static void
tell_difference(const struct ask *ask)
{
	const struct settings *s = &ask->tool->settings;
	struct stage_names proposed = {.n = 0};
	char text[512];

	for (int i = 0; i < STAGES_MAX && *s->stage[i]; i++)
		(void)stage_names_add(&proposed, s->stage[i]);
	if (!stage_names_same(&proposed, &s->stages))
		fprintf(stderr, "%s: the settings name others: %s. Those of the database count.\n",
		    ask->tool->name, stage_names_text(text, sizeof(text), &proposed));
}

static bool
list_stages(struct ask *ask, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg,
		"select s.letter, s.name, s.paused, coalesce(g.rate, 0) from tracker.stage s"
		" left join tracker.gate g on g.stage = s.stage and g.batch = 0 order by s.stage",
		NULL, 0, &rows, e))
		return false;
	if (ask->json)
		table_print(rows, stage_columns, N(stage_columns), false, true);
	for (int i = 0; !ask->json && i < pg_rows_count(rows); i++) {
		printf("%s %s%s", pg_text(rows, i, 0, NULL), pg_text(rows, i, 1, NULL),
		    pg_bool(rows, i, 2) ? " (paused)" : "");
		if (pg_int(rows, i, 3) > 0)
			printf(" (at most %lld a minute)", (long long)pg_int(rows, i, 3));
		printf("\n");
	}
	pg_rows_free(rows);
	fflush(stdout);
	tell_difference(ask);
	return true;
}

static bool
check_name(const char *name, struct err *e)
{
	const char *why;

	return settings_is_stage_name(name, &why) ||
	    err_set(e, ERR_INPUT, NULL, "a stage's name %s", why);
}

/* How many jobs wait in a stage that was just made. */
static int64_t
count_ready(struct ask *ask, int stage)
{
	struct report r = {.n = 0};
	struct err ignored = ERR_INIT;
	int64_t ready = 0;

	if (read_stages(ask, &r, &ignored) && stage <= r.n)
		ready = r.stage[stage - 1].ready;
	free_report(&r);
	return ready;
}

static bool
append_stage(struct ask *ask, const char *name, struct err *e)
{
	struct pg_param param = pg_text_param(name, strlen(name));
	struct pg_rows *rows = NULL;
	struct told told;
	int stage;
	int64_t ready;

	if (!check_name(name, e) ||
	    !pg_call(ask->tool->pg, "select tracker.append_stage($1)", &param, 1, &rows, e))
		return false;
	stage = (int)pg_int(rows, 0, 0);
	pg_rows_free(rows);
	ready = count_ready(ask, stage);
	told_begin(&told, ask);
	told_add(&told,
	    "stage %c is %s; %lld %s ready in it. Every tracker knows within a few seconds",
	    stage_capital(stage), name, (long long)ready, text_plural(ready, "job is", "jobs are"));
	told_end(&told);
	tool_wake(ask->tool, stage, ready);
	return true;
}

static bool
rename_stage(struct ask *ask, const char *which, const char *name, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[2];
	struct pg_rows *rows = NULL;
	struct told told;
	int stage;

	if (!tool_stage(ask->tool, which, &stage, e) || !check_name(name, e))
		return false;
	params[0] = pg_int2_param(&room, (int16_t)stage);
	params[1] = pg_text_param(name, strlen(name));
	if (!pg_call(ask->tool->pg, "select tracker.rename_stage($1, $2)", params, 2, &rows, e))
		return false;
	told_begin(&told, ask);
	told_add(&told,
	    "stage %c was %s and is %s. Every tracker knows within a few seconds, pages within "
	    "page_cache; who says --stage and the old name is refused at the next start, the "
	    "letter "
	    "always goes",
	    stage_capital(stage), pg_text(rows, 0, 0, NULL), name);
	told_back(&told, "stages rename -- %c", stage_letter(stage));
	told_back_name(&told, pg_text(rows, 0, 0, NULL));
	told_end(&told);
	pg_rows_free(rows);
	tool_stage_changed(ask->tool, stage);
	return true;
}

/* 0: as many as are asked for. */
static bool
read_rate(struct ask *ask, int stage, int64_t *rate, struct err *e)
{
	struct pg_scalar room;
	struct pg_param param = pg_int2_param(&room, (int16_t)stage);
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg,
		"select coalesce(max(g.rate), 0) from tracker.gate g where g.stage = $1 and "
		"g.batch = 0",
		&param, 1, &rows, e))
		return false;
	*rate = pg_int(rows, 0, 0);
	pg_rows_free(rows);
	return true;
}

static void
tell_rate(struct ask *ask, int stage, int64_t rate, int64_t before)
{
	struct told told;

	told_begin(&told, ask);
	if (rate == 0)
		told_add(&told, "stage %c hands out as many jobs as are asked for",
		    stage_capital(stage));
	else
		told_add(&told, "stage %c hands out %lld %s a minute, retries not counted",
		    stage_capital(stage), (long long)rate, text_plural(rate, "job", "jobs"));
	told_back(&told, "stages rate %c %lld", stage_letter(stage), (long long)before);
	told_end(&told);
}

static bool
set_rate(struct ask *ask, const char *which, const char *text, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[2];
	struct pg_rows *rows = NULL;
	int stage;
	int64_t rate, before;
	bool done;

	if (!tool_stage(ask->tool, which, &stage, e))
		return false;
	if (!text_to_int(text, strlen(text), 0, ADMIN_RATE_MOST, &rate))
		return err_set(e, ERR_FIELD, NULL,
		    "a rate is jobs a minute, 0 to %d, and 0 as many as are asked for",
		    ADMIN_RATE_MOST);
	params[0] = pg_int2_param(&room[0], (int16_t)stage);
	params[1] = pg_int4_param(&room[1], (int32_t)rate);
	if (!read_rate(ask, stage, &before, e) ||
	    !pg_call(ask->tool->pg, "select tracker.set_stage_rate($1, $2)", params, 2, &rows, e))
		return false;
	done = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	if (!done)
		return err_set(e, ERR_REFUSED, NULL, "that is its rate already");
	tell_rate(ask, stage, rate, before);
	tool_stage_changed(ask->tool, stage);
	return true;
}

bool
admin_stages(struct ask *ask, struct err *e)
{
	if (ask->n_args == 0)
		return list_stages(ask, e);
	if (ask->n_args == 2 && strcmp(ask->arg[0], "append") == 0)
		return append_stage(ask, ask->arg[1], e);
	if (ask->n_args == 3 && strcmp(ask->arg[0], "rename") == 0)
		return rename_stage(ask, ask->arg[1], ask->arg[2], e);
	if (ask->n_args == 3 && strcmp(ask->arg[0], "rate") == 0)
		return set_rate(ask, ask->arg[1], ask->arg[2], e);
	return err_set(
	    e, ERR_FIELD, NULL, "stages: nothing, append NAME, rename STAGE NAME, or rate STAGE N");
}

/* ---- pause, resume --------------------------------------------------------------------------- */

/* Whether it was so before: then nothing is to be taken back. */
static bool
was_paused(struct ask *ask, int stage, bool *was, struct err *e)
{
	struct pg_scalar room;
	struct pg_param param = pg_int2_param(&room, (int16_t)stage);
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg, "select s.paused from tracker.stage s where s.stage = $1",
		&param, 1, &rows, e))
		return false;
	*was = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	return true;
}

static bool
set_paused(struct ask *ask, bool paused, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[2];
	struct pg_rows *rows = NULL;
	struct told told;
	bool was;
	int stage;

	if (!tool_stage(ask->tool, ask->arg[0], &stage, e) || !was_paused(ask, stage, &was, e))
		return false;
	params[0] = pg_int2_param(&room[0], (int16_t)stage);
	params[1] = pg_bool_param(&room[1], paused);
	if (!pg_call(ask->tool->pg, "select tracker.set_paused($1, $2)", params, 2, &rows, e))
		return false;
	pg_rows_free(rows);
	tool_stage_changed(ask->tool, stage);
	told_begin(&told, ask);
	if (was == paused) {
		told_add(&told, "stage %c %s", stage_capital(stage),
		    paused ? "is paused already" : "is not paused");
		told_end_as_it_is(&told);
		return true;
	}
	told_add(&told, "stage %c %s", stage_capital(stage), paused ? "is paused" : "goes on");
	told_back(&told, "%s %c", paused ? "resume" : "pause", stage_letter(stage));
	told_end(&told);
	return true;
}

bool
admin_pause(struct ask *ask, struct err *e)
{
	return set_paused(ask, true, e);
}

bool
admin_resume(struct ask *ask, struct err *e)
{
	return set_paused(ask, false, e);
}
