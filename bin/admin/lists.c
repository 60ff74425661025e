/* What an operator looks at: a job's life, a person, what is in hand for long, who is here. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/cells.h"
#include "admin/table.h"
#include "base/buf.h"
#include "base/text.h"
#include "store/pg_array.h"

#define PAGE 1000        /* rows a query */
#define LEASES_MOST 1000 /* of one list: who looks for the oldest sees them */
#define SECTION_MOST 20  /* rows of a section on a terminal: what stands above them is to be seen */

#define N(columns) ((int)(sizeof(columns) / sizeof(*(columns))))

/* ---- sections of an answer ---------------------------------------------------------------------- */

/* A list under a heading, or one member of a JSON object; nothing at all on a terminal when empty. */
struct section {
	const char *name; /* "events" */
	const char *sql;  /* of $1, and at most $2 rows */
	const struct column *columns;
	int n;
};

static bool
show_section(struct ask *ask, const struct section *section, const struct pg_param *of,
    struct buf *b, struct err *e)
{
	const char *sql = section->sql;
	int most = ask->json ? PAGE : SECTION_MOST;
	struct pg_scalar room;
	struct pg_param params[] = {*of, pg_int4_param(&room, most)};
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg, sql, params, 2, &rows, e))
		return false;
	if (ask->json) {
		buf_printf(b, ",\"%s\":", section->name);
		table_json(b, rows, section->columns, section->n);
	} else if (pg_rows_count(rows) > 0) {
		printf("\n%s\n", section->name);
		table_print(rows, section->columns, section->n, true, false);
		if (pg_rows_count(rows) == most)
			printf("(%d are shown; --json tells more)\n", most);
	}
	pg_rows_free(rows);
	return true;
}

static bool
show_sections(struct ask *ask, const struct section *sections, int n, const struct pg_param *of,
    struct buf *b, struct err *e)
{
	for (int i = 0; i < n; i++)
		if (!show_section(ask, &sections[i], of, b, e))
			return false;
	return true;
}

/* ---- job ------------------------------------------------------------------------------------- */

static const struct column job_stages[] = {{"stage", CELL_STAGE}, {"state", CELL_WORDS},
    {"paused", CELL_YES}, {"worker", CELL_WORDS}, {"person", CELL_WORDS}, {"attempt", CELL_NUMBER},
    {"started", CELL_WHEN}, {"finished", CELL_WHEN}, {"due", CELL_WHEN}, {"input", CELL_BYTES},
    {"output", CELL_BYTES}, {"kind", CELL_WORDS}, {"reason", CELL_WORDS}};
static const struct column job_events[] = {{"at", CELL_WHEN}, {"stage", CELL_STAGE},
    {"kind", CELL_WORDS}, {"worker", CELL_WORDS}, {"person", CELL_WORDS}, {"reason", CELL_WORDS}};
static const struct column job_batch[] = {{"name", CELL_WORDS}, {"priority", CELL_NUMBER},
    {"state", CELL_WORDS}, {"needs", CELL_WORDS}, {"note", CELL_WORDS}};
static const struct section job_sections[] = {
    {"batch",
	"select l.name, l.priority, l.state, l.needs, l.note from tracker.batch b cross join"
	" lateral tracker.list_batches(true, b.batch) l where $1 between b.first and b.last",
	job_batch, N(job_batch)},
    {"stages",
	"select r.stage, r.state, s.paused, r.worker, r.person, r.attempt, r.started, r.finished,"
	" r.due, r.input_size, r.output_size, r.kind, r.reason"
	" from tracker.read_job($1, 0) r join tracker.stage s on s.stage = r.stage order by "
	"r.stage",
	job_stages, N(job_stages)},
    {"events",
	"select at, stage, kind, worker, person, reason from tracker.read_job_events($1, $2)",
	job_events, N(job_events)},
};

static bool
is_job(struct ask *ask, struct pg_param *job, bool *is, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg, "select exists (select from tracker.job j where j.number = $1)",
		job, 1, &rows, e))
		return false;
	*is = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	return true;
}

