#include "../test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "servers.h"
#include "store/pg.h"
#include "store/pg_array.h"

static struct pg *pg;
static struct err e;

static int
begin(void **state)
{
	(void)state;
	e = ERR_INIT;
	pg = pg_new(servers_postgres(), "test_pg", "set jit = off; set work_mem = '5MB'");
	return 0;
}

static int
end(void **state)
{
	(void)state;
	pg_free(pg);
	return 0;
}

/* The one cell of a statement without parameters, as a number. */
static int64_t
number(const char *sql)
{
	struct pg_rows *rows;
	int64_t n;

	if (!pg_call(pg, sql, NULL, 0, &rows, &e))
		fail_msg("%s: %s", sql, e.why);
	assert_int_equal(pg_rows_count(rows), 1);
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

static void
cells_have_the_types_of_their_columns(void **state)
{
	static const char sql[] =
	    "select 1::int2, -2::int4, 3000000000::int8, 4000000000::oid, true, false, "
	    "1.5::float8, "
	    "0.25::float4, 'häß'::text, 'n'::name, '0123abcd-ef45-6789-abcd-ef0123456789'::uuid, "
	    "'2026-11-23 02:30:00.5+00'::timestamptz, 'infinity'::timestamptz, "
	    "'-infinity'::timestamptz, null::int8, null::text, ''::text";
	struct pg_rows *rows;
	struct uuid want, got;
	size_t len;

	(void)state;
	assert_true(pg_call(pg, sql, NULL, 0, &rows, &e));
	assert_int_equal(pg_rows_count(rows), 1);
	assert_int_equal(pg_int(rows, 0, 0), 1);
	assert_true(pg_int(rows, 0, 1) == -2);
	assert_true(pg_int(rows, 0, 2) == INT64_C(3000000000));
	assert_true(pg_int(rows, 0, 3) == INT64_C(4000000000));
	assert_true(pg_bool(rows, 0, 4));
	assert_false(pg_bool(rows, 0, 5));
	assert_true(pg_double(rows, 0, 6) > 1.49 && pg_double(rows, 0, 6) < 1.51);
	assert_true(pg_double(rows, 0, 7) > 0.24 && pg_double(rows, 0, 7) < 0.26);
	assert_string_equal(pg_text(rows, 0, 8, &len), "häß");
	assert_int_equal(len, 5);
	assert_string_equal(pg_text(rows, 0, 9, NULL), "n");
	assert_true(uuid_parse(&want, "0123abcd-ef45-6789-abcd-ef0123456789", 36));
	got = pg_uuid(rows, 0, 10);
	assert_true(uuid_equal(&want, &got));
	assert_true(pg_time_us(rows, 0, 11) == INT64_C(1795401000500000));
	assert_true(pg_time_us(rows, 0, 12) == INT64_MAX);
	assert_true(pg_time_us(rows, 0, 13) == INT64_MIN);
	assert_true(pg_is_null(rows, 0, 14));
	assert_int_equal(pg_int(rows, 0, 14), 0);
	assert_string_equal(pg_text(rows, 0, 15, &len), "");
	assert_true(pg_is_null(rows, 0, 15));
	assert_false(pg_is_null(rows, 0, 16));
	pg_rows_free(rows);
}

static void
a_cell_that_is_not_there_reads_as_null(void **state)
{
	struct pg_rows *rows;

	(void)state;
	assert_true(pg_call(pg, "select 1 as x where false", NULL, 0, &rows, &e));
	assert_int_equal(pg_rows_count(rows), 0);
	assert_true(pg_is_null(rows, 0, 0));
	assert_int_equal(pg_int(rows, 0, 0), 0);
	assert_string_equal(pg_text(rows, 7, -1, NULL), "");
	pg_rows_free(rows);
	pg_rows_free(NULL);
	assert_int_equal(pg_rows_count(NULL), 0);
}

static void
what_is_not_there_may_be_freed(void **state)
{
	(void)state;
	pg_free(NULL);
}

static void
arrays_of_every_type_arrive_as_they_were_put(void **state)
{
	static const char sql[] = "select array_to_string($1::bool[],',','N') || '|' || "
				  "array_to_string($2::int2[],',','N')"
				  " || '|' || array_to_string($3::int4[],',','N') || '|' || "
				  "array_to_string($4::int8[],',','N')"
				  " || '|' || array_to_string($5::text[],',','N') || '|' || "
				  "array_to_string($6::uuid[],',','N')"
				  " || '|' || array_to_string($7::timestamptz[],',','N')";
	const enum pg_oid types[] = {PG_BOOL_ARRAY, PG_INT2_ARRAY, PG_INT4_ARRAY, PG_INT8_ARRAY,
	    PG_TEXT_ARRAY, PG_UUID_ARRAY, PG_TIMESTAMPTZ_ARRAY};
	struct pg_array a[7];
	struct pg_param params[7];
	struct pg_rows *rows;
	struct uuid u;

	(void)state;
	run("set timezone = 'UTC'");
	uuid_parse(&u, "0123abcd-ef45-6789-abcd-ef0123456789", 36);
	for (int i = 0; i < 7; i++)
		pg_array_init(&a[i], types[i]);
	pg_array_bool(&a[0], true);
	pg_array_bool(&a[0], false);
	pg_array_int2(&a[1], INT16_MIN);
	pg_array_int2(&a[1], INT16_MAX);
	pg_array_int4(&a[2], INT32_MIN);
	pg_array_int4(&a[2], INT32_MAX);
	pg_array_int8(&a[3], INT64_MIN);
	pg_array_int8(&a[3], INT64_MAX);
	pg_array_text(&a[4], "", 0);
	pg_array_text(&a[4], "häß,\"{}", 9);
	pg_array_text(&a[4], NULL, 0);
	pg_array_uuid(&a[5], &u);
	pg_array_time(&a[6], INT64_C(1795401000500000));
	pg_array_time(&a[6], INT64_MAX);
	pg_array_time(&a[6], INT64_MIN);
	for (int i = 0; i < 7; i++) {
		pg_array_null(&a[i]);
		assert_true(pg_array_param(&a[i]).len != PG_PARAM_FAILED);
		params[i] = pg_array_param(&a[i]);
	}
	if (!pg_call(pg, sql, params, 7, &rows, &e))
		fail_msg("%s", e.why);
	assert_string_equal(pg_text(rows, 0, 0, NULL),
	    "t,f,N|-32768,32767,N|-2147483648,2147483647,N|"
	    "-9223372036854775808,9223372036854775807,N|,häß,\"{},N,N|"
	    "0123abcd-ef45-6789-abcd-ef0123456789,N|"
	    "2026-11-23 02:30:00.5+00,infinity,-infinity,N");
	pg_rows_free(rows);
	for (int i = 0; i < 7; i++)
		pg_array_fini(&a[i]);
}

static void
an_array_may_be_empty_and_filled_again(void **state)
{
	struct pg_array a;
	struct pg_param param;

	(void)state;
	pg_array_init(&a, PG_INT8_ARRAY);
	for (int i = 0; i < 3; i++) {
		static const char sql[] = "select cardinality($1::int8[])::int8";
		struct pg_rows *rows;

		pg_array_clear(&a);
		for (int j = 0; j < i * 1000; j++)
			pg_array_int8(&a, j);
		param = pg_array_param(&a);
		assert_true(pg_call(pg, sql, &param, 1, &rows, &e));
		assert_int_equal(pg_int(rows, 0, 0), i * 1000);
		pg_rows_free(rows);
	}
	pg_array_fini(&a);
}

static void
what_could_not_be_built_is_not_sent(void **state)
{
	struct pg_array a;
	struct pg_param param;
	struct pg_rows *rows;

	(void)state;
	pg_array_init(&a, PG_TEXT_ARRAY);
	pg_array_text(&a, "", (size_t)1 << 30);
	param = pg_array_param(&a);
	assert_false(pg_call(pg, "select $1::text[]", &param, 1, &rows, &e));
	assert_int_equal(e.kind, ERR_BUSY);
	err_clear(&e);
	assert_true(pg_call(pg, "select 1", NULL, 0, &rows, &e));
	pg_rows_free(rows);
	pg_array_fini(&a);
}

static void
scalars_arrive_as_they_were_put(void **state)
{
	static const char sql[] =
	    "select $1::int2::text || $2::int4 || $3::int8 || $4::bool || $5 || "
	    "coalesce($6::text, '-')";
	struct pg_scalar room[4];
	struct pg_param params[] = {pg_int2_param(&room[0], -1), pg_int4_param(&room[1], -2),
	    pg_int8_param(&room[2], -3), pg_bool_param(&room[3], true), pg_text_param("x", 1),
	    pg_text_param(NULL, 0)};
	struct pg_rows *rows;

	(void)state;
	if (!pg_call(pg, sql, params, 6, &rows, &e))
		fail_msg("%s", e.why);
	assert_string_equal(pg_text(rows, 0, 0, NULL), "-1-2-3truex-");
	pg_rows_free(rows);
}

/* A role or a database may be set so that what was answered is not on disk yet. */
static void
what_is_committed_is_on_disk_whatever_the_role_is_set_to(void **state)
{
	(void)state;
	run("alter database postgres set synchronous_commit = off");
	pg_free(pg);
	pg = pg_new(servers_postgres(), "test_pg", NULL);
	assert_int_equal(number("select (current_setting('synchronous_commit') = 'on')::int"), 1);
	run("alter database postgres set synchronous_commit = local");
	pg_free(pg);
	pg = pg_new(servers_postgres(), "test_pg", NULL);
	assert_int_equal(
	    number("select (current_setting('synchronous_commit') = 'local')::int"), 1);
	run("alter database postgres reset synchronous_commit");
}

static void
a_statement_is_prepared_once_a_connection(void **state)
{
	static const char one[] = "select 1::int8";

	(void)state;
	for (int i = 0; i < 5; i++)
		number(one);
	/* This very question is the second one. */
	assert_int_equal(number("select count(*) from pg_prepared_statements"), 2);
}

static void
the_session_is_set_after_connecting(void **state)
{
	(void)state;
	assert_int_equal(number("select (current_setting('work_mem') = '5MB' and "
				"current_setting('jit') = 'off' and "
				"current_setting('application_name') = 'test_pg')::int"),
	    1);
}

static void
a_session_that_fails_is_told(void **state)
{
	struct pg *other = pg_new(servers_postgres(), "test_pg", "set nonsense = 1");

	(void)state;
	assert_false(pg_ready(other, &e));
	assert_int_equal(e.kind, ERR_SQL);
	assert_string_equal(e.sqlstate, "42704");
	pg_free(other);
}

static void
an_sql_error_has_its_state_and_spoils_nothing(void **state)
{
	struct pg_rows *rows;

	(void)state;
	assert_false(pg_call(pg, "select 1 / 0", NULL, 0, &rows, &e));
	assert_null(rows);
	assert_int_equal(e.kind, ERR_SQL);
	assert_string_equal(e.sqlstate, "22012");
	assert_non_null(strstr(e.why, "division by zero"));
	err_clear(&e);
	assert_false(pg_call(pg, "select nonsense from nowhere", NULL, 0, &rows, &e));
	assert_string_equal(e.sqlstate, "42P01");
	err_clear(&e);
	assert_int_equal(number("select 7::int8"), 7);
}

static void
a_call_can_be_sent_now_and_received_later(void **state)
{
	struct pg_rows *rows;

	(void)state;
	assert_true(pg_send(pg, "select 5::int8", NULL, 0, &e));
	assert_false(pg_send(pg, "select 6::int8", NULL, 0, &e));
	assert_int_equal(e.kind, ERR_BUG);
	err_clear(&e);
	assert_true(pg_receive(pg, &rows, &e));
	assert_int_equal(pg_int(rows, 0, 0), 5);
	pg_rows_free(rows);
	assert_false(pg_receive(pg, &rows, &e));
	assert_int_equal(e.kind, ERR_BUG);
}

static void
large_parameters_and_answers_pass(void **state)
{
	static const char sql[] = "select $1 || $1";
	size_t len = 8 << 20, got;
	char *text = malloc(len);
	struct pg_param param;
	struct pg_rows *rows;

	(void)state;
	memset(text, 'x', len);
	param = pg_text_param(text, len);
	assert_true(pg_call(pg, sql, &param, 1, &rows, &e));
	pg_text(rows, 0, 0, &got);
	assert_int_equal(got, 2 * len);
	pg_rows_free(rows);
	free(text);
}

static void
several_statements_run_as_text(void **state)
{
	(void)state;
	run("begin; create temp table t (x int); insert into t values (1), (2); commit");
	assert_int_equal(number("select count(*) from t"), 2);
	assert_false(
	    pg_run(pg, "insert into t values (3); select 1/0; insert into t values (4)", &e));
	assert_string_equal(e.sqlstate, "22012");
	err_clear(&e);
	assert_int_equal(number("select count(*) from t"), 2);
}

static void
a_failed_transaction_can_be_rolled_back(void **state)
{
	(void)state;
	run("begin");
	assert_false(pg_run(pg, "select 1/0", &e));
	err_clear(&e);
	run("rollback");
	assert_int_equal(number("select 1::int8"), 1);
}

static void
over_the_patience_the_connection_is_given_up(void **state)
{
	struct pg_rows *rows;
	int64_t before;

	(void)state;
	assert_true(pg_ready(pg, &e));
	pg_set_patience(pg, 100);
	before = clock_us();
	assert_false(pg_call(pg, "select pg_sleep(5)", NULL, 0, &rows, &e));
	assert_int_equal(e.kind, ERR_AWAY);
	assert_in_range(clock_us() - before, 100000, 2000000);
	err_clear(&e);
	/* Within the back-off the answer is there at once… */
	before = clock_us();
	assert_false(pg_call(pg, "select 1::int8", NULL, 0, &rows, &e));
	assert_int_equal(e.kind, ERR_AWAY);
	assert_true(clock_us() - before < 50000);
	assert_in_range(pg_retry_in_ms(pg), 1, 125);
	/* …and after it the connection is made again. */
	clock_sleep_ms(pg_retry_in_ms(pg) + 1);
	err_clear(&e);
	assert_int_equal(number("select 1::int8"), 1);
}

static void
what_was_given_up_is_not_done_later(void **state)
{
	struct pg *other = pg_new(servers_postgres(), "impatient", NULL);
	struct pg_rows *rows;
	struct err ignored = ERR_INIT;
	int64_t until = clock_us() + 5000000;

	(void)state;
	run("select pg_advisory_lock(1)");
	pg_set_patience(other, 100);
	assert_false(pg_call(other, "select pg_advisory_lock(1)", NULL, 0, &rows, &ignored));
	assert_int_equal(ignored.kind, ERR_AWAY);
	while (
	    number("select count(*) from pg_stat_activity where application_name = 'impatient'") >
	    0) {
		assert_true(clock_us() < until);
		clock_sleep_ms(20);
	}
	run("select pg_advisory_unlock(1)");
	pg_free(other);
}

static void
a_backend_that_is_ended_during_a_call_is_away(void **state)
{
	struct pg_rows *rows;

	(void)state;
	assert_false(
	    pg_call(pg, "select pg_terminate_backend(pg_backend_pid())", NULL, 0, &rows, &e));
	assert_int_equal(e.kind, ERR_AWAY);
	assert_null(rows);
	err_clear(&e);
	clock_sleep_ms(pg_retry_in_ms(pg) + 1);
	assert_int_equal(number("select 1::int8"), 1);
}

static void
a_restart_while_idle_is_not_noticed(void **state)
{
	(void)state;
	assert_int_equal(number("select 1::int8"), 1);
	servers_do("pg-stop");
	servers_do("pg-start");
	assert_int_equal(number("select 2::int8"), 2);
	assert_true(pg_ready(pg, &e));
}

static void
a_server_that_is_down_is_away_with_growing_back_off(void **state)
{
	struct pg_rows *rows;
	int64_t first, second;

	(void)state;
	assert_int_equal(number("select 1::int8"), 1);
	servers_do("pg-stop");
	assert_false(pg_call(pg, "select 1::int8", NULL, 0, &rows, &e));
	assert_int_equal(e.kind, ERR_AWAY);
	first = pg_retry_in_ms(pg);
	assert_in_range(first, 50, 125);
	clock_sleep_ms(first + 1);
	assert_false(pg_ready(pg, &e));
	second = pg_retry_in_ms(pg);
	assert_in_range(second, 140, 250);
	servers_do("pg-start");
	clock_sleep_ms(pg_retry_in_ms(pg) + 1);
	err_clear(&e);
	assert_int_equal(number("select 1::int8"), 1);
}

/* It grows to a second and no further, jitter aside; an answer ends it. */
static void
a_back_off_ends_at_a_second_and_with_an_answer(void **state)
{
	int64_t longest = 0, last = 0;

	(void)state;
	servers_do("pg-stop");
	for (int i = 0; i < 7; i++) {
		clock_sleep_ms(last > 0 ? last + 1 : 0);
		err_clear(&e);
		assert_false(pg_ready(pg, &e));
		last = pg_retry_in_ms(pg);
		if (last > longest)
			longest = last;
	}
	assert_in_range(longest, 740, 1250);
	assert_in_range(last, 740, 1250);
	servers_do("pg-start");
	clock_sleep_ms(last + 1);
	err_clear(&e);
	assert_int_equal(number("select 1::int8"), 1);
	servers_do("pg-stop");
	assert_false(pg_run(pg, "select 1", &e));
	assert_in_range(pg_retry_in_ms(pg), 1, 125);
	servers_do("pg-start");
}

static void
copy_brings_rows_in(void **state)
{
	char line[100];
	size_t total = 0;

	(void)state;
	run("create temp table c (n int8, t text)");
	assert_true(pg_copy_in(pg, "copy c from stdin", &e));
	for (int i = 0; i < 100000; i++) {
		int n = snprintf(line, sizeof(line), "%d\trow number %d\n", i, i);

		assert_true(pg_copy_put(pg, line, (size_t)n, &e));
		total += (size_t)n;
	}
	assert_true(pg_copy_end(pg, NULL, &e));
	assert_int_equal(number("select count(*) from c"), 100000);
	assert_int_equal(number("select sum(length(n || t))::int8 + 2 * count(*) from c"), total);
}

static void
a_copy_can_be_discarded(void **state)
{
	(void)state;
	run("create temp table d (n int8)");
	assert_true(pg_copy_in(pg, "copy d from stdin", &e));
	assert_true(pg_copy_put(pg, "1\n2\n", 4, &e));
	assert_true(pg_copy_end(pg, "changed my mind", &e));
	assert_int_equal(number("select count(*) from d"), 0);
}

static void
a_bad_line_of_a_copy_is_named(void **state)
{
	(void)state;
	run("create temp table b (n int8)");
	assert_true(pg_copy_in(pg, "copy b from stdin", &e));
	assert_true(pg_copy_put(pg, "1\ntwo\n3\n", 8, &e));
	assert_false(pg_copy_end(pg, NULL, &e));
	assert_int_equal(e.kind, ERR_SQL);
	assert_string_equal(e.sqlstate, "22P02");
	assert_non_null(strstr(e.why, "line 2"));
	err_clear(&e);
	assert_int_equal(number("select count(*) from b"), 0);
}

static void
a_copy_of_nothing_that_exists_is_refused(void **state)
{
	(void)state;
	assert_false(pg_copy_in(pg, "copy nowhere from stdin", &e));
	assert_string_equal(e.sqlstate, "42P01");
	err_clear(&e);
	assert_false(pg_copy_in(pg, "select 1", &e));
	assert_int_equal(e.kind, ERR_BUG);
	err_clear(&e);
	assert_int_equal(number("select 1::int8"), 1);
}

static void
no_call_goes_between_the_puts_of_a_copy(void **state)
{
	struct pg_rows *rows;

	(void)state;
	run("create temp table m (n int8)");
	assert_true(pg_copy_in(pg, "copy m from stdin", &e));
	assert_false(pg_call(pg, "select 1", NULL, 0, &rows, &e));
	assert_int_equal(e.kind, ERR_BUG);
	err_clear(&e);
	assert_true(pg_copy_end(pg, NULL, &e));
}

static void
a_changed_row_type_heals_itself(void **state)
{
	static const char sql[] = "select * from shape";
	struct pg_rows *rows;

	(void)state;
	run("create temp table shape (a int)");
	assert_true(pg_call(pg, sql, NULL, 0, &rows, &e));
	pg_rows_free(rows);
	run("alter table shape add b int");
	assert_false(pg_call(pg, sql, NULL, 0, &rows, &e));
	assert_string_equal(e.sqlstate, "0A000");
	err_clear(&e);
	assert_true(pg_call(pg, sql, NULL, 0, &rows, &e));
	pg_rows_free(rows);
}

static void
a_wrong_conninfo_is_told_without_its_text(void **state)
{
	(void)state;
	assert_true(pg_check_conninfo("host=/x dbname=y", &e));
	assert_true(pg_check_conninfo("postgresql://me:word@host:5432/db?sslmode=require", &e));
	assert_true(pg_check_conninfo("", &e));
	assert_false(pg_check_conninfo("password=word and more", &e));
	assert_int_equal(e.kind, ERR_INPUT);
	assert_null(strstr(e.why, "word "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* A port of this machine where somebody listens and never says a word, or (silent = false) nobody does. */
static int
port_of_nobody(int *fd, bool silent)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&at, &len), 0);
	if (silent)
		assert_int_equal(listen(*fd, 8), 0);
	return ntohs(at.sin_port);
}

/* Two hosts, of which the first is of no use; `more` is appended. */
static struct pg *
behind(int port, const char *more)
{
	char conninfo[256];
	const char *dir = strchr(servers_postgres(), '=') + 1;

	snprintf(conninfo, sizeof(conninfo),
	    "host=127.0.0.1,%.*s port=%d,5432 dbname=postgres user=tracker %s",
	    (int)strcspn(dir, " "), dir, port, more);
	return pg_new(conninfo, "test_hosts", NULL);
}

static int64_t
us_to_connect(struct pg *other)
{
	int64_t before = clock_us();

	if (!pg_ready(other, &e))
		fail_msg("%s", e.why);
	return clock_us() - before;
}

static void
a_host_that_says_nothing_costs_a_moment_and_only_once(void **state)
{
	int fd;
	struct pg *other = behind(port_of_nobody(&fd, true), "");

	(void)state;
	assert_in_range(us_to_connect(other), 200000, 1900000);
	/* The next time the good one is asked first. */
	run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = "
	    "'test_hosts'");
	clock_sleep_ms(50);
	assert_in_range(us_to_connect(other), 0, 200000);
	pg_free(other);
	close(fd);
}

