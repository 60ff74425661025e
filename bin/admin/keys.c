/* Names that are somebody's: their keys, who may take one, and names that look the same. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/cells.h"
#include "admin/table.h"
#include "admin/told.h"
#include "base/arena.h"
#include "base/text.h"
#include "domain/key.h"
#include "domain/nickname.h"
#include "store/pg_array.h"

#define INVITE_DAYS 14
#define N(columns) ((int)(sizeof(columns) / sizeof(*(columns))))

static const struct column key_columns[] = {{"key", CELL_NUMBER}, {"label", CELL_WORDS},
    {"made", CELL_WHEN}, {"used", CELL_WHEN}, {"revoked", CELL_WHEN}};
static const struct column look_columns[] = {{"kind", CELL_NUMBER}, {"nickname", CELL_WORDS},
    {"taken", CELL_YES}, {"done", CELL_NUMBER}, {"created", CELL_WHEN}};

/* ---- person key add -------------------------------------------------------------------------- */

static bool
call_add(
    struct ask *ask, struct arena *a, const struct uuid *hash, struct pg_rows **rows, struct err *e)
{
	const char *name = ask->arg[2], *tidy = NULL, *label = ask->label ? ask->label : "";
	size_t len = strlen(name), tidy_len = 0;
	struct err why = ERR_INIT;
	struct nickname_look look;
	struct pg_array skeletons, key;
	struct pg_param params[6];
	char mark[NICKNAME_MARK];
	bool ok;

	if (!text_is_utf8(name, len) || !text_is_utf8(label, strlen(label)))
		return err_set(e, ERR_FIELD, NULL, "that is no UTF-8");
	if (text_chars(label, strlen(label)) > KEY_LABEL_CHARS)
		return err_set(
		    e, ERR_FIELD, NULL, "a label has %d characters at most", KEY_LABEL_CHARS);
	if (nickname_is_reserved(a, name, len, ask->tool->settings.reserved))
		return err_set(e, ERR_REFUSED, NULL, "'%s' belongs to nobody", name);
	if (!nickname_tidy(a, name, len, &tidy, &tidy_len, &why))
		tidy = NULL;
	look = nickname_look(a, name, len);
	pg_array_init(&skeletons, PG_UUID_ARRAY);
	pg_array_init(&key, PG_UUID_ARRAY);
	pg_array_uuid(&skeletons, &look.folded);
	pg_array_uuid(&skeletons, &look.written);
	pg_array_uuid(&key, hash);
	params[0] = pg_text_param(tidy, tidy_len);
	params[1] = pg_text_param(name, len);
	params[2] = pg_array_param(&skeletons);
	params[3] = pg_text_param(mark, strlen(nickname_mark(mark)));
	params[4] = pg_array_param(&key);
	params[5] = pg_text_param(label, strlen(label));
	ok = pg_call(ask->tool->pg, "select tracker.add_key($1, $2, $3, $4, ($5::uuid[])[1], $6)",
	    params, 6, rows, e);
	pg_array_fini(&skeletons);
	pg_array_fini(&key);
	return ok;
}

/* Whose scripts die when they next begin, for their name looks like this one: said while it can be taken back. */
static bool
warn_of_others(struct ask *ask, const struct pg_rows *of, struct err *e)
{
	char name[CELL_TEXT];
	size_t len;
	const char *text = pg_text(of, 0, 0, &len);
	struct pg_param param = pg_text_param(text, len);
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg, "select nickname from tracker.list_locked_out($1)", &param, 1,
		&rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++)
		fprintf(stderr,
		    "%s looks the same and is at work: without a key it will hear 401\n",
		    cell_text(rows, i, 0, name));
	pg_rows_free(rows);
	return true;
}

/*
 * A secret counts from when it was shown: what standard output did not take was never made. While it is taken others may
 * wait for our locks, so not for long.
 */
