/* People renamed, merged, hidden and erased. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/cells.h"
#include "admin/told.h"
#include "base/arena.h"
#include "base/text.h"
#include "domain/erasure.h"
#include "domain/nickname.h"
#include "domain/schema.h"
#include "store/pg_array.h"
#include "store/redis.h"

#define STEP_MOST 500 /* workers or results that one step of a merge moves: some 20 ms */

/* What is asked for: a count, or one number. */
static bool
ask_int(struct ask *ask, const char *sql, const struct pg_param *params, int n, int64_t *answer,
    struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg, sql, params, n, &rows, e))
		return false;
	*answer = pg_int(rows, 0, 0);
	pg_rows_free(rows);
	return true;
}

/* ---- rename, hide, show ---------------------------------------------------------------------- */

/* A name that is known, as it stands; or as registration would take a new one. */
static bool
take_name(struct ask *ask, struct arena *a, const char *said, const char **out, struct err *e)
{
	size_t len = strlen(said), tidy_len;
	struct pg_param as_said = pg_text_param(said, len);
	struct err why = ERR_INIT;
	int64_t known;

	if (!text_is_utf8(said, len))
		return err_set(e, ERR_FIELD, NULL, "that is no UTF-8");
	if (nickname_is_reserved(a, said, len, ask->tool->settings.reserved))
		return err_set(e, ERR_REFUSED, NULL, "that name belongs to nobody");
	*out = said;
	if (!ask_int(ask, "select count(*) from tracker.person where nickname = $1", &as_said, 1,
		&known, e))
		return false;
	return known > 0 || nickname_tidy(a, said, len, out, &tidy_len, &why) ||
	    err_set(e, ERR_REFUSED, NULL, "that is no nickname: %s", why.said);
}

/* `line`: in audit, which knows the name of before; 0: it is their name already. */
static bool
tell_renamed(struct ask *ask, const char *name, int64_t line, struct err *e)
{
	struct pg_scalar room;
	struct pg_param param = pg_int8_param(&room, line);
	struct pg_rows *rows = NULL;
	struct told told;

	if (line == 0)
		return err_set(e, ERR_REFUSED, NULL, "%s is their name already", name);
	tool_pages_changed(ask->tool);
	if (!pg_call(ask->tool->pg, "select a.target from tracker.audit a where a.id = $1", &param,
		1, &rows, e))
		return false;
	told_begin(&told, ask);
	told_add(&told, "%s is %s now; scripts that say the old name go on for them",
	    pg_text(rows, 0, 0, NULL), name);
	told_back(&told, "person rename --");
	told_back_name(&told, name);
	told_back_name(&told, pg_text(rows, 0, 0, NULL));
	told_end(&told);
	pg_rows_free(rows);
	return true;
}

static bool
rename_person(struct ask *ask, struct err *e)
{
	struct pg_param params[4] = {text_or_null(ask->arg[1])};
	struct nickname_look look;
	struct pg_array skeletons;
	char mark[NICKNAME_MARK];
	const char *name = NULL;
	struct arena arena;
	int64_t line = 0;
	bool ok;

	arena_init(&arena);
	pg_array_init(&skeletons, PG_UUID_ARRAY);
	ok = take_name(ask, &arena, ask->arg[2], &name, e);
	if (ok) {
		look = nickname_look(&arena, name, strlen(name));
		pg_array_uuid(&skeletons, &look.folded);
		pg_array_uuid(&skeletons, &look.written);
		params[1] = text_or_null(name);
		params[2] = pg_array_param(&skeletons);
		params[3] = pg_text_param(mark, strlen(nickname_mark(mark)));
		ok = ask_int(
		    ask, "select tracker.rename_person($1, $2, $3, $4)", params, 4, &line, e);
	}
	pg_array_fini(&skeletons);
	ok = ok && tell_renamed(ask, name, line, e);
	arena_fini(&arena);
	return ok;
}

static bool
hide(struct ask *ask, bool yes, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[] = {text_or_null(ask->arg[1]), pg_bool_param(&room, yes)};
	struct pg_rows *rows = NULL;
	struct told told;
	bool changed;

	if (!pg_call(ask->tool->pg, "select tracker.hide_person($1, $2)", params, 2, &rows, e))
		return false;
	changed = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	tool_pages_changed(ask->tool);
	told_begin(&told, ask);
	told_add(&told, "%s is %s %s", ask->arg[1], changed ? "now" : "already",
	    yes ? "on no board" : "on the boards");
	if (!changed) {
		told_end_as_it_is(&told);
		return true;
	}
	told_back(&told, "person %s --", yes ? "show" : "hide");
	told_back_name(&told, ask->arg[1]);
	told_end(&told);
	return true;
}

static bool
hide_person(struct ask *ask, struct err *e)
{
	return hide(ask, true, e);
}