static void
a_host_that_refuses_costs_nothing(void **state)
{
	int fd;
	struct pg *other = behind(port_of_nobody(&fd, false), "");

	(void)state;
	assert_in_range(us_to_connect(other), 0, 200000);
	pg_free(other);
	close(fd);
}

static void
several_hosts_that_are_all_of_no_use_are_away_soon(void **state)
{
	int fd, other_fd, port = port_of_nobody(&fd, true),
			  other_port = port_of_nobody(&other_fd, true);
	char conninfo[128];
	struct pg *other;
	int64_t before = clock_us();

	(void)state;
	snprintf(conninfo, sizeof(conninfo), "host=127.0.0.1,127.0.0.1 port=%d,%d dbname=x", port,
	    other_port);
	other = pg_new(conninfo, "test_hosts", NULL);
	assert_false(pg_ready(other, &e));
	assert_int_equal(e.kind, ERR_AWAY);
	assert_in_range(clock_us() - before, 2000000, 4500000);
	pg_free(other);
	close(fd);
	close(other_fd);
}

static void
a_host_that_takes_no_writes_is_no_host_for_who_must_write(void **state)
{
	struct pg *other = pg_new(servers_postgres(), "test_hosts", NULL),
		  *reads = pg_new(servers_postgres(), "r", NULL);

	(void)state;
	pg_must_write(other);
	run("alter database postgres set default_transaction_read_only = on");
	assert_false(pg_ready(other, &e));
	assert_int_equal(e.kind, ERR_AWAY);
	err_clear(&e);
	assert_true(pg_ready(reads, &e));
	run("set default_transaction_read_only = off; alter database postgres reset "
	    "default_transaction_read_only");
	clock_sleep_ms(pg_retry_in_ms(other) + 1);
	assert_true(pg_ready(other, &e));
	pg_free(other);
	pg_free(reads);
}

