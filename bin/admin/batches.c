/* Batches: how far they are, and what an operator does with them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/cells.h"
#include "admin/table.h"
#include "admin/told.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/words.h"
#include "store/pg_array.h"

#define N(columns) ((int)(sizeof(columns) / sizeof(*(columns))))

static const struct column list_columns[] = {{"name", CELL_WORDS}, {"priority", CELL_NUMBER},
    {"state", CELL_WORDS}, {"jobs", CELL_NUMBER}, {"done", CELL_WORDS}, {"waiting", CELL_NUMBER},
    {"in_hand", CELL_NUMBER}, {"failed", CELL_NUMBER}, {"cancelled", CELL_NUMBER},
    {"per_minute", CELL_NUMBER}, {"at_most", CELL_NUMBER}, {"left", CELL_WORDS},
    {"needs", CELL_WORDS}, {"note", CELL_WORDS}};

/* As in the list; of `stages` the text is JSON already. */
static const struct column json_columns[] = {{"name", CELL_WORDS}, {"priority", CELL_NUMBER},
    {"state", CELL_WORDS}, {"jobs", CELL_NUMBER}, {"waiting", CELL_NUMBER},
    {"in_hand", CELL_NUMBER}, {"failed", CELL_NUMBER}, {"cancelled", CELL_NUMBER},
    {"per_minute", CELL_NUMBER}, {"eta_s", CELL_NUMBER}, {"needs", CELL_WORDS},
    {"rate", CELL_NUMBER}, {"note", CELL_WORDS}};

/* ---- the list -------------------------------------------------------------------------------- */

static void
print_json(const struct pg_rows *rows)
{
	struct buf b;

	for (int i = 0; i < pg_rows_count(rows); i++) {
		buf_init(&b, 0);
		table_json_row(&b, rows, i, json_columns, N(json_columns));
		b.len--; /* its brace */
		buf_printf(&b, ",\"stages\":%s", pg_text(rows, i, N(json_columns), NULL));
		tool_print(&b, "}");
		buf_fini(&b);
	}
}

/* Read in the form that is printed. */
static bool
read_list(struct ask *ask, struct pg_rows **rows, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[2] = {pg_bool_param(&room[0], ask->all),
	    pg_int4_param(&room[1], (int32_t)settings_stale_s(&ask->tool->settings))};

	if (ask->json)
		return pg_call(ask->tool->pg,
		    "select name, priority, state, jobs, waiting, in_hand, failed, cancelled, "
		    "per_minute, eta_s, needs, coalesce(rate, 0), note, stages::text from "
		    "tracker.list_batches($1, stale_s => $2)",
		    params, 2, rows, e);
	return pg_call(ask->tool->pg,
	    "select name, priority, state, jobs, progress, waiting, in_hand, failed, cancelled,"
	    " per_minute, rate, left_text, needs, note"
	    " from tracker.list_batches($1, stale_s => $2)",
	    params, 2, rows, e);
}

static bool
list(struct ask *ask, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!read_list(ask, &rows, e))
		return false;
	if (ask->json)
		print_json(rows);
	else if (pg_rows_count(rows) == 0)
		printf(
		    "No batch is open%s.\n", ask->all ? ", and none was" : "; --all lists others");
	else
		table_print(rows, list_columns, N(list_columns), true, false);
	pg_rows_free(rows);
	return true;
}

/* ---- acts ------------------------------------------------------------------------------------ */

bool
find_batch(struct ask *ask, const char *name, int64_t *batch, struct err *e)
{
	struct pg_param param = pg_text_param(name, strlen(name));
	struct pg_rows *rows = NULL;

	if (!text_is_plain(name, strlen(name)))
		return err_set(e, ERR_INPUT, NULL,
		    "there is no batch of that name: a character of it cannot be seen");
	if (!pg_call(ask->tool->pg, "select tracker.batch_named($1)::bigint", &param, 1, &rows, e))
		return false;
	*batch = pg_int(rows, 0, 0);
	pg_rows_free(rows);
	return true;
}