bool
admin_job(struct ask *ask, struct err *e)
{
	struct pg_scalar room;
	struct pg_param param;
	struct buf b;
	int64_t job;
	bool ok, is;

	if (!text_to_int(ask->arg[0], strlen(ask->arg[0]), 1, INT64_MAX, &job))
		return err_set(e, ERR_FIELD, NULL, "'%s' is no job number", ask->arg[0]);
	param = pg_int8_param(&room, job);
	if (!is_job(ask, &param, &is, e))
		return false;
	if (!is)
		return err_set(e, ERR_MISSING, NULL, "there is no job %lld", (long long)job);
	buf_init(&b, 0);
	buf_printf(&b, "{\"job\":%lld", (long long)job);
	if (!ask->json)
		printf("job %lld\n", (long long)job);
	ok = show_sections(ask, job_sections, N(job_sections), &param, &b, e);
	if (ok && ask->json)
		tool_print(&b, "}");
	buf_fini(&b);
	return ok;
}

/* ---- person ---------------------------------------------------------------------------------- */

static const struct column person_facts[] = {{"nickname", CELL_WORDS}, {"created", CELL_WHEN},
    {"jobs", CELL_NUMBER}, {"withdrawn", CELL_NUMBER}, {"kept", CELL_NUMBER},
    {"today", CELL_NUMBER}, {"week", CELL_NUMBER}, {"last_24_hours", CELL_NUMBER},
    {"rank", CELL_NUMBER}, {"workers", CELL_NUMBER}, {"workers_ever", CELL_NUMBER},
    {"bad_ends", CELL_NUMBER}, {"banned", CELL_YES}};
static const struct column person_stages[] = {
    {"stage", CELL_STAGE}, {"done", CELL_NUMBER}, {"withdrawn", CELL_NUMBER}};
static const struct column person_machines[] = {{"stage", CELL_STAGE}, {"name", CELL_WORDS},
    {"label", CELL_WORDS}, {"address", CELL_WORDS}, {"created", CELL_WHEN}, {"seen", CELL_WHEN},
    {"in_hand", CELL_NUMBER}, {"done", CELL_NUMBER}, {"bad", CELL_NUMBER}};
static const struct column person_refused[] = {{"refused", CELL_WHEN}, {"stage", CELL_STAGE},
    {"job", CELL_NUMBER}, {"worker", CELL_WORDS}, {"reason", CELL_WORDS}};
static const struct section person_sections[] = {
    {"stages",
	"select x.stage, x.done - x.withdrawn, x.withdrawn"
	" from tracker.read_person_stages(tracker.find_person($1)) x",
	person_stages, N(person_stages)},
    {"machines",
	"select stage, name, label, address, created, seen, jobs, done, bad"
	" from tracker.list_workers($1, null, null, null, 0, $2)",
	person_machines, N(person_machines)},
    {"refused",
	"select x.refused, x.stage, x.job, x.worker, x.reason"
	" from tracker.read_person_refused(tracker.find_person($1), $2) x",
	person_refused, N(person_refused)},
};

static void
show_person(struct ask *ask, const struct pg_rows *rows, struct buf *b)
{
	if (!ask->json) {
		table_print_row(rows, 0, person_facts, N(person_facts));
		return;
	}
	table_json_row(b, rows, 0, person_facts, N(person_facts));
	b->len--; /* its brace: more members follow */
}

bool
show_person_named(struct ask *ask, struct err *e)
{
	struct pg_param param = pg_text_param(ask->arg[0], strlen(ask->arg[0]));
	struct pg_rows *rows = NULL;
	struct buf b;
	bool ok;

	if (!pg_call(ask->tool->pg,
		"select r.nickname, r.created, r.jobs, r.withdrawn, r.kept, r.today, r.week, "
		"r.by_hour24,"
		" r.rank, r.machines,"
		" (select count(*) from tracker.worker w"
		" where w.person = any (array(select tracker.ids_of_person($1)))),"
		" (select coalesce(sum(w.struck), 0)::bigint from tracker.worker w"
		" where w.person = any (array(select tracker.ids_of_person($1)))),"
		" tracker.banned_words(r.nickname, null, null) is not null"
		" from tracker.read_person($1) r",
		&param, 1, &rows, e))
		return false;
	if (pg_rows_count(rows) == 0) {
		pg_rows_free(rows);
		return err_set(e, ERR_MISSING, NULL,
		    strncmp(ask->arg[0], "erased-", 7) == 0
			? "'%s' was erased, and has no page; undo --person finds the results"
			: "there is no person '%s'",
		    ask->arg[0]);
	}
	buf_init(&b, 0);
	show_person(ask, rows, &b);
	pg_rows_free(rows);
	ok = show_sections(ask, person_sections, N(person_sections), &param, &b, e);
	if (ok && ask->json)
		tool_print(&b, "}");
	buf_fini(&b);
	return ok;
}