static void
a_connection_that_turned_out_read_only_is_made_anew(void **state)
{
	struct pg *other =
	    pg_new(servers_postgres(), "test_hosts", "set default_transaction_read_only = on");

	(void)state;
	assert_true(pg_ready(other, &e));
	assert_false(pg_run(other, "create table nowhere ()", &e));
	assert_int_equal(e.kind, ERR_AWAY);
	assert_string_equal(e.sqlstate, "25006");
	assert_int_equal(
	    pg_retry_in_ms(other), 0); /* it is there, and who only reads goes on there */
	assert_true(pg_ready(other, &e));
	pg_free(other);
}

static void
an_answer_that_is_long_in_coming_is_waited_for_while_no_other_host_takes_writes(void **state)
{
	int fd;
	struct pg *other = behind(port_of_nobody(&fd, true), "");
	struct pg_rows *rows;

	(void)state;
	assert_true(pg_call(other, "select 7::int8 from pg_sleep(2.5)", NULL, 0, &rows, &e));
	assert_int_equal(pg_int(rows, 0, 0), 7);
	pg_rows_free(rows);
	pg_free(other);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(cells_have_the_types_of_their_columns),
	    TEST(a_cell_that_is_not_there_reads_as_null),
	    TEST(what_is_not_there_may_be_freed),
	    TEST(arrays_of_every_type_arrive_as_they_were_put),
	    TEST(an_array_may_be_empty_and_filled_again),
	    TEST(what_could_not_be_built_is_not_sent),
	    TEST(scalars_arrive_as_they_were_put),
	    TEST(a_statement_is_prepared_once_a_connection),
	    TEST(the_session_is_set_after_connecting),
	    TEST(a_session_that_fails_is_told),
	    TEST(what_is_committed_is_on_disk_whatever_the_role_is_set_to),
	    TEST(an_sql_error_has_its_state_and_spoils_nothing),
	    TEST(a_call_can_be_sent_now_and_received_later),
	    TEST(large_parameters_and_answers_pass),
	    TEST(several_statements_run_as_text),
	    TEST(a_failed_transaction_can_be_rolled_back),
	    TEST(over_the_patience_the_connection_is_given_up),
	    TEST(what_was_given_up_is_not_done_later),
	    TEST(a_backend_that_is_ended_during_a_call_is_away),
	    TEST(a_restart_while_idle_is_not_noticed),
	    TEST(a_server_that_is_down_is_away_with_growing_back_off),
	    TEST(a_back_off_ends_at_a_second_and_with_an_answer),
	    TEST(copy_brings_rows_in),
	    TEST(a_copy_can_be_discarded),
	    TEST(a_bad_line_of_a_copy_is_named),
	    TEST(a_copy_of_nothing_that_exists_is_refused),
	    TEST(no_call_goes_between_the_puts_of_a_copy),
	    TEST(a_changed_row_type_heals_itself),
	    TEST(a_wrong_conninfo_is_told_without_its_text),
	    TEST(a_host_that_says_nothing_costs_a_moment_and_only_once),
	    TEST(a_host_that_refuses_costs_nothing),
	    TEST(several_hosts_that_are_all_of_no_use_are_away_soon),
	    TEST(a_host_that_takes_no_writes_is_no_host_for_who_must_write),
	    TEST(a_connection_that_turned_out_read_only_is_made_anew),
	    TEST(an_answer_that_is_long_in_coming_is_waited_for_while_no_other_host_takes_writes),
	};

	random_open();
	return cmocka_run_group_tests_name("pg", tests, servers_begin, servers_end);
}