struct pg_param
batch_or_null(struct pg_scalar *room, const struct ask *ask, int64_t batch)
{
	struct pg_param none = {.bytes = NULL, .len = 0, .oid = PG_INT4};

	return ask->batch ? pg_int4_param(room, (int32_t)batch) : none;
}

/* Every stage looks again: for work of it, or because there is none any more. */
static void
tell_stages(struct ask *ask)
{
	for (int stage = 1; stage <= ask->tool->settings.stages.n; stage++)
		tool_stage_changed(ask->tool, stage);
}

/* Whoever is parked is woken for what of it waits. */
static bool
wake_for(struct ask *ask, int64_t batch, struct err *e)
{
	struct pg_scalar room;
	struct pg_param param = pg_int4_param(&room, (int32_t)batch);
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg,
		"select stage, ready + retry from tracker.read_batches(array[$1])", &param, 1,
		&rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++)
		tool_wake(ask->tool, (int)pg_int(rows, i, 0), pg_int(rows, i, 1));
	pg_rows_free(rows);
	return true;
}

static bool
pause_batch(struct ask *ask, struct err *e)
{
	const char *why = ask->reason ? ask->reason : "";
	struct pg_scalar room;
	struct pg_param params[2];
	struct pg_rows *rows = NULL;
	struct told told;
	int64_t batch;
	bool done;

	if (!find_batch(ask, ask->arg[1], &batch, e))
		return false;
	params[0] = pg_int4_param(&room, (int32_t)batch);
	params[1] = pg_text_param(why, strlen(why));
	if (!pg_call(ask->tool->pg, "select tracker.pause_batch($1, $2)", params, 2, &rows, e))
		return false;
	done = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	if (!done)
		return err_set(e, ERR_REFUSED, NULL, "it is paused already, or cancelled");
	tell_stages(ask);
	told_begin(&told, ask);
	told_add(&told, "nothing of it is handed out any more, what is in hand may finish");
	told_back(&told, "batch resume --");
	told_back_name(&told, ask->arg[1]);
	told_end(&told);
	return true;
}

/* It would be paused with the reason that it had. */
static void
tell_resumed(struct ask *ask, const struct pg_rows *before)
{
	struct told told;
	const char *why = pg_text(before, 0, 0, NULL);

	told_begin(&told, ask);
	told_add(&told, "it goes on");
	told_back(&told, "batch pause");
	if (*why) {
		told_back(&told, "--reason");
		told_back_name(&told, why);
	}
	told_back(&told, "--");
	told_back_name(&told, ask->arg[1]);
	told_end(&told);
}

static bool
resume_batch(struct ask *ask, struct err *e)
{
	struct pg_scalar room;
	struct pg_param param;
	struct pg_rows *before = NULL, *rows = NULL;
	int64_t batch;
	bool done;

	if (!find_batch(ask, ask->arg[1], &batch, e))
		return false;
	param = pg_int4_param(&room, (int32_t)batch);
	if (!pg_call(ask->tool->pg, "select b.paused_why from tracker.batch b where b.batch = $1",
		&param, 1, &before, e))
		return false;
	if (!pg_call(ask->tool->pg, "select tracker.resume_batch($1)", &param, 1, &rows, e)) {
		pg_rows_free(before);
		return false;
	}
	done = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	if (done) {
		tell_stages(ask);
		tell_resumed(ask, before);
	}
	pg_rows_free(before);
	if (!done)
		return err_set(e, ERR_REFUSED, NULL, "it is not paused, or it is cancelled");
	return wake_for(ask, batch, e);
}

