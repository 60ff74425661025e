#include "domain/schema.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "domain/inventory.h"
#include "store/pg_array.h"
#include "store/pooler.h"

#define HINT "run `distcompute-admin migrate`"
#define FILES_MAX 999      /* what three digits can number */
#define TEXT_MAX (4 << 20) /* of one file, in bytes; ours are a thousandth of it */
#define IN_USE_TRIES 30    /* of 2.5 s each */

struct file {
	const char *name; /* without its folder */
	char *text;
	size_t len;
	int number;
	char sum[65];
};

struct files {
	struct arena arena;
	struct file *list;
	int n;
};

/* What the two folders hold, and the sum of the second. */
struct shape {
	struct files steps, functions;
	char functions_sum[65];
};

/* A row of tracker.migration. */
struct applied {
	int number;
	const char *name, *sum;
};

typedef void (*say_fn)(const char *line);

static void
tell(say_fn say, const char *what, const char *name)
{
	char line[256];

	if (!say)
		return;
	snprintf(line, sizeof(line), "%s %s", what, name);
	say(line);
}

/* ---- reading the folders --------------------------------------------------------------------- */

static bool
read_text(struct arena *a, const char *path, struct file *f, struct err *e)
{
	FILE *in = fopen(path, "re");
	char *text;
	size_t len;
	bool whole;

	if (!in)
		return err_set(e, ERR_INPUT, NULL, "%s: %s", path, strerror(errno));
	text = arena_alloc(a, TEXT_MAX + 1);
	len = fread(text, 1, TEXT_MAX + 1, in);
	whole = !ferror(in) && len <= TEXT_MAX;
	fclose(in);
	if (!whole)
		return err_set(e, ERR_INPUT, NULL, "%s: cannot be read, or is over 4 MiB", path);
	f->text = arena_dup(a, text, len);
	f->len = len;
	if (strlen(f->text) != len)
		return err_set(e, ERR_INPUT, NULL, "%s: holds a NUL", path);
	hash_hex(f->sum, f->text, f->len);
	return true;
}

/* "001_begin.sql" -> 1; 0 for any other form. */
static int
step_number(const char *name)
{
	int64_t n;

	if (strlen(name) < 9 || name[3] != '_' || !text_to_int(name, 3, 1, FILES_MAX, &n))
		return 0;
	return (int)n;
}

static int
is_sql(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 4 && strcmp(d->d_name + len - 4, ".sql") == 0;
}

static bool
read_entry(struct files *fs, const char *dir, const char *name, bool numbered, struct err *e)
{
	struct file *f = &fs->list[fs->n];

	f->name = arena_dup(&fs->arena, name, strlen(name));
	f->number = numbered ? step_number(name) : 0;
	if (numbered && f->number == 0)
		return err_set(e, ERR_INPUT, NULL, "%s/%s: not named NNN_name.sql", dir, name);
	if (numbered && fs->n > 0 && f->number == f[-1].number)
		return err_set(
		    e, ERR_INPUT, NULL, "%s: two files have the number %d", dir, f->number);
	fs->n++;
	return read_text(&fs->arena, arena_printf(&fs->arena, "%s/%s", dir, name), f, e);
}

static bool
read_folder(struct files *fs, const char *sql_dir, const char *sub, bool numbered, struct err *e)
{
	const char *dir = arena_printf(&fs->arena, "%s/%s", sql_dir, sub);
	struct dirent **entries;
	int n = scandir(dir, &entries, is_sql, alphasort);
	bool ok = true;

	if (n < 0)
		return err_set(
		    e, ERR_INPUT, NULL, "%s: %s (setting sql_dir)", dir, strerror(errno));
	fs->list = arena_calloc(&fs->arena, (size_t)n + 1, sizeof(*fs->list));
	for (int i = 0; i < n; i++) {
		ok = ok && read_entry(fs, dir, entries[i]->d_name, numbered, e);
		free(entries[i]);
	}
	free(entries);
	if (ok && n == 0)
		return err_set(e, ERR_INPUT, NULL, "%s: no .sql file in it (setting sql_dir)", dir);
	return ok;
}