/* ---- leases ---------------------------------------------------------------------------------- */

static const struct column lease_columns[] = {{"stage", CELL_STAGE}, {"job", CELL_NUMBER},
    {"worker", CELL_WORDS}, {"person", CELL_WORDS}, {"since", CELL_WHEN}, {"attempt", CELL_NUMBER},
    {"seen", CELL_WHEN}, {"label", CELL_WORDS}};

/* 0: of any. */
static bool
stage_or_any(struct ask *ask, int *stage, struct err *e)
{
	*stage = 0;
	return !ask->stage || tool_stage(ask->tool, ask->stage, stage, e);
}

bool
admin_leases(struct ask *ask, struct err *e)
{
	struct pg_scalar room[3];
	struct pg_param params[3];
	struct pg_rows *rows = NULL;
	int64_t older_s = 0;
	int stage;

	if (ask->older &&
	    (!text_to_seconds(ask->older, strlen(ask->older), &older_s) || older_s < 0))
		return err_set(e, ERR_FIELD, NULL,
		    "--older: '%s' is no time such as 90s, 15m, 2h, 1d", ask->older);
	if (!stage_or_any(ask, &stage, e))
		return false;
	params[0] = pg_int8_param(&room[0], older_s);
	params[1] = pg_int2_param(&room[1], (int16_t)stage);
	params[2] = pg_int4_param(&room[2], LEASES_MOST);
	if (!pg_call(ask->tool->pg,
		"select stage, job, worker, person, since, attempt, seen, label"
		" from tracker.list_leases($1, nullif($2, 0::int2), $3)",
		params, 3, &rows, e))
		return false;
	table_print(rows, lease_columns, N(lease_columns), true, ask->json);
	if (!ask->json && pg_rows_count(rows) == LEASES_MOST)
		printf("(the %d oldest)\n", LEASES_MOST);
	pg_rows_free(rows);
	return true;
}

/* ---- workers --------------------------------------------------------------------------------- */

static const struct column worker_columns[] = {{"stage", CELL_STAGE}, {"name", CELL_WORDS},
    {"person", CELL_WORDS}, {"label", CELL_WORDS}, {"address", CELL_WORDS}, {"created", CELL_WHEN},
    {"seen", CELL_WHEN}, {"in_hand", CELL_NUMBER}, {"done", CELL_NUMBER}, {"bad", CELL_NUMBER}};

bool
admin_workers(struct ask *ask, struct err *e)
{
	int64_t after = 0;
	int stage, n = PAGE;

	if (!stage_or_any(ask, &stage, e))
		return false;
	for (bool titles = true; n == PAGE; titles = false) {
		struct pg_scalar room[3];
		struct pg_param params[] = {text_or_null(ask->person),
		    pg_int2_param(&room[0], (int16_t)stage), text_or_null(ask->label),
		    text_or_null(ask->address), pg_int8_param(&room[1], after),
		    pg_int4_param(&room[2], PAGE)};
		struct pg_rows *rows = NULL;

		if (!pg_call(ask->tool->pg,
			"select stage, name, person, label, address, created, seen, jobs, done, "
			"bad, id"
			" from tracker.list_workers($1, nullif($2, 0::int2), $3, $4::cidr, $5, $6)",
			params, 6, &rows, e))
			return false;
		n = pg_rows_count(rows);
		table_print(rows, worker_columns, N(worker_columns), titles, ask->json);
		if (n > 0)
			after = pg_int(rows, n - 1, N(worker_columns));
		pg_rows_free(rows);
	}
	return true;
}