static bool
begin_secret(struct ask *ask, struct err *e)
{
	return pg_run(
	    ask->tool->pg, "begin; set local idle_in_transaction_session_timeout = '10s'", e);
}

static bool
commit_shown(struct ask *ask, bool is_shown, struct err *e)
{
	struct err ignored = ERR_INIT;

	if (is_shown)
		return pg_run(ask->tool->pg, "commit", e);
	(void)!pg_run(ask->tool->pg, "rollback", &ignored);
	return false;
}

/* The key that this transaction made of a name, and how it goes: with the name, if that was nobody's before. */
static bool
show_key(struct ask *ask, const struct pg_rows *of, const char *text, struct err *e)
{
	size_t len;
	const char *name = pg_text(of, 0, 0, &len);
	struct pg_param param = pg_text_param(name, len);
	struct pg_rows *rows = NULL;
	struct told told;
	long long key;
	bool is_first;

	if (!pg_call(ask->tool->pg,
		"select (select max(k.id) from tracker.list_keys($1) k), p.claimed >= now()"
		" from tracker.person p where p.id = tracker.find_person($1)",
		&param, 1, &rows, e))
		return false;
	key = pg_int(rows, 0, 0);
	is_first = pg_bool(rows, 0, 1);
	pg_rows_free(rows);
	told_begin(&told, ask);
	told_add(&told, "key %lld of %s, which is shown now and never again", key, name);
	told_number(&told, "number", key);
	told_text(&told, "nickname", name);
	told_back(&told, "person key revoke%s --", is_first ? " --all" : "");
	told_back_name(&told, name);
	if (!is_first)
		told_back(&told, "%lld", key);
	return told_secret(&told, "key", text, e);
}

static bool
add(struct ask *ask, struct err *e)
{
	char text[KEY_TEXT];
	struct pg_rows *rows = NULL;
	struct arena arena;
	struct uuid hash;
	bool ok;

	arena_init(&arena);
	key_new(text, &hash);
	ok = begin_secret(ask, e) && call_add(ask, &arena, &hash, &rows, e) &&
	    show_key(ask, rows, text, e);
	ok = commit_shown(ask, ok, e) && warn_of_others(ask, rows, e);
	pg_rows_free(rows);
	arena_fini(&arena);
	return ok;
}

/* ---- person key list, revoke ----------------------------------------------------------------- */

/* Nothing to list is no error, but of nobody. */
static bool
has_no_key(struct ask *ask, struct pg_param name, struct err *e)
{
	struct pg_rows *rows = NULL;
	bool is_known;

	if (!pg_call(ask->tool->pg, "select from tracker.weigh_person($1)", &name, 1, &rows, e))
		return false;
	is_known = pg_rows_count(rows) > 0;
	pg_rows_free(rows);
	if (!is_known)
		return err_set(e, ERR_MISSING, NULL, "there is no person '%s'", ask->arg[2]);
	fprintf(stderr, "%s has no key: anybody may work under this name\n", ask->arg[2]);
	return true;
}

static bool
list(struct ask *ask, struct err *e)
{
	struct pg_param name = text_or_null(ask->arg[2]);
	struct pg_rows *rows = NULL;
	bool found;

	if (!pg_call(ask->tool->pg,
		"select id, label, created, used, revoked from tracker.list_keys($1)", &name, 1,
		&rows, e))
		return false;
	found = pg_rows_count(rows) > 0;
	if (found)
		table_print(rows, key_columns, N(key_columns), true, ask->json);
	pg_rows_free(rows);
	return found || has_no_key(ask, name, e);
}