/* Names and sums of all, so that a renamed or removed file is a change too. */
static void
sum_functions(struct shape *sh)
{
	struct buf all;

	buf_init(&all, 0);
	for (int i = 0; i < sh->functions.n; i++)
		buf_printf(&all, "%s %s\n", sh->functions.list[i].sum, sh->functions.list[i].name);
	if (all.failed)
		abort();
	hash_hex(sh->functions_sum, all.data ? all.data : "", all.len);
	buf_fini(&all);
}

static bool
shape_read(struct shape *sh, const char *sql_dir, struct err *e)
{
	arena_init(&sh->steps.arena);
	arena_init(&sh->functions.arena);
	sh->steps.n = sh->functions.n = 0;
	if (!read_folder(&sh->steps, sql_dir, "schema", true, e) ||
	    !read_folder(&sh->functions, sql_dir, "functions", false, e))
		return false;
	sum_functions(sh);
	return true;
}

static void
shape_fini(struct shape *sh)
{
	arena_fini(&sh->steps.arena);
	arena_fini(&sh->functions.arena);
}

/* ---- comparing ------------------------------------------------------------------------------- */

static struct applied
applied_at(const struct pg_rows *rows, int i)
{
	return (struct applied){
	    (int)pg_int(rows, i, 0), pg_text(rows, i, 1, NULL), pg_text(rows, i, 2, NULL)};
}

static const struct file *
file_find(const struct files *fs, int number)
{
	for (int i = 0; i < fs->n; i++)
		if (fs->list[i].number == number)
			return &fs->list[i];
	return NULL;
}

static bool
is_applied(const struct pg_rows *rows, int number)
{
	for (int i = 0; i < pg_rows_count(rows); i++)
		if (applied_at(rows, i).number == number)
			return true;
	return false;
}

/* An applied step must be the file of today, byte for byte. */
static bool
compare_step(const struct shape *sh, struct applied was, struct err *e)
{
	const struct file *f = file_find(&sh->steps, was.number);

	if (!f)
		return err_set(e, ERR_REFUSED, NULL,
		    "the database is newer than this program: it has %s, which sql_dir lacks",
		    was.name);
	if (strcmp(f->sum, was.sum) != 0)
		return err_set(e, ERR_REFUSED, NULL,
		    "%s was changed after it was applied (as %s); applied files stay as they are: "
		    "put it back and add a new one",
		    f->name, was.name);
	return true;
}

/* Rows come by number, so the last is the highest. */
static bool
compare_steps(const struct shape *sh, const struct pg_rows *rows, struct err *e)
{
	int n = pg_rows_count(rows), highest = n ? applied_at(rows, n - 1).number : 0;

	for (int i = 0; i < n; i++)
		if (applied_at(rows, i).number > 0 && !compare_step(sh, applied_at(rows, i), e))
			return false;
	for (int i = 0; i < sh->steps.n; i++)
		if (sh->steps.list[i].number < highest &&
		    !is_applied(rows, sh->steps.list[i].number))
			return err_set(e, ERR_REFUSED, NULL,
			    "%s comes before a file that is applied already; give it the next "
			    "number",
			    sh->steps.list[i].name);
	return true;
}

static bool
functions_are_current(const struct shape *sh, const struct pg_rows *rows)
{
	return pg_rows_count(rows) > 0 && applied_at(rows, 0).number == 0 &&
	    strcmp(applied_at(rows, 0).sum, sh->functions_sum) == 0;
}

static bool
read_applied(struct pg *pg, struct pg_rows **rows, struct err *e)
{
	return pg_call(pg, "select number, name, checksum from tracker.migration order by number",
	    NULL, 0, rows, e);
}

static bool
check_shape(const struct shape *sh, const struct pg_rows *rows, struct err *e)
{
	if (!compare_steps(sh, rows, e))
		return false;
	for (int i = 0; i < sh->steps.n; i++)
		if (!is_applied(rows, sh->steps.list[i].number))
			return err_set(e, ERR_REFUSED, NULL,
			    "%s is not applied to the database: " HINT, sh->steps.list[i].name);
	if (!functions_are_current(sh, rows))
		return err_set(e, ERR_REFUSED, NULL,
		    "the database's functions are not those of sql_dir: " HINT);
	return true;
}

