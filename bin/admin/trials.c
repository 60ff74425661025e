/* Trials: a job whose result is known, given once more to one worker. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/cells.h"
#include "admin/table.h"
#include "admin/told.h"
#include "base/text.h"
#include "store/pg_array.h"

#define TRIALS_MOST 1000 /* of one list: the latest */

static bool
drop_trial(struct ask *ask, struct err *e)
{
	struct pg_scalar room;
	struct pg_param param;
	struct pg_rows *rows = NULL;
	struct told told;
	int64_t trial;

	if (!text_to_int(ask->back, strlen(ask->back), 1, INT64_MAX, &trial))
		return err_set(e, ERR_FIELD, NULL, "'%s' is no number of a trial", ask->back);
	param = pg_int8_param(&room, trial);
	if (!pg_call(ask->tool->pg, "select tracker.drop_trial($1)", &param, 1, NULL, e) ||
	    !pg_call(ask->tool->pg,
		"select t.stage, coalesce(w.name, '?'), t.job from tracker.trial t"
		" left join tracker.worker w on w.id = t.worker where t.id = $1",
		&param, 1, &rows, e))
		return false;
	told_begin(&told, ask);
	told_add(&told, "trial %lld is taken back; what the worker brings of it is nobody's",
	    (long long)trial);
	told_back(&told, "trial -- %c", stage_letter((int)pg_int(rows, 0, 0)));
	told_back_name(&told, pg_text(rows, 0, 1, NULL));
	told_back(&told, "%lld", (long long)pg_int(rows, 0, 2));
	told_end(&told);
	pg_rows_free(rows);
	return true;
}

static bool
ask_trial(struct ask *ask, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[3];
	struct pg_rows *rows = NULL;
	struct told told;
	long long trial;
	int64_t job;
	int stage;

	if (!tool_stage(ask->tool, ask->arg[0], &stage, e))
		return false;
	if (!text_to_int(ask->arg[2], strlen(ask->arg[2]), 1, INT64_MAX, &job))
		return err_set(e, ERR_FIELD, NULL, "'%s' is no job number", ask->arg[2]);
	params[0] = pg_int2_param(&room[0], (int16_t)stage);
	params[1] = text_or_null(ask->arg[1]);
	params[2] = pg_int8_param(&room[1], job);
	if (!pg_call(ask->tool->pg, "select tracker.ask_trial($1, $2, $3)", params, 3, &rows, e))
		return false;
	trial = pg_int(rows, 0, 0);
	pg_rows_free(rows);
	told_begin(&told, ask);
	told_add(&told,
	    "trial %lld: %s gets job %lld when it asks next, and nothing of it counts; how it went "
	    "is "
	    "told by trials",
	    trial, ask->arg[1], (long long)job);
	told_number(&told, "trial", trial);
	told_back(&told, "trial --back %lld", trial);
	told_end(&told);
	tool_wake(ask->tool, stage, 1);
	return true;
}

bool
admin_trial(struct ask *ask, struct err *e)
{
	if (ask->back && ask->n_args == 0)
		return drop_trial(ask, e);
	if (!ask->back && ask->n_args == 3)
		return ask_trial(ask, e);
	return err_set(e, ERR_FIELD, NULL, "trial: say STAGE WORKER JOB, or --back NUMBER");
}

bool
admin_trials(struct ask *ask, struct err *e)
{
	static const struct column columns[] = {{"trial", CELL_NUMBER}, {"asked", CELL_WHEN},
	    {"stage", CELL_STAGE}, {"worker", CELL_WORDS}, {"person", CELL_WORDS},
	    {"job", CELL_NUMBER}, {"state", CELL_WORDS}, {"ended", CELL_WHEN},
	    {"known", CELL_BYTES}, {"said", CELL_WORDS}};
	struct pg_scalar room;
	struct pg_param param = pg_int4_param(&room, TRIALS_MOST);
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg,
		"select trial, asked, stage, worker, person, job, state, ended, known, said"
		" from tracker.list_trials($1)",
		&param, 1, &rows, e))
		return false;
	table_print(rows, columns, (int)(sizeof(columns) / sizeof(*columns)), true, ask->json);
	pg_rows_free(rows);
	return true;
}