static bool
cancel_batch(struct ask *ask, struct err *e)
{
	const char *why = ask->reason ? ask->reason : "";
	struct pg_scalar room;
	struct pg_param params[2];
	struct pg_rows *rows = NULL;
	struct told told;
	int64_t batch, jobs;
	bool done;

	if (!find_batch(ask, ask->arg[1], &batch, e))
		return false;
	params[0] = pg_int4_param(&room, (int32_t)batch);
	params[1] = pg_text_param(why, strlen(why));
	if (!pg_call(
		ask->tool->pg, "select tracker.cancel_batch($1, why => $2)", params, 2, &rows, e))
		return false;
	done = !pg_is_null(rows, 0, 0);
	jobs = pg_int(rows, 0, 0);
	pg_rows_free(rows);
	if (!done)
		return err_set(e, ERR_REFUSED, NULL, "it is cancelled already");
	tell_stages(ask);
	told_begin(&told, ask);
	told_add(&told,
	    "%lld %s cancelled, for good; what is in hand may finish and counts, results stay",
	    (long long)jobs, text_plural(jobs, "job is", "jobs are"));
	told_number(&told, "jobs", jobs);
	told_end(&told);
	return true;
}

static bool
rename_batch(struct ask *ask, struct err *e)
{
	const char *name = ask->arg[2];
	struct pg_scalar id;
	struct pg_param params[2];
	struct pg_rows *rows = NULL;
	struct told told;
	int64_t batch;

	if (!text_is_plain(name, strlen(name)))
		return err_set(
		    e, ERR_FIELD, NULL, "a name is UTF-8, and every character of it can be seen");
	if (!find_batch(ask, ask->arg[1], &batch, e))
		return false;
	params[0] = pg_int4_param(&id, (int32_t)batch);
	params[1] = pg_text_param(name, strlen(name));
	if (!pg_call(ask->tool->pg, "select tracker.rename_batch($1, $2)", params, 2, &rows, e))
		return false;
	told_begin(&told, ask);
	told_add(&told, "renamed; it was %s before", pg_text(rows, 0, 0, NULL));
	told_back(&told, "batch rename --");
	told_back_name(&told, name);
	told_back_name(&told, pg_text(rows, 0, 0, NULL));
	told_end(&told);
	pg_rows_free(rows);
	return true;
}

/* ---- set ------------------------------------------------------------------------------------- */

struct wishes {
	int64_t priority;
	bool has_priority;
	const char *note;  /* NULL: as it is */
	const char *needs; /* NULL: as it is */
	int64_t rate;
	bool has_rate;
};

static bool
take_wish(struct wishes *w, const char *text, struct err *e)
{
	if (text_starts(text, "priority=")) {
		text += strlen("priority=");
		w->has_priority = true;
		return text_to_int(text, strlen(text), -100, 100, &w->priority) ||
		    err_set(e, ERR_FIELD, NULL, "a priority is -100 to 100");
	}
	if (text_starts(text, "note=")) {
		w->note = text + strlen("note=");
		return check_line("a note", w->note, LINE_MOST, e);
	}
	if (text_starts(text, "needs=")) {
		w->needs = text + strlen("needs=");
		return words_check(w->needs, e);
	}
	if (text_starts(text, "rate=")) {
		text += strlen("rate=");
		w->has_rate = true;
		return text_to_int(text, strlen(text), 0, ADMIN_RATE_MOST, &w->rate) ||
		    err_set(
			e, ERR_FIELD, NULL, "a rate is jobs a minute, 0 to %d", ADMIN_RATE_MOST);
	}
	return err_set(e, ERR_FIELD, NULL,
	    "set what? Say priority=5, note='for Ann', needs=gpu,ram32 or rate=600");
}

/* SQL's null where nothing was said. */
static struct pg_param
number_or_null(struct pg_scalar *room, bool is_said, int64_t n)
{
	struct pg_param none = {.bytes = NULL, .len = 0, .oid = PG_INT4};

	return is_said ? pg_int4_param(room, (int32_t)n) : none;
}