/* The tables that a step makes, by their names after "create table tracker.". */
static void
name_tables(const char *text, struct pg_array *names)
{
	static const char make[] = "create table tracker.";

	for (const char *p = text; (p = strstr(p, make));) {
		size_t len;

		p += sizeof(make) - 1;
		len = strspn(p, "abcdefghijklmnopqrstuvwxyz_0123456789");
		pg_array_text(names, p, len);
	}
}

/* A database from before there was an inventory: at least the tables of its steps must be there. */
static bool
check_tables(struct pg *pg, const struct shape *sh, const struct pg_rows *rows, struct err *e)
{
	struct pg_array names;
	bool ok;

	pg_array_init(&names, PG_TEXT_ARRAY);
	for (int i = 0; i < sh->steps.n; i++)
		if (is_applied(rows, sh->steps.list[i].number))
			name_tables(sh->steps.list[i].text, &names);
	ok = inventory_check_tables(pg, &names, e);
	pg_array_fini(&names);
	return ok;
}

/* The rows say what was done; is it there? */
static bool
check_whole(
    struct pg *pg, const struct shape *sh, const struct pg_rows *rows, bool *listed, struct err *e)
{
	return inventory_check(pg, listed, e) && (*listed || check_tables(pg, sh, rows, e));
}

static bool
check_listed(struct pg *pg, const struct shape *sh, const struct pg_rows *rows, struct err *e)
{
	bool listed = false;

	return check_whole(pg, sh, rows, &listed, e) &&
	    (listed ||
		err_set(e, ERR_REFUSED, NULL, "what the database is to hold is not listed: " HINT));
}

/* No schema or no table: nobody has ever migrated here. */
static bool
is_bare(const struct err *e)
{
	return strcmp(e->sqlstate, "42P01") == 0 || strcmp(e->sqlstate, "3F000") == 0;
}

bool
schema_check(struct pg *pg, const struct settings *s, struct err *e)
{
	struct shape sh;
	struct pg_rows *rows = NULL;
	struct err cause = ERR_INIT;
	bool ok = shape_read(&sh, s->sql_dir, &cause) && pooler_check(pg, s->postgres, &cause) &&
	    read_applied(pg, &rows, &cause) && check_shape(&sh, rows, &cause) &&
	    check_listed(pg, &sh, rows, &cause);

	pg_rows_free(rows);
	shape_fini(&sh);
	if (!ok && is_bare(&cause))
		return err_set(e, ERR_REFUSED, NULL, "the database has no tables yet: " HINT);
	if (!ok && e->kind == ERR_NONE)
		*e = cause;
	return ok;
}

/* ---- applying -------------------------------------------------------------------------------- */

/* Runs a file's text; an error begins with the file's name. */
static bool
run_file(struct pg *pg, const struct file *f, struct err *e)
{
	struct err cause = ERR_INIT;

	if (pg_run(pg, f->text, &cause))
		return true;
	err_set(e, cause.kind, NULL, "%s: %s", f->name, cause.why);
	memcpy(e->sqlstate, cause.sqlstate, sizeof(e->sqlstate));
	return false;
}

static bool
record(struct pg *pg, int number, const char *name, const char *sum, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[] = {pg_int4_param(&room, number), pg_text_param(name, strlen(name)),
	    pg_text_param(sum, strlen(sum))};
	struct pg_rows *rows = NULL;
	bool ok = pg_call(pg,
	    "insert into tracker.migration as m (number, name, checksum) values ($1, $2, $3)"
	    " on conflict (number) do update set name = excluded.name,"
	    " checksum = excluded.checksum, applied = clock_timestamp()",
	    params, 3, &rows, e);

	pg_rows_free(rows);
	return ok;
}

/* Ends a transaction that failed; the first cause stays in e. */
static bool
undo(struct pg *pg)
{
	struct err ignored = ERR_INIT;

	(void)!pg_run(pg, "rollback", &ignored);
	return false;
}

static bool
apply_steps(struct pg *pg, const struct shape *sh, const struct pg_rows *rows, struct err *e)
{
	for (int i = 0; i < sh->steps.n; i++) {
		const struct file *f = &sh->steps.list[i];

		if (!is_applied(rows, f->number) &&
		    (!run_file(pg, f, e) || !record(pg, f->number, f->name, f->sum, e)))
			return false;
	}
	return true;
}

