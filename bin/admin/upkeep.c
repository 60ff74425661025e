#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/cells.h"
#include "admin/told.h"
#include "base/text.h"
#include "domain/schema.h"
#include "store/pg_array.h"

static void
say(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

bool
admin_migrate(struct ask *ask, struct err *e)
{
	bool changed;

	if (!pg_ready(ask->tool->pg, e) ||
	    !schema_migrate(ask->tool->pg, &ask->tool->settings, say, &changed, e))
		return false;
	say(changed ? "The database is up to date now." : "The database was up to date.");
	return true;
}

/* ---- purge ----------------------------------------------------------------------------------- */

#define PURGE_LOOK 1000 /* rows a bite: 5 to 20 ms */

/* What purging takes, up to the words for what becomes of it. */
static void
tell_purge(struct told *told, int64_t attempts, int64_t results, const char *about, int64_t workers)
{
	told_add(told, "%lld %s that ended badly, %lld refused %s and %s%lld %s",
	    (long long)attempts, text_plural(attempts, "attempt", "attempts"), (long long)results,
	    text_plural(results, "result", "results"), about, (long long)workers,
	    text_plural(workers, "worker", "workers"));
	told_number(told, "attempts", attempts);
	told_number(told, "results", results);
	told_number(told, "workers", workers);
}

/* Does nothing, which is false. */
static bool
count_purge(struct ask *ask, struct pg_param *older, struct err *e)
{
	struct pg_rows *rows = NULL;
	struct told told;

	if (!pg_call(ask->tool->pg, "select strikes, results, workers from tracker.count_purge($1)",
		older, 1, &rows, e))
		return false;
	told_begin(&told, ask);
	tell_purge(&told, pg_int(rows, 0, 0), pg_int(rows, 0, 1), "up to ", pg_int(rows, 0, 2));
	told_add(
	    &told, " without a result would be deleted, which cannot be taken back: say --yes.");
	told_would(&told);
	pg_rows_free(rows);
	return false;
}

static bool
begin_purge(struct ask *ask, int64_t *line, struct err *e)
{
	struct pg_param param = pg_text_param(ask->older, strlen(ask->older));
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg,
		"select tracker.audit_act('purge', 'older than ' || $1, 0, null, 'begun')", &param,
		1, &rows, e))
		return false;
	*line = pg_int(rows, 0, 0);
	pg_rows_free(rows);
	return true;
}

/* Bite by bite, to the end of what is so old. */
static bool
purge_kind(struct ask *ask, const char *kind, int64_t older_s, int64_t line, int64_t *purged,
    struct err *e)
{
	int64_t after = 0;

	do {
		struct pg_scalar room[4];
		struct pg_param params[] = {pg_text_param(kind, strlen(kind)),
		    pg_int8_param(&room[0], older_s), pg_int8_param(&room[1], after),
		    pg_int4_param(&room[2], PURGE_LOOK), pg_int8_param(&room[3], line)};
		struct pg_rows *rows = NULL;

		if (!pg_call(ask->tool->pg,
			"select last, purged from tracker.purge_old($1, $2, $3, $4, $5)", params, 5,
			&rows, e))
			return false;
		after = pg_int(rows, 0, 0);
		*purged += pg_int(rows, 0, 1);
		pg_rows_free(rows);
	} while (after > 0);
	return true;
}

bool
admin_purge(struct ask *ask, struct err *e)
{
	struct pg_scalar room;
	struct pg_param param;
	int64_t older_s, line, purged[3] = {0};
	struct told told;

	if (!ask->older)
		return err_set(e, ERR_FIELD, NULL, "how old? Say --older 90d");
	if (!text_to_seconds(ask->older, strlen(ask->older), &older_s) || older_s < 0)
		return err_set(
		    e, ERR_FIELD, NULL, "--older: '%s' is no time such as 12h or 90d", ask->older);
	param = pg_int8_param(&room, older_s);
	if (!ask->yes)
		return count_purge(ask, &param, e);
	if (!begin_purge(ask, &line, e))
		return false;
	told_begin(&told, ask);
	if (!purge_kind(ask, "strikes", older_s, line, &purged[0], e) ||
	    !purge_kind(ask, "results", older_s, line, &purged[1], e) ||
	    !purge_kind(ask, "workers", older_s, line, &purged[2], e)) {
		told_add(&told, "the purge is not done");
		told_back(&told, "purge --older %s --yes", ask->older);
		told_goes_on(&told);
		return false;
	}
	tell_purge(&told, purged[0], purged[1], "", purged[2]);
	told_add(&told, " deleted, and counted");
	told_end(&told);
	return true;
}

/* ---- check ----------------------------------------------------------------------------------- */

static void
print_break(const struct pg_rows *rows, int i, bool json)
{
	const char *law = pg_text(rows, i, 0, NULL);
	int stage = (int)pg_int(rows, i, 1);
	long long expected = pg_int(rows, i, 2), got = pg_int(rows, i, 3);

	if (json)
		printf("{\"law\":\"%s\",\"stage\":%d,\"expected\":%lld,\"got\":%lld}\n", law, stage,
		    expected, got);
	else
		printf("stage %c: %s: expected %lld, got %lld\n", stage_capital(stage), law,
		    expected, got);
}