static bool
show_person(struct ask *ask, struct err *e)
{
	return hide(ask, false, e);
}

/* ---- what cannot be taken back is told before ------------------------------------------------ */

/* Says what the person has, and does nothing: false. With ERR_MISSING when there is no such one. */
static bool
only_weigh(struct ask *ask, const char *what, struct err *e)
{
	struct pg_param param = text_or_null(ask->arg[1]);
	struct pg_rows *rows = NULL;
	struct told told;

	if (!pg_call(ask->tool->pg,
		"select nickname, names, workers, present, in_hand, results from "
		"tracker.weigh_person($1)",
		&param, 1, &rows, e))
		return false;
	if (pg_rows_count(rows) == 0) {
		pg_rows_free(rows);
		return err_set(e, ERR_MISSING, NULL, "there is no person '%s'", ask->arg[1]);
	}
	told_begin(&told, ask);
	told_add(&told, "%s has %lld %s; %lld %s, %lld of them here with %lld %s in hand. %s",
	    pg_text(rows, 0, 0, NULL), (long long)pg_int(rows, 0, 5),
	    text_plural(pg_int(rows, 0, 5), "result", "results"), (long long)pg_int(rows, 0, 2),
	    text_plural(pg_int(rows, 0, 2), "worker", "workers"), (long long)pg_int(rows, 0, 3),
	    (long long)pg_int(rows, 0, 4), text_plural(pg_int(rows, 0, 4), "job", "jobs"), what);
	told_number(&told, "results", pg_int(rows, 0, 5));
	told_number(&told, "workers", pg_int(rows, 0, 2));
	told_number(&told, "present", pg_int(rows, 0, 3));
	told_number(&told, "in_hand", pg_int(rows, 0, 4));
	told_would(&told);
	pg_rows_free(rows);
	return false;
}

/* ---- merge ----------------------------------------------------------------------------------- */

static bool
move_all(struct ask *ask, int64_t merge, int64_t *moved, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[] = {
	    pg_int8_param(&room[0], merge), pg_int4_param(&room[1], STEP_MOST)};
	int64_t n = 1;

	while (n > 0) {
		if (!ask_int(ask, "select tracker.merge_step($1, $2)", params, 2, &n, e))
			return false;
		*moved += n;
	}
	return true;
}

/* They are one already, by both names; what is theirs is moved, and some of it not yet. */
static void
tell_not_merged(struct ask *ask)
{
	struct told told;

	told_begin(&told, ask);
	told_add(&told, "the merge is not done");
	told_back(&told, "person merge --yes --");
	told_back_name(&told, ask->arg[1]);
	told_back_name(&told, ask->arg[2]);
	told_goes_on(&told);
}

static bool
merge_people(struct ask *ask, struct err *e)
{
	struct pg_param params[] = {text_or_null(ask->arg[1]), text_or_null(ask->arg[2])};
	int64_t line, moved = 0;
	struct told told;

	if (!ask->yes)
		return pg_call(ask->tool->pg, "select tracker.check_merge($1, $2)", params, 2, NULL,
			   e) &&
		    only_weigh(ask,
			"All of it becomes the other one's, which cannot be taken back: say --yes.",
			e);
	if (!ask_int(ask, "select tracker.merge_people($1, $2)", params, 2, &line, e))
		return false;
	if (!move_all(ask, line, &moved, e)) {
		tell_not_merged(ask);
		return false;
	}
	tool_pages_changed(ask->tool);
	told_begin(&told, ask);
	told_add(&told, "%s is %s now, by both names", ask->arg[1], ask->arg[2]);
	told_end(&told);
	return true;
}

/* ---- erase ----------------------------------------------------------------------------------- */

/* False: what is kept there goes by itself, minutes later. */
static bool
tell_in_redis(struct ask *ask, const struct pg_rows *rows, struct err *e)
{
	char project[SCHEMA_PROJECT_ID];
	struct redis *r;
	bool ok;

	if (*ask->tool->settings.redis == '\0')
		return true;
	if (!schema_project_id(ask->tool->pg, project, e))
		return false;
	r = redis_new(ask->tool->settings.redis);
	ok = erasure_tell(r, project, rows, 0, e);
	redis_free(r);
	return ok;
}