static bool
apply_functions(struct pg *pg, const struct shape *sh, struct err *e)
{
	for (int i = 0; i < sh->functions.n; i++)
		if (!run_file(pg, &sh->functions.list[i], e))
			return false;
	return record(pg, 0, "functions", sh->functions_sum, e);
}

/*
 * A tracker may be at work: its calls wait (0x64637374, "dcst", is the barrier of pass_barrier and
 * raise_barrier, which may not be there yet), and see everything as it was, or everything as it will be.
 */
static bool
apply_once(struct pg *pg, const struct shape *sh, const struct pg_rows *rows, struct err *e)
{
	if (!pg_run(pg,
		"begin; set local lock_timeout = '2s'; "
		"select pg_advisory_xact_lock(x'64637374'::int)",
		e) ||
	    !apply_steps(pg, sh, rows, e) || !apply_functions(pg, sh, e) ||
	    !inventory_record(pg, e))
		return undo(pg);
	return pg_run(pg, "commit", e);
}

/* Somebody may have a table in hand, an export for instance: let the tracker breathe, and try again. */
static bool
apply(struct pg *pg, const struct shape *sh, const struct pg_rows *rows, struct err *e)
{
	for (int try = 1;; try++) {
		err_clear(e);
		if (apply_once(pg, sh, rows, e))
			return true;
		if (!pg_is_clash(e) || try == IN_USE_TRIES)
			return false;
		clock_sleep_ms(500);
	}
}

static bool
apply_missing(struct pg *pg, const struct shape *sh, const struct pg_rows *rows, say_fn say,
    bool *changed, struct err *e)
{
	int missing = 0;
	bool listed = false;

	if (!check_whole(pg, sh, rows, &listed, e))
		return false;
	for (int i = 0; i < sh->steps.n; i++)
		missing += !is_applied(rows, sh->steps.list[i].number);
	if (missing == 0 && listed && functions_are_current(sh, rows))
		return true;
	if (!apply(pg, sh, rows, e))
		return false;
	for (int i = 0; i < sh->steps.n; i++)
		if (!is_applied(rows, sh->steps.list[i].number))
			tell(say, "applied", sh->steps.list[i].name);
	tell(say, "put in place", "the functions");
	*changed = true;
	return true;
}

bool
schema_propose_stages(
    struct pg *pg, const struct settings *s, struct stage_names *out, struct err *e)
{
	static const char sql[] = "select u.name from unnest(tracker.propose_stages($1)) with "
				  "ordinality as u(name, n) order by u.n";
	struct pg_array names;
	struct pg_param param;
	struct pg_rows *rows = NULL;
	bool ok;

	pg_array_init(&names, PG_TEXT_ARRAY);
	for (int i = 0; i < STAGES_MAX && *s->stage[i]; i++)
		pg_array_text(&names, s->stage[i], strlen(s->stage[i]));
	param = pg_array_param(&names);
	ok = pg_call(pg, sql, &param, 1, &rows, e);
	if (ok && out) {
		*out = (struct stage_names){.n = 0};
		for (int i = 0; i < pg_rows_count(rows); i++)
			(void)stage_names_add(out, pg_text(rows, i, 0, NULL));
	}
	pg_rows_free(rows);
	pg_array_fini(&names);
	return ok;
}

bool
schema_settle_policy(struct pg *pg, const struct settings *s, struct err *e)
{
	struct pg_scalar room[5];
	struct pg_param params[] = {pg_int4_param(&room[0], (int32_t)s->max_attempts),
	    pg_int4_param(&room[1], (int32_t)s->flag_limit),
	    pg_int4_param(&room[2], (int32_t)s->retry_backoff_s),
	    pg_int4_param(&room[3], (int32_t)s->retry_backoff_max_s),
	    pg_int4_param(&room[4], (int32_t)s->newcomers_most)};
	struct pg_rows *rows = NULL;
	bool ok =
	    pg_call(pg, "select tracker.settle_policy($1, $2, $3, $4, $5)", params, 5, &rows, e);

	pg_rows_free(rows);
	return ok;
}