/* Answers false without an error when a law is broken: the lines have said it. */
bool
admin_check(struct ask *ask, struct err *e)
{
	struct pg_rows *rows = NULL;
	int broken;

	if (!pg_call(ask->tool->pg, "select law, stage, expected, got from tracker.check_laws()",
		NULL, 0, &rows, e))
		return false;
	broken = pg_rows_count(rows);
	for (int i = 0; i < broken; i++)
		print_break(rows, i, ask->json);
	if (broken == 0 && !ask->json)
		say("Every law holds.");
	pg_rows_free(rows);
	return broken == 0;
}

/* What runs goes on under the old one until it is started anew. */
bool
admin_new_identity(struct ask *ask, struct err *e)
{
	struct pg_rows *rows = NULL;
	struct told told;

	if (!pg_call(ask->tool->pg, "select tracker.renew_identity()", NULL, 0, &rows, e))
		return false;
	told_begin(&told, ask);
	told_add(&told, "This tracker is %s now. Restart its processes if any are at work",
	    pg_text(rows, 0, 0, NULL));
	told_end(&told);
	pg_rows_free(rows);
	return true;
}

bool
admin_banner(struct ask *ask, struct err *e)
{
	struct pg_param param = text_or_null(ask->arg[0]);
	struct pg_rows *rows = NULL;
	struct told told;

	if (!check_line("a banner", ask->arg[0], BANNER_MOST, e) ||
	    !pg_call(ask->tool->pg, "select tracker.set_banner($1)", &param, 1, &rows, e))
		return false;
	tool_pages_changed(ask->tool);
	told_begin(&told, ask);
	told_add(&told, "%s", *ask->arg[0] ? "every page has it" : "no banner but the setting's");
	told_back(&told, "banner --");
	told_back_name(&told, pg_text(rows, 0, 0, NULL));
	told_end(&told);
	pg_rows_free(rows);
	return true;
}

bool
admin_settings(struct ask *ask, struct err *e)
{
	(void)e;
	if (ask->form && strcmp(ask->form, "markdown") == 0)
		config_markdown(settings_items, stdout);
	else if (ask->form && strcmp(ask->form, "manual") == 0)
		config_manual(settings_items, SETTINGS_FILE, stdout);
	else if (ask->form && strcmp(ask->form, "sample") == 0)
		config_sample(settings_items, stdout);
	else
		config_print(&ask->tool->config, stdout, true);
	return true;
}

static bool
drop_worker(struct ask *ask, int stage, const char *name, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[] = {
	    pg_int2_param(&room, (int16_t)stage), pg_text_param(name, strlen(name))};
	struct pg_rows *rows = NULL;
	struct told told;
	struct uuid token;
	long long freed;

	if (!pg_call(ask->tool->pg, "select freed, token from tracker.drop_worker($1, $2)", params,
		2, &rows, e))
		return false;
	if (pg_rows_count(rows) == 0) {
		pg_rows_free(rows);
		return err_set(e, ERR_MISSING, NULL, "no worker '%s' is present in stage %c", name,
		    stage_capital(stage));
	}
	freed = pg_int(rows, 0, 0);
	token = pg_uuid(rows, 0, 1);
	pg_rows_free(rows);
	told_begin(&told, ask);
	told_add(&told,
	    "%s is gone; %lld of its jobs %s for others. It may register again, unless you ban it",
	    name, freed, text_plural(freed, "waits", "wait"));
	told_number(&told, "jobs", freed);
	told_end(&told);
	tool_gone(ask->tool, &token);
	tool_wake(ask->tool, stage, freed);
	return true;
}

static bool
end_rest(struct ask *ask, int stage, const char *name, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[] = {
	    pg_int2_param(&room, (int16_t)stage), pg_text_param(name, strlen(name))};
	struct pg_rows *rows = NULL;
	struct told told;
	bool here;

	if (!pg_call(ask->tool->pg, "select seconds, token from tracker.end_rest($1, $2)", params,
		2, &rows, e))
		return false;
	here = pg_rows_count(rows) > 0;
	if (here) {
		struct uuid token = pg_uuid(rows, 0, 1);

		tool_gone(ask->tool, &token); /* what waits for the end of it asks again */
	}
	told_begin(&told, ask);
	if (here && pg_int(rows, 0, 0) > 0) {
		told_add(&told,
		    "%s rests no more; it would have for %lld s. It gets jobs when it asks next",
		    name, (long long)pg_int(rows, 0, 0));
		told_end(&told);
	} else if (here) {
		told_add(&told, "%s did not rest", name);
		told_end_as_it_is(&told);
	}
	pg_rows_free(rows);
	return here ||
	    err_set(e, ERR_MISSING, NULL, "no worker '%s' is present in stage %c", name,
		stage_capital(stage));
}

bool
admin_worker(struct ask *ask, struct err *e)
{
	int stage;

	bool drop = strcmp(ask->arg[0], "drop") == 0;

	if (!drop && strcmp(ask->arg[0], "end-rest") != 0)
		return err_set(e, ERR_FIELD, NULL,
		    "worker: '%s' is not known; it can drop and end-rest", ask->arg[0]);
	return tool_stage(ask->tool, ask->arg[1], &stage, e) &&
	    (drop ? drop_worker(ask, stage, ask->arg[2], e) : end_rest(ask, stage, ask->arg[2], e));
}