/* What it was before: of all, for people; of what was set, in the command that takes it back. */
static void
tell_set(struct ask *ask, const struct wishes *w, const struct pg_rows *before)
{
	const char *note = pg_text(before, 0, 1, NULL), *needs = pg_text(before, 0, 2, NULL);
	long long priority = pg_int(before, 0, 0), rate = pg_int(before, 0, 3);
	struct told told;

	told_begin(&told, ask);
	told_add(&told, "set; it was priority=%lld note=", priority);
	told_put_word(&told.line, note);
	told_add(&told, " needs=%s rate=%lld before", needs, rate);
	told_back(&told, "batch set --");
	told_back_name(&told, ask->arg[1]);
	if (w->has_priority)
		told_back(&told, "priority=%lld", priority);
	if (w->note) {
		told_back(&told, "note=");
		told_put_word(&told.back, note);
	}
	if (w->needs)
		told_back(&told, "needs=%s", needs);
	if (w->has_rate)
		told_back(&told, "rate=%lld", rate);
	told_end(&told);
}

static bool
set_batch(struct ask *ask, struct err *e)
{
	struct wishes w = {.note = NULL};
	struct pg_scalar room[3];
	struct pg_param params[5];
	struct pg_rows *rows = NULL;
	int64_t batch;

	for (int i = 2; i < ask->n_args; i++) {
		size_t word = strcspn(ask->arg[i], "=") + 1;

		for (int k = 2; k < i; k++)
			if (strncmp(ask->arg[i], ask->arg[k], word) == 0)
				return err_set(e, ERR_FIELD, NULL, "%.*s is said twice", (int)word,
				    ask->arg[i]);
		if (!take_wish(&w, ask->arg[i], e))
			return false;
	}
	if (!find_batch(ask, ask->arg[1], &batch, e))
		return false;
	params[0] = pg_int4_param(&room[0], (int32_t)batch);
	params[1] = number_or_null(&room[1], w.has_priority, w.priority);
	params[2] = text_or_null(w.note);
	params[3] = text_or_null(w.needs);
	params[4] = number_or_null(&room[2], w.has_rate, w.rate);
	if (!pg_call(ask->tool->pg,
		"select old_priority, old_note, old_needs, old_rate"
		" from tracker.set_batch($1, $2, $3, needs => $4, rate => $5)",
		params, 5, &rows, e))
		return false;
	tell_stages(ask);
	tell_set(ask, &w, rows);
	pg_rows_free(rows);
	return true;
}

/* ---- the command ----------------------------------------------------------------------------- */

bool
admin_batch(struct ask *ask, struct err *e)
{
	static const struct act {
		const char *name;
		int least, most; /* words, its own name among them */
		bool has_reason;
		admin_run run;
	} acts[] = {{"set", 3, ASK_ARGS_MAX, false, set_batch}, {"pause", 2, 2, true, pause_batch},
	    {"resume", 2, 2, false, resume_batch}, {"cancel", 2, 2, true, cancel_batch},
	    {"rename", 3, 3, false, rename_batch}};

	if (ask->n_args == 0 && !ask->reason)
		return list(ask, e);
	for (size_t i = 0; ask->n_args > 0 && i < sizeof(acts) / sizeof(*acts); i++)
		if (strcmp(acts[i].name, ask->arg[0]) == 0 && ask->n_args >= acts[i].least &&
		    ask->n_args <= acts[i].most && (acts[i].has_reason || !ask->reason))
			return acts[i].run(ask, e);
	if (ask->reason)
		return err_set(
		    e, ERR_FIELD, NULL, "batch: --reason is for pause NAME and cancel NAME alone");
	return err_set(e, ERR_FIELD, NULL,
	    "batch: nothing, set NAME priority=5 note=... needs=gpu rate=600, pause NAME, resume "
	    "NAME, cancel NAME, "
	    "or "
	    "rename NAME NEW-NAME");
}