/* A cluster that was made without a locale has databases of SQL_ASCII. */
static bool
check_encoding(struct pg *pg, struct err *e)
{
	struct pg_rows *rows = NULL;
	const char *encoding;
	bool ok = pg_call(pg, "select current_setting('server_encoding')", NULL, 0, &rows, e);

	if (ok) {
		encoding = pg_text(rows, 0, 0, NULL);
		ok = strcmp(encoding, "UTF8") == 0 ||
		    err_set(e, ERR_REFUSED, NULL,
			"the database's encoding is %s and must be UTF8: make it anew with "
			"`createdb --encoding UTF8 --template template0`",
			encoding);
	}
	pg_rows_free(rows);
	return ok;
}

/* The record of what was applied comes before the first file, so it is made here. */
static bool
prepare(struct pg *pg, struct err *e)
{
	return check_encoding(pg, e) &&
	    pg_run(pg,
		"set client_min_messages = warning;"
		"create schema if not exists tracker;"
		"create table if not exists tracker.migration ("
		" number int primary key,"
		" name text not null,"
		" checksum text not null,"
		" applied timestamptz not null default clock_timestamp())",
		e) &&
	    inventory_prepare(pg, e);
}

/*
 * Columns ask for lz4, which a server may have been built without: then they have pglz, which is slower
 * and makes as little of it. The sums are the files', so nothing differs later.
 */
static void
do_without_lz4(const struct files *fs)
{
	static const char clause[] = " compression lz4";

	for (int i = 0; i < fs->n; i++)
		for (char *p = fs->list[i].text; (p = strstr(p, clause));)
			memset(p, ' ', sizeof(clause) - 1);
}

static bool
look_for_lz4(struct pg *pg, const struct shape *sh, say_fn say, struct err *e)
{
	struct pg_rows *rows = NULL;
	bool here;

	if (!pg_call(pg,
		"select exists (select from pg_settings where name = 'default_toast_compression'"
		" and 'lz4' = any (enumvals))",
		NULL, 0, &rows, e))
		return false;
	here = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	if (here)
		return true;
	do_without_lz4(&sh->steps);
	tell(say, "this PostgreSQL has no lz4:", "data is compressed by pglz");
	return true;
}

static bool
migrate_locked(struct pg *pg, const struct settings *s, const struct shape *sh, say_fn say,
    bool *changed, struct err *e)
{
	struct pg_rows *rows = NULL;
	bool ok = prepare(pg, e) && look_for_lz4(pg, sh, say, e) && read_applied(pg, &rows, e) &&
	    compare_steps(sh, rows, e) && apply_missing(pg, sh, rows, say, changed, e) &&
	    schema_propose_stages(pg, s, NULL, e);

	pg_rows_free(rows);
	return ok;
}

/* 0x64636d67 is "dcmg". The lock is the session's: what is missing is read before, the stages are proposed after. */
static bool
migrate_alone(struct pg *pg, const struct settings *s, const struct shape *sh, say_fn say,
    bool *changed, struct err *e)
{
	struct err ignored = ERR_INIT;
	bool ok;

	if (!pg_run(pg, "select pg_advisory_lock(x'64636d67'::int)", e))
		return false;
	ok = migrate_locked(pg, s, sh, say, changed, e);
	(void)!pg_run(pg, "select pg_advisory_unlock(x'64636d67'::int)", &ignored);
	return ok;
}

bool
schema_migrate(struct pg *pg, const struct settings *s, void (*say)(const char *line),
    bool *changed, struct err *e)
{
	struct shape sh;
	bool did = false;
	bool ok = shape_read(&sh, s->sql_dir, e) && pooler_check(pg, s->postgres, e) &&
	    migrate_alone(pg, s, &sh, say, &did, e);

	shape_fini(&sh);
	if (changed)
		*changed = did;
	return ok;
}

bool
schema_project_id(struct pg *pg, char id[SCHEMA_PROJECT_ID], struct err *e)
{
	struct pg_rows *rows = NULL;
	bool ok;

	if (!pg_call(pg, "select id from tracker.project", NULL, 0, &rows, e))
		return false;
	ok = pg_rows_count(rows) == 1;
	if (ok)
		snprintf(id, SCHEMA_PROJECT_ID, "%s", pg_text(rows, 0, 0, NULL));
	else
		err_set(e, ERR_REFUSED, NULL,
		    "tracker.project must hold one row: run distcompute-admin migrate");
	pg_rows_free(rows);
	return ok;
}
