#include "../test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../store/servers.h"
#include "domain/schema.h"
#include "store/pg_array.h"

static char dir[64], said[1024];
static struct settings settings;
static struct pg *pg;
static struct err e;

/* ---- a folder of its own, and an empty database, for each test ------------------------------- */

static void
file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
file_with_a_nul(const char *name)
{
	static const char text[] = "select 1;\0select 1 / 0;";
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, sizeof(text), f), sizeof(text));
	fclose(f);
}

static void
file_that_leads_nowhere(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
}

static void
no_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

static int
begin(void **state)
{
	char path[96];

	(void)state;
	strcpy(dir, "/tmp/test_schema.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/schema", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/functions", dir);
	mkdir(path, 0700);
	file("schema/001_first.sql", "create table tracker.first (n int);");
	file("schema/002_second.sql",
	    "create table tracker.second (n int);\ninsert into tracker.first values (2);");
	file("functions/propose_stages.sql",
	    "create or replace function tracker.propose_stages(names text[]) returns text[]"
	    " language sql as $$ insert into tracker.second values (cardinality(names))"
	    " returning names || 'More'::text $$;");
	settings = (struct settings){.sql_dir = dir, .stage = {"A", "B", "", "", ""}};
	e = ERR_INIT;
	pg = pg_new(servers_postgres(), "test_schema", "set client_min_messages = error");
	return pg_run(pg, "drop schema if exists tracker cascade", &e) ? 0 : -1;
}

static int
end(void **state)
{
	char command[96];

	(void)state;
	pg_free(pg);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void
hear(const char *line)
{
	strcat(said, line);
	strcat(said, "\n");
}

/* Whether there was anything to do. */
static bool
migrate(void)
{
	bool changed = false;

	*said = '\0';
	if (!schema_migrate(pg, &settings, hear, &changed, &e))
		fail_msg("%s", e.why);
	return changed;
}

static void
refuses_to_migrate(const char *why)
{
	assert_false(schema_migrate(pg, &settings, hear, NULL, &e));
	assert_non_null(strstr(e.why, why));
	e = ERR_INIT;
}

static void
refuses_the_check(const char *why)
{
	assert_false(schema_check(pg, &settings, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(strstr(e.why, why));
	e = ERR_INIT;
}

static int64_t
number(const char *sql)
{
	struct pg_rows *rows = NULL;
	int64_t n;

	if (!pg_call(pg, sql, NULL, 0, &rows, &e))
		fail_msg("%s: %s", sql, e.why);
	n = pg_int(rows, 0, 0);
	pg_rows_free(rows);
	return n;
}

static void
run(const char *sql)
{
	if (!pg_run(pg, sql, &e))
		fail_msg("%s: %s", sql, e.why);
}

/* ---- behaviours ------------------------------------------------------------------------------ */

static void
an_empty_database_gets_every_file_in_order(void **state)
{
	(void)state;
	assert_true(migrate());
	assert_string_equal(
	    said, "applied 001_first.sql\napplied 002_second.sql\nput in place the functions\n");
	assert_int_equal(number("select n::bigint from tracker.first"), 2);
	assert_true(schema_check(pg, &settings, &e));
}

static void
a_second_run_finds_nothing_to_do(void **state)
{
	(void)state;
	migrate();
	assert_false(migrate());
	assert_string_equal(said, "");
}

static void
the_stages_are_proposed_each_time(void **state)
{
	struct stage_names names;

	(void)state;
	migrate();
	migrate();
	assert_int_equal(number("select count(*) from tracker.second where n = 2"), 2);
	assert_true(schema_propose_stages(pg, &settings, &names, &e));
	assert_int_equal(names.n, 3);
	assert_string_equal(names.name[0], "A");
	assert_string_equal(names.name[2], "More");
}

static void
a_new_file_is_applied_and_functions_follow_it(void **state)
{
	(void)state;
	migrate();
	file("schema/003_third.sql", "create table tracker.third (n int);");
	refuses_the_check("003_third.sql is not applied");
	assert_true(migrate());
	assert_string_equal(said, "applied 003_third.sql\nput in place the functions\n");
}

static void
changed_functions_are_put_in_place_again(void **state)
{
	(void)state;
	migrate();
	for (int n = 2; n <= 3; n++) { /* a new one, and then its text alone */
		char text[128];

		snprintf(text, sizeof(text),
		    "create or replace function tracker.two() returns bigint "
		    "language sql as 'select %d::bigint';",
		    n);
		file("functions/two.sql", text);
		refuses_the_check("functions");
		assert_true(migrate());
		assert_string_equal(said, "put in place the functions\n");
		assert_int_equal(number("select tracker.two()"), n);
		assert_true(schema_check(pg, &settings, &e));
	}
}

static void
a_file_that_fails_leaves_nothing_of_the_upgrade_and_is_named(void **state)
{
	(void)state;
	file("schema/002_second.sql", "create table tracker.second (n int); select 1 / 0;");
	refuses_to_migrate("002_second.sql: ");
	assert_int_equal(number("select count(*) from tracker.migration"), 0);
	assert_int_equal(number("select (to_regclass('tracker.first') is null)::int"), 1);
	assert_int_equal(number("select (to_regclass('tracker.second') is null)::int"), 1);
	file("schema/002_second.sql", "create table tracker.second (n int);");
	assert_true(migrate());
}

static void
functions_that_fail_leave_the_old_ones_and_the_old_tables(void **state)
{
	(void)state;
	migrate();
	file("schema/003_third.sql", "create table tracker.third (n int);");
	file("functions/bad.sql",
	    "create or replace function tracker.bad() returns int language sql as 'nonsense';");
	refuses_to_migrate("bad.sql: ");
	assert_int_equal(number("select (to_regclass('tracker.third') is null)::int"), 1);
	no_file("functions/bad.sql");
	no_file("schema/003_third.sql");
	assert_false(migrate());
}

/* What somebody holds in a transaction of their own, until it is let go. */
struct holder {
	struct pg *pg;
	struct err e;
};

static void
hold(struct holder *h, const char *what)
{
	h->e = ERR_INIT;
	h->pg = pg_new(servers_postgres(), "test_schema holder", NULL);
	if (!pg_run(h->pg, "begin", &h->e) || !pg_run(h->pg, what, &h->e))
		fail_msg("%s: %s", what, h->e.why);
}

static void
let_go(struct holder *h)
{
	if (!pg_run(h->pg, "rollback", &h->e))
		fail_msg("%s", h->e.why);
	pg_free(h->pg);
}

static void *
migrate_meanwhile(void *changed)
{
	(void)!schema_migrate(pg, &settings, hear, changed, &e);
	return NULL;
}

/* Until the migration stands before a lock of this kind. */
static void
see_it_wait(struct holder *h, const char *kind)
{
	struct pg_param param = pg_text_param(kind, strlen(kind));
	struct pg_rows *rows = NULL;
	bool waits = false;

	while (!waits) {
		if (!pg_call(h->pg,
			"select exists (select from pg_locks l join pg_stat_activity a using (pid)"
			" where not l.granted and l.locktype = $1 and a.application_name = "
			"'test_schema')",
			&param, 1, &rows, &h->e))
			fail_msg("%s", h->e.why);
		waits = pg_bool(rows, 0, 0);
		pg_rows_free(rows);
		rows = NULL;
	}
}

/* An export has a table in hand: the migration waits, again and again, and lets others through in between. */
static void
a_table_that_is_in_use_is_waited_for_and_nobody_waits_behind(void **state)
{
	struct holder exporter, worker;
	bool changed = false;
	pthread_t meanwhile;

	(void)state;
	migrate();
	file("schema/003_third.sql", "alter table tracker.first add third int;");
	hold(&exporter, "lock tracker.first in access share mode");
	assert_int_equal(pthread_create(&meanwhile, NULL, migrate_meanwhile, &changed), 0);
	see_it_wait(&exporter, "relation");
	hold(&worker, "set local statement_timeout = '60s'");
	if (!pg_run(worker.pg, "select n from tracker.first", &worker.e))
		fail_msg("who works waits behind the migration: %s", worker.e.why);
	let_go(&worker);
	see_it_wait(&exporter, "relation");
	let_go(&exporter);
	pthread_join(meanwhile, NULL);
	assert_true(changed);
	assert_int_equal(e.kind, ERR_NONE); /* nothing is left of the tries before */
	assert_int_equal(number("select count(third) from tracker.first"), 0);
}

/* A call under way sees everything as it was: its barrier is waited for. */
static void
calls_that_are_under_way_end_before_anything_changes(void **state)
{
	struct holder call;
	bool changed = false;
	pthread_t meanwhile;

	(void)state;
	migrate();
	file("schema/003_third.sql", "create table tracker.third (n int);");
	hold(&call, "select pg_advisory_xact_lock_shared(x'64637374'::int)");
	assert_int_equal(pthread_create(&meanwhile, NULL, migrate_meanwhile, &changed), 0);
	see_it_wait(&call, "advisory");
	let_go(&call);
	pthread_join(meanwhile, NULL);
	assert_true(changed);
	assert_int_equal(number("select count(*) from tracker.third"), 0);
}

static void
an_applied_file_that_was_changed_is_refused(void **state)
{
	(void)state;
	migrate();
	file("schema/001_first.sql", "create table tracker.first (n bigint);");
	refuses_to_migrate("001_first.sql was changed after it was applied");
	refuses_the_check("001_first.sql was changed after it was applied");
}

static void
a_database_that_is_newer_is_refused(void **state)
{
	(void)state;
	migrate();
	no_file("schema/002_second.sql");
	refuses_to_migrate("newer than this program");
	refuses_the_check("newer than this program");
}

static void
a_file_that_would_go_backward_is_refused(void **state)
{
	(void)state;
	no_file("schema/001_first.sql");
	file("schema/002_second.sql", "create table tracker.second (n int);");
	migrate();
	file("schema/001_late.sql", "select 1;");
	refuses_to_migrate("001_late.sql comes before");
}

static void
a_database_without_tables_is_told_to_migrate(void **state)
{
	(void)state;
	refuses_the_check("distcompute-admin migrate");
	assert_true(pg_run(pg, "create schema tracker", &e));
	refuses_the_check("distcompute-admin migrate");
}

static void
a_database_of_another_encoding_is_refused_in_words(void **state)
{
	struct pg *latin;
	char conninfo[256];

	(void)state;
	assert_true(pg_run(pg, "drop database if exists latin", &e));
	assert_true(pg_run(
	    pg, "create database latin encoding 'LATIN1' locale 'C' template template0", &e));
	snprintf(conninfo, sizeof(conninfo), "%s dbname=latin", servers_postgres());
	latin = pg_new(conninfo, "test_schema", "set client_min_messages = error");
	assert_false(schema_migrate(latin, &settings, hear, NULL, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(strstr(e.why, "encoding is LATIN1 and must be UTF8"));
	e = ERR_INIT;
	pg_free(latin);
	assert_true(pg_run(pg, "drop database latin", &e));
}

static void
files_that_cannot_be_meant_are_refused(void **state)
{
	static const char *const names[] = {"3_third.sql", "0030third.sql", "03_third.sql",
	    "003.sql", "003_.sql", "000_none.sql", "-03_third.sql", "third.sql"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char path[64];

		snprintf(path, sizeof(path), "schema/%s", names[i]);
		file(path, "select 1;");
		refuses_to_migrate(": not named NNN_name.sql");
		no_file(path);
	}
	file("schema/002_twice.sql", "select 1;");
	refuses_to_migrate("two files have the number 2");
	no_file("schema/002_twice.sql");
	file_that_leads_nowhere("schema/009_lost.sql");
	refuses_to_migrate("009_lost.sql: No such file or directory");
	no_file("schema/009_lost.sql");
	file_with_a_nul("schema/003_third.sql");
	refuses_to_migrate("003_third.sql: holds a NUL");
	no_file("schema/003_third.sql");
	settings.sql_dir = "/nowhere";
	refuses_to_migrate("sql_dir");
}

/* What is no .sql file is somebody's notes, or an editor's; a folder without one was never meant. */
static void
other_files_are_passed_over_and_a_folder_without_any_is_refused(void **state)
{
	(void)state;
	file("schema/003_third.sql~", "select 1 / 0;");
	file("schema/.003_third.sql", "select 1 / 0;");
	file("functions/README.md", "select 1 / 0;");
	migrate();
	assert_null(strstr(said, "third"));
	no_file("functions/propose_stages.sql");
	refuses_to_migrate("functions: no .sql file in it (setting sql_dir)");
}

static void
two_at_once_apply_everything_once(void **state)
{
	struct pg *other = pg_new(servers_postgres(), "test_schema", NULL);
	struct err err = ERR_INIT;
	pid_t child;
	int status;

	(void)state;
	file("schema/001_first.sql", "create table tracker.first (n int); select pg_sleep(0.3);");
	child = fork();
	if (child == 0)
		_exit(schema_migrate(other, &settings, NULL, NULL, &err) ? 0 : 1);
	migrate();
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(number("select count(*) from tracker.migration"), 3);
	pg_free(other);
}

static void
a_server_without_lz4_is_done_without_it_and_that_is_said(void **state)
{
	(void)state;
	file("schema/003_big.sql",
	    "create table tracker.big (t text compression lz4,u text compression lz4);");
	migrate();
	assert_null(strstr(said, "lz4"));
	assert_int_equal(number("select count(*) from pg_attribute where attcompression = 'l'"
				" and attrelid = 'tracker.big'::regclass"),
	    2);
	/* A server that knows of pglz only, by its list of settings. */
	run("drop schema tracker cascade; drop schema if exists poor cascade; create schema poor;"
	    "create view poor.pg_settings as select 'default_toast_compression'::text as name,"
	    " array['pglz'] as enumvals; set search_path = poor, pg_catalog");
	migrate();
	assert_non_null(strstr(said, "no lz4"));
	assert_int_equal(number("select count(*) from pg_attribute where attcompression = ''"
				" and attrelid = 'tracker.big'::regclass and attnum > 0"),
	    2);
	assert_true(schema_check(pg, &settings, &e));
	run("drop schema poor cascade");
}

static void
a_database_that_lost_something_is_refused_and_told_what(void **state)
{
	static const struct {
		const char *harm, *name;
	} cases[] = {
	    {"drop table tracker.first", "table first"},
	    {"alter table tracker.second drop column n", "column second.n"},
	    {"drop index tracker.by_n", "index by_n"},
	    {"drop function tracker.propose_stages", "function propose_stages(pg_catalog._text)"},
	};

	(void)state;
	file("schema/003_index.sql", "create index by_n on tracker.second (n);");
	for (size_t i = 0; i < COUNT(cases); i++) {
		run("drop schema if exists tracker cascade");
		migrate();
		run(cases[i].harm);
		refuses_the_check(cases[i].name);
		refuses_to_migrate(cases[i].name);
		refuses_to_migrate("restore");
	}
}

static void
what_is_there_besides_is_nobodys_fault(void **state)
{
	(void)state;
	migrate();
	run("create table tracker.extra (n int); create index extra_n on tracker.first (n)");
	assert_true(schema_check(pg, &settings, &e));
	assert_false(migrate());
}

static void
a_database_of_before_the_inventory_gets_one_unless_a_table_is_gone(void **state)
{
	(void)state;
	migrate();
	run("drop table tracker.inventory");
	refuses_the_check("migrate");
	assert_true(migrate());
	assert_true(schema_check(pg, &settings, &e));
	run("drop table tracker.inventory, tracker.first");
	refuses_the_check("table first");
	refuses_to_migrate("table first");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_empty_database_gets_every_file_in_order, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_server_without_lz4_is_done_without_it_and_that_is_said, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_database_that_lost_something_is_refused_and_told_what, begin, end),
	    cmocka_unit_test_setup_teardown(what_is_there_besides_is_nobodys_fault, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_database_of_before_the_inventory_gets_one_unless_a_table_is_gone, begin, end),
	    cmocka_unit_test_setup_teardown(a_second_run_finds_nothing_to_do, begin, end),
	    cmocka_unit_test_setup_teardown(the_stages_are_proposed_each_time, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_new_file_is_applied_and_functions_follow_it, begin, end),
	    cmocka_unit_test_setup_teardown(changed_functions_are_put_in_place_again, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_file_that_fails_leaves_nothing_of_the_upgrade_and_is_named, begin, end),
	    cmocka_unit_test_setup_teardown(
		functions_that_fail_leave_the_old_ones_and_the_old_tables, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_table_that_is_in_use_is_waited_for_and_nobody_waits_behind, begin, end),
	    cmocka_unit_test_setup_teardown(
		calls_that_are_under_way_end_before_anything_changes, begin, end),
	    cmocka_unit_test_setup_teardown(
		an_applied_file_that_was_changed_is_refused, begin, end),
	    cmocka_unit_test_setup_teardown(a_database_that_is_newer_is_refused, begin, end),
	    cmocka_unit_test_setup_teardown(a_file_that_would_go_backward_is_refused, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_database_without_tables_is_told_to_migrate, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_database_of_another_encoding_is_refused_in_words, begin, end),
	    cmocka_unit_test_setup_teardown(files_that_cannot_be_meant_are_refused, begin, end),
	    cmocka_unit_test_setup_teardown(
		other_files_are_passed_over_and_a_folder_without_any_is_refused, begin, end),
	    cmocka_unit_test_setup_teardown(two_at_once_apply_everything_once, begin, end),
	};

	return cmocka_run_group_tests(tests, servers_begin, servers_end);
}
