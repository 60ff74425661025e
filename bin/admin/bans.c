/* Who is shown the door, and who may come again; who comes from where, and what runs there. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/cells.h"
#include "admin/told.h"
#include "base/text.h"
#include "store/pg_array.h"

/* Tells every process who is gone and what they left. */
static void
tell_gone(struct ask *ask, const struct pg_rows *rows)
{
	int64_t freed[STAGES_MAX + 1] = {0};

	for (int i = 0; i < pg_rows_count(rows); i++) {
		struct uuid token = pg_uuid(rows, i, 0);
		int64_t stage = pg_int(rows, i, 1);

		tool_gone(ask->tool, &token);
		if (stage >= 1 && stage <= STAGES_MAX)
			freed[stage] += pg_int(rows, i, 2);
	}
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		tool_wake(ask->tool, stage, freed[stage]);
}

/* Of the one that this connection has just made. */
static bool
number_of_ban(struct ask *ask, int64_t *ban, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg, "select currval(pg_get_serial_sequence('tracker.ban', 'id'))",
		NULL, 0, &rows, e))
		return false;
	*ban = pg_int(rows, 0, 0);
	pg_rows_free(rows);
	return true;
}

bool
admin_ban(struct ask *ask, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[7];
	struct pg_rows *rows = NULL;
	struct told told;
	int64_t ban;
	int gone;
	int stage = 0;

	if (!!ask->person + !!ask->address + !!ask->label + !!ask->worker != 1)
		return err_set(
		    e, ERR_FIELD, NULL, "whom? Say one of --person, --address, --label, --worker");
	if (!ask->reason || !*ask->reason)
		return err_set(e, ERR_FIELD, NULL, "why? Say --reason 'what they shall hear'");
	if (ask->worker && !ask->stage)
		return err_set(e, ERR_FIELD, NULL, "the worker of which stage? Say --stage a");
	if (!check_conditions(ask, e) ||
	    (ask->stage && !tool_stage(ask->tool, ask->stage, &stage, e)))
		return false;
	params[0] = text_or_null(ask->person);
	params[1] = text_or_null(ask->address);
	params[2] = text_or_null(ask->label);
	params[3] = text_or_null(ask->worker);
	params[4] = pg_int2_param(&room, (int16_t)stage);
	params[5] = text_or_null(ask->reason);
	params[6] = text_or_null(ask->until);
	if (!pg_call(ask->tool->pg,
		"select token, stage, freed from tracker.ban_strangers($1, $2::cidr, $3, $4, $5, "
		"$6,"
		" $7::timestamptz)",
		params, 7, &rows, e))
		return false;
	tell_gone(ask, rows);
	gone = pg_rows_count(rows);
	pg_rows_free(rows);
	if (!number_of_ban(ask, &ban, e))
		return false;
	told_begin(&told, ask);
	told_add(&told, "ban %lld; %d %s gone, their jobs wait for others", (long long)ban, gone,
	    text_plural(gone, "worker is", "workers are"));
	told_number(&told, "ban", ban);
	told_number(&told, "gone", gone);
	told_back(&told, "unban %lld", (long long)ban);
	told_end(&told);
	return true;
}

/* The same once more, with a number of its own; a label that is erased is known by its hash alone. */
static bool
tell_lifted(struct ask *ask, struct pg_param *param, int64_t ban, struct err *e)
{
	static const char *const whom[] = {"person", "address", "label", "worker"};
	struct pg_rows *rows = NULL;
	struct told told;

	if (!pg_call(ask->tool->pg,
		"select b.person, b.address::text, case when b.label_hash is null or"
		" b.label_hash = tracker.ban_hash(b.label) then b.label end, w.name, w.stage, "
		"b.words,"
		" to_char(b.until at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS \"UTC\"')"
		" from tracker.ban b left join tracker.worker w on w.id = b.worker where b.id = $1",
		param, 1, &rows, e))
		return false;
	told_begin(&told, ask);
	told_add(&told, "ban %lld is lifted; whom it kept out may register again", (long long)ban);
	for (int i = 0; i < 4; i++)
		if (!pg_is_null(rows, 0, i)) {
			told_back(&told, "ban --%s", whom[i]);
			told_back_name(&told, pg_text(rows, 0, i, NULL));
		}
	if (!pg_is_null(rows, 0, 4))
		told_back(&told, "--stage %c", stage_letter((int)pg_int(rows, 0, 4)));
	if (told.back.len > 0) {
		told_back(&told, "--reason");
		told_back_name(&told, pg_text(rows, 0, 5, NULL));
		if (!pg_is_null(rows, 0, 6)) {
			told_back(&told, "--until");
			told_back_name(&told, pg_text(rows, 0, 6, NULL));
		}
	}
	told_end(&told);
	pg_rows_free(rows);
	return true;
}