static bool
revoke(struct ask *ask, struct err *e)
{
	struct pg_param params[2] = {text_or_null(ask->arg[2]), text_or_null(ask->arg[3])};
	struct pg_rows *rows = NULL;
	struct told told;
	int64_t key;
	bool found;

	if (ask->all == (ask->n_args == 4))
		return err_set(e, ERR_FIELD, NULL, "which key? Say its number, or --all");
	if (!ask->all && !text_to_int(ask->arg[3], strlen(ask->arg[3]), 1, INT64_MAX, &key))
		return err_set(e, ERR_FIELD, NULL, "'%s' is no number of a key", ask->arg[3]);
	if (!pg_call(ask->tool->pg, "select tracker.revoke_keys($1, $2::text::bigint)", params, 2,
		&rows, e))
		return false;
	found = !pg_is_null(rows, 0, 0);
	if (found) {
		told_begin(&told, ask);
		told_add(&told, "%lld %s of no use any more; the name %s",
		    (long long)pg_int(rows, 0, 0),
		    text_plural(pg_int(rows, 0, 0), "key is", "keys are"),
		    ask->all ? "is nobody's" : "stays theirs");
		told_number(&told, "keys", pg_int(rows, 0, 0));
		told_end(&told);
	}
	pg_rows_free(rows);
	return found || err_set(e, ERR_MISSING, NULL, "%s has no such key", ask->arg[2]);
}

bool
admin_person_key(struct ask *ask, struct err *e)
{
	static const struct {
		const char *name;
		int least, most; /* words in all */
		bool (*run)(struct ask *ask, struct err *e);
	} acts[] = {{"add", 3, 3, add}, {"list", 3, 3, list}, {"revoke", 3, 4, revoke}};

	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++)
		if (ask->n_args >= acts[i].least && ask->n_args <= acts[i].most &&
		    strcmp(ask->arg[1], acts[i].name) == 0)
			return acts[i].run(ask, e);
	return err_set(e, ERR_FIELD, NULL,
	    "person key: say add NAME, list NAME, revoke NAME NUMBER or revoke NAME --all");
}

/* ---- look-alikes ----------------------------------------------------------------------------- */

bool
admin_look_alikes(struct ask *ask, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(ask->tool->pg,
		"select kind, nickname, claimed, done, created from tracker.list_look_alikes()",
		NULL, 0, &rows, e))
		return false;
	table_print(rows, look_columns, N(look_columns), true, ask->json);
	pg_rows_free(rows);
	return true;
}

/* ---- invite ---------------------------------------------------------------------------------- */

bool
admin_invite(struct ask *ask, struct err *e)
{
	const char *label = ask->label ? ask->label : "", *url = ask->tool->settings.base_url;
	struct pg_scalar days;
	struct pg_param params[3];
	struct pg_array hashes;
	struct pg_rows *rows = NULL;
	char text[KEY_TEXT];
	struct told told;
	struct uuid hash;
	bool ok;

	if (!text_is_utf8(label, strlen(label)))
		return err_set(e, ERR_FIELD, NULL, "that is no UTF-8");
	if (text_chars(label, strlen(label)) > KEY_LABEL_CHARS)
		return err_set(
		    e, ERR_FIELD, NULL, "a label has %d characters at most", KEY_LABEL_CHARS);
	key_new(text, &hash);
	pg_array_init(&hashes, PG_UUID_ARRAY);
	pg_array_uuid(&hashes, &hash);
	params[0] = pg_array_param(&hashes);
	params[1] = pg_text_param(label, strlen(label));
	params[2] = pg_int4_param(&days, INVITE_DAYS);
	ok = begin_secret(ask, e) &&
	    pg_call(ask->tool->pg,
		"select to_char(tracker.add_invite(($1::uuid[])[1], $2, $3), 'DD Mon YYYY')",
		params, 3, &rows, e);
	if (ok) {
		told_begin(&told, ask);
		told_add(&told, "an invitation, good once, until %s, on %s/join",
		    pg_text(rows, 0, 0, NULL), *url ? url : "https://tracker.example");
		ok = told_secret(&told, "invitation", text, e);
	}
	pg_rows_free(rows);
	pg_array_fini(&hashes);
	return commit_shown(ask, ok, e);
}