/* One thing that an erasure leaves, or none when --words takes it; or that it changes of what others look for. */
static void
tell_one_left(struct ask *ask, const char *kind, const char *which, int64_t texts)
{
	struct told told;

	told_begin(&told, ask);
	if (strcmp(kind, "acts") == 0)
		told_add(&told,
		    "%lld %s of audit %s of somebody who acted as '%s' for the project: who did it "
		    "stays "
		    "written there.",
		    (long long)texts, text_plural(texts, "line", "lines"),
		    text_plural(texts, "is", "are"), which);
	else if (strcmp(kind, "long") == 0)
		told_add(&told, "%lld %s '%s' in %s, where it is replaced.", (long long)texts,
		    text_plural(texts, "text has", "texts have"), which,
		    text_plural(texts, "it", "them"));
	else if (strcmp(kind, "label") == 0)
		told_add(&told,
		    "%lld %s of others %s said to run what has '%s' in it: there it is replaced, "
		    "too, and "
		    "what looks for that label does not find them any more.",
		    (long long)texts, text_plural(texts, "worker", "workers"),
		    text_plural(texts, "is", "are"), which);
	else if (strcmp(kind, "case") == 0 && !ask->words)
		told_add(&told,
		    "'%s' is short: where others wrote it as a word in other letters (%lld %s), it "
		    "stays, "
		    "unless you say --words.",
		    which, (long long)texts, text_plural(texts, "text", "texts"));
	else if (strcmp(kind, "name") != 0 && strcmp(kind, "case") != 0)
		told_add(&told,
		    "The name of %s '%s' has it in it, and stays: rename it before, if it is "
		    "theirs.",
		    kind, which);
	else if (!ask->words)
		told_add(&told,
		    "'%s' is short: where it is a word of what others wrote (%lld %s), it stays, "
		    "unless "
		    "you say --words.",
		    which, (long long)texts, text_plural(texts, "text", "texts"));
	if (told.line.len > 0)
		told_note(&told);
}

/* What an erasure leaves, and what it changes of others: see tracker.weigh_name. */
static bool
tell_left(struct ask *ask, struct err *e)
{
	struct pg_param param = text_or_null(ask->arg[1]);
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg, "select kind, which, texts from tracker.weigh_name($1)", &param,
		1, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++)
		tell_one_left(
		    ask, pg_text(rows, i, 0, NULL), pg_text(rows, i, 1, NULL), pg_int(rows, i, 2));
	pg_rows_free(rows);
	return true;
}

static bool
erase_person(struct ask *ask, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[] = {text_or_null(ask->arg[1]), pg_bool_param(&room, ask->words)};
	struct pg_rows *rows = NULL;
	struct told told;
	long long line;
	bool is_heard;
	int gone;

	if (!ask->yes) {
		only_weigh(ask,
		    "The results stay, without a name; that name, keys, addresses and words go, "
		    "which "
		    "cannot be taken back: say --yes.",
		    e);
		return e->kind == ERR_NONE && tell_left(ask, e) && false;
	}
	if (!tell_left(ask, e) ||
	    !pg_call(ask->tool->pg,
		"select line, worker, token, stage, freed, names from tracker.erase_person($1, $2)",
		params, 2, &rows, e))
		return false;
	line = pg_int(rows, 0, 0);
	gone = erasure_gone(rows, 0);
	is_heard = tell_in_redis(ask, rows, e);
	pg_rows_free(rows);
	told_begin(&told, ask);
	told_add(&told,
	    "erased; the results are erased-%lld's, %d %s gone. nginx shows a page of before for "
	    "half "
	    "a minute at most, and that only while the tracker is away. What was written before to "
	    "backups, exported files and logs is yours to remove",
	    line, gone, text_plural(gone, "worker is", "workers are"));
	told_number(&told, "erased", line);
	told_number(&told, "gone", gone);
	told_end(&told);
	if (!is_heard)
		fprintf(stderr,
		    "%s: Redis could not be told; what it keeps of them is gone within minutes\n",
		    ask->tool->name);
	return erasure_forget_statistics(ask->tool->pg, e) && is_heard;
}

/* ---- the command ----------------------------------------------------------------------------- */

static const struct verb {
	const char *name, *args;
	int words; /* with the verb */
	admin_run run;
} verbs[] = {
    {"rename", "NAME NEW-NAME", 3, rename_person},
    {"merge", "NAME INTO-NAME", 3, merge_people},
    {"hide", "NAME", 2, hide_person},
    {"show", "NAME", 2, show_person},
    {"erase", "NAME", 2, erase_person},
};

/* One word is a name, also if it is that of a verb. */
bool
admin_person(struct ask *ask, struct err *e)
{
	if (ask->n_args == 1)
		return show_person_named(ask, e);
	if (strcmp(ask->arg[0], "key") == 0)
		return admin_person_key(ask, e);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(ask->arg[0], verbs[i].name) != 0)
			continue;
		if (ask->n_args != verbs[i].words)
			return err_set(
			    e, ERR_FIELD, NULL, "person %s wants %s", verbs[i].name, verbs[i].args);
		return verbs[i].run(ask, e);
	}
	return err_set(e, ERR_FIELD, NULL,
	    "person: '%s' is not known; there are rename, merge, hide, show, erase and key",
	    ask->arg[0]);
}