bool
admin_unban(struct ask *ask, struct err *e)
{
	struct pg_scalar room;
	struct pg_param param;
	struct pg_rows *rows = NULL;
	int64_t ban;
	bool lifted;

	if (!text_to_int(ask->arg[0], strlen(ask->arg[0]), 1, INT64_MAX, &ban))
		return err_set(e, ERR_FIELD, NULL, "'%s' is no number of a ban", ask->arg[0]);
	param = pg_int8_param(&room, ban);
	if (!pg_call(ask->tool->pg, "select tracker.lift_ban($1)", &param, 1, &rows, e))
		return false;
	lifted = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	if (!lifted)
		return err_set(e, ERR_MISSING, NULL, "no ban %lld holds", (long long)ban);
	return tell_lifted(ask, &param, ban, e);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void
print_ban(const struct pg_rows *rows, int i, bool json)
{
	char whom[CELL_TEXT], words[CELL_TEXT], since[32], until[32];
	struct buf b;

	cell_time(rows, i, 3, since);
	cell_time(rows, i, 4, until);
	if (!json) {
		printf("%6lld  %s  %-20s  until %-20s  %s\n", (long long)pg_int(rows, i, 0), since,
		    cell_text(rows, i, 1, whom), *until ? until : "it is lifted",
		    cell_text(rows, i, 2, words));
		return;
	}
	buf_init(&b, 0);
	buf_printf(&b, "{\"ban\":%lld,\"created\":\"%s\",\"until\":%s%s%s",
	    (long long)pg_int(rows, i, 0), since, *until ? "\"" : "", *until ? until : "null",
	    *until ? "\"" : "");
	cell_json(&b, "whom", rows, i, 1);
	cell_json(&b, "words", rows, i, 2);
	tool_print(&b, "}");
	buf_fini(&b);
}

bool
admin_bans(struct ask *ask, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg,
		"select ban, whom, words, created, until from tracker.list_bans(false)", NULL, 0,
		&rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++)
		print_ban(rows, i, ask->json);
	pg_rows_free(rows);
	return true;
}

/* What, how many workers are here and were ever, people, results, attempts that ended badly. */
static void
print_crowd(const struct pg_rows *rows, int i, bool json)
{
	static const char *const names[] = {"present", "workers", "people", "done", "bad"};
	char what[CELL_TEXT];
	struct buf b;

	if (!json) {
		printf("%-40s", cell_text(rows, i, 0, what));
		for (int n = 0; n < 5; n++)
			printf("  %9lld", (long long)pg_int(rows, i, n + 1));
		printf("\n");
		return;
	}
	buf_init(&b, 0);
	for (int n = 0; n < 5; n++)
		buf_printf(&b, "%s\"%s\":%lld", n == 0 ? "{" : ",", names[n],
		    (long long)pg_int(rows, i, n + 1));
	cell_json(&b, "what", rows, i, 0);
	tool_print(&b, "}");
	buf_fini(&b);
}

static void
print_crowds(struct ask *ask, struct pg_rows *rows, const char *what)
{
	if (!ask->json)
		printf("%-40s  %9s  %9s  %9s  %9s  %9s\n", what, "present", "workers", "people",
		    "done", "bad");
	for (int i = 0; i < pg_rows_count(rows); i++)
		print_crowd(rows, i, ask->json);
	pg_rows_free(rows);
}

bool
admin_labels(struct ask *ask, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg,
		"select label, present, workers, people, done, bad from tracker.list_labels()",
		NULL, 0, &rows, e))
		return false;
	print_crowds(ask, rows, "label");
	return true;
}

bool
admin_origins(struct ask *ask, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg,
		"select origin, present, workers, people, done, bad from tracker.list_origins()",
		NULL, 0, &rows, e))
		return false;
	print_crowds(ask, rows, "address");
	return true;
}
