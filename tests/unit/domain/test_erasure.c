/* What is left to do in Redis when somebody was erased: their keys and everybody's pages go, who hears what, and whose words go. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../store/servers.h"
#include "base/buf.h"
#include "domain/erasure.h"
#include "domain/news.h"
#include "store/pg_array.h"

#define PROJECT "P1"
#define HEARD_MOST 1100

static struct pg *pg;
static struct redis *r, *listener;
static struct err e;
static struct news heard[HEARD_MOST];
static int n_heard;

static int
begin(void **state)
{
	char channel[128];

	(void)state;
	e = ERR_INIT;
	n_heard = 0;
	pg = pg_new(servers_postgres(), "test_erasure", NULL);
	r = redis_new(servers_redis());
	listener = redis_new(servers_redis());
	news_channel(channel, sizeof(channel), PROJECT);
	redis_begin(r);
	redis_put_words(r, "FLUSHALL", NULL);
	return redis_flush(r, NULL, NULL, &e) && redis_subscribe(listener, channel, &e) ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	redis_free(listener);
	redis_free(r);
	pg_free(pg);
	return 0;
}

/* ---- Redis -------------------------------------------------------------------------------------- */

/* Its first answer. */
static const struct redis_value *
ask(void)
{
	const struct redis_value *values;
	size_t n;

	if (!redis_flush(r, &values, &n, &e))
		fail_msg("%s", e.why);
	return values;
}

static void
set(const char *key)
{
	redis_begin(r);
	redis_put_words(r, "SET", key, "1", NULL);
	ask();
}

static void
says(const char *key, const char *progress)
{
	redis_begin(r);
	redis_put_words(
	    r, "HSET", key, "seen", "1", "progress", progress, "progress_at", "2", NULL);
	ask();
}

static bool
is_there(const char *key)
{
	redis_begin(r);
	redis_put_words(r, "EXISTS", key, NULL);
	return ask()->n == 1;
}

static int64_t
fields_of(const char *key)
{
	redis_begin(r);
	redis_put_words(r, "HLEN", key, NULL);
	return ask()->n;
}

static int64_t
keys_left(void)
{
	redis_begin(r);
	redis_put_words(r, "DBSIZE", NULL);
	return ask()->n;
}

/* ---- an erasure --------------------------------------------------------------------------------- */

/* Rows as erase_person's: a column before them, then line, worker, token, stage, freed, names. */
static struct pg_rows *
rows_of(const char *values)
{
	struct pg_rows *rows = NULL;
	char sql[512];

	snprintf(sql, sizeof(sql),
	    "select 'x', 1::int8, v.worker::int8, v.token::uuid, v.stage::int2, v.freed::int8, "
	    "v.names"
	    " from (%s) as v (worker, token, stage, freed, names)",
	    values);
	if (!pg_call(pg, sql, NULL, 0, &rows, &e))
		fail_msg("%s", e.why);
	return rows;
}

/* All of one erasure: that pages are old is the last. */
static void
hear(void)
{
	const char *message;
	size_t len;

	do {
		if (!redis_next(listener, 30000, &message, &len, &e))
			fail_msg("%s", e.why);
		assert_non_null(message);
		assert_in_range(n_heard, 0, HEARD_MOST - 1);
		assert_true(news_read(&heard[n_heard++], message));
	} while (heard[n_heard - 1].kind != NEWS_PAGES);
}

static int
heard_of(enum news_kind kind)
{
	int n = 0;

	for (int i = 0; i < n_heard; i++)
		n += heard[i].kind == kind;
	return n;
}

/* How many of them were here. */
static int
erase(const char *values)
{
	struct pg_rows *rows = rows_of(values);
	int gone = erasure_gone(rows, 1);

	if (!erasure_tell(r, PROJECT, rows, 1, &e))
		fail_msg("%s", e.why);
	pg_rows_free(rows);
	hear();
	return gone;
}

#define TOKEN "'00000000-0000-0000-0000-00000000000"
#define ONE "values (7, " TOKEN "7', 2, 3, 'Zebulon')"

static void
their_keys_go_and_those_of_others_stay(void **state)
{
	(void)state;
	says("tracker:P1:w:7", "10%");
	says("tracker:P1:w:77", "10%");
	says("tracker:P2:w:7", "10%");
	assert_int_equal(erase(ONE), 1);
	assert_false(is_there("tracker:P1:w:7"));
	assert_int_equal(fields_of("tracker:P1:w:77"), 3);
	assert_int_equal(fields_of("tracker:P2:w:7"), 3);
}

static void
everybody_hears_who_is_gone_what_is_free_and_that_pages_are_old(void **state)
{
	(void)state;
	assert_int_equal(
	    erase("values (7, " TOKEN "7', 2, 3, 'Zebulon'), (8, " TOKEN "8', 2, 4, ''),"
		  " (9, " TOKEN "9', 1, 0, ''), (0, null, null, null, '')"),
	    3);
	assert_int_equal(heard_of(NEWS_GONE), 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(heard[i].kind, NEWS_GONE);
		assert_int_equal(heard[i].token.b[15], 7 + i);
		assert_string_equal(heard[i].from, "");
	}
	assert_int_equal(heard_of(NEWS_WAKE), 1);
	assert_int_equal(heard[3].kind, NEWS_WAKE);
	assert_int_equal(heard[3].stage, 2);
	assert_int_equal(heard[3].count, 7);
	assert_int_equal(heard_of(NEWS_PAGES), 1);
}

static void
who_never_had_a_worker_is_no_worker_that_is_gone(void **state)
{
	(void)state;
	assert_int_equal(erase("values (0, null::text, null::int, null::int, 'Zebulon')"), 0);
	assert_int_equal(n_heard, 1);
	assert_int_equal(heard[0].kind, NEWS_PAGES);
}

static void
of_a_thousand_machines_each_is_told_of(void **state)
{
	char key[64];

	(void)state;
	for (int i = 1; i <= 1001; i += 250) {
		snprintf(key, sizeof(key), "tracker:P1:w:%d", i);
		says(key, "10%");
	}
	assert_int_equal(
	    erase("select i, lpad(to_hex(i), 32, '0'), 1, 1, '' from generate_series(1, 1001) i"),
	    1001);
	assert_int_equal(heard_of(NEWS_GONE), 1001);
	assert_int_equal(heard[1001].count, 1001);
	assert_int_equal(keys_left(), 0);
}

static void
every_page_goes_of_however_many_and_of_this_project_alone(void **state)
{
	char key[64];

	(void)state;
	redis_begin(r);
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "tracker:P1:page%d", i);
		redis_put_words(r, "SET", key, "1", NULL);
	}
	ask();
	set("tracker:P2:page1");
	set("tracker:P1:other");
	erase(ONE);
	assert_int_equal(keys_left(), 2);
	assert_true(is_there("tracker:P2:page1"));
	assert_true(is_there("tracker:P1:other"));
}

/* ---- whose words go ----------------------------------------------------------------------------- */

/* What is said, by whom it was erased; true: the words are gone. */
static bool
goes(const char *names, const char *progress)
{
	struct pg_param param = pg_text_param(names, strlen(names));
	struct pg_rows *rows = NULL;
	bool gone;

	says("tracker:P1:w:5", progress);
	if (!pg_call(pg,
		"select 'x', 1::int8, 7::int8, gen_random_uuid(), 1::int2, 0::int8, $1::text",
		&param, 1, &rows, &e) ||
	    !erasure_tell(r, PROJECT, rows, 1, &e))
		fail_msg("%s", e.why);
	pg_rows_free(rows);
	gone = fields_of("tracker:P1:w:5") == 1; /* "seen" stays */
	assert_true(gone || fields_of("tracker:P1:w:5") == 3);
	return gone;
}

static void
what_others_said_goes_where_it_quotes_the_name(void **state)
{
	static const struct {
		const char *names, *progress;
		bool goes;
	} each[] = {
	    {"Ann", "with Ann", true},
	    {"Ann", "Ann's machine", true},
	    {"Ann", "Ann", true},
	    {"Ann", "(ann)", true},
	    {"Ann", "for ANN, 3%", true},
	    {"Ann", "Annual", false},
	    {"Ann", "Joann", false},
	    {"Ann", "the Annual", false},
	    {"Ann", "Joann and Ann", true},
	    {"Ann", "Annual, by Ann", true},
	    {"Ann", "Ann7", false},
	    {"Ann", "7Ann", false},
	    {"Ann", "Ann\xc3\xa9", false},
	    {"Ann", "An n", false},
	    {"Zebulon", "Zebulons", true},
	    {"Zebulon", "the zebulon", true},
	    {"Zebulon", "the zebulons", false},
	    {"Zebulo", "Zebulons", true},
	    {"Zebul", "Zebulons", false},
	    {"Ann\nZebulon", "with Ann", true},
	    {"Ann\nZebulon", "with Zebulon", true},
	    {"Zebulon\nAnn\n", "with Ann", true},
	    {"Ann\nZebulon", "with Bob", false},
	    {"", "with Bob", false},
	    {"Zo\xc3\xab", "ZO\xc3\x8b was here", true},
	    {"Zo\xc3\xab", "was here", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(each); i++)
		if (goes(each[i].names, each[i].progress) != each[i].goes)
			fail_msg("%s: '%s' %s", each[i].names, each[i].progress,
			    each[i].goes ? "stays" : "goes");
}

static void
each_is_judged_by_what_it_said_itself(void **state)
{
	(void)state;
	says("tracker:P1:w:1", "10%");
	says("tracker:P1:w:2", "with Zebulon");
	says("tracker:P1:w:3", "20%");
	says("tracker:P1:w:4", "Zebulon, too");
	says("tracker:P2:w:4", "Zebulon, too");
	set("tracker:P1:w:5"); /* of another kind: nobody's progress */
	erase(ONE);
	assert_int_equal(fields_of("tracker:P1:w:1"), 3);
	assert_int_equal(fields_of("tracker:P1:w:2"), 1);
	assert_int_equal(fields_of("tracker:P1:w:3"), 3);
	assert_int_equal(fields_of("tracker:P1:w:4"), 1);
	assert_int_equal(fields_of("tracker:P2:w:4"), 3);
	assert_true(is_there("tracker:P1:w:5"));
}

static void
that_redis_is_away_is_said(void **state)
{
	struct redis *nowhere = redis_new("unix:/nowhere/redis.sock");
	struct pg_rows *rows = rows_of(ONE);

	(void)state;
	assert_false(erasure_tell(nowhere, PROJECT, rows, 1, &e));
	assert_int_equal(e.kind, ERR_AWAY);
	pg_rows_free(rows);
	redis_free(nowhere);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(their_keys_go_and_those_of_others_stay),
	    TEST(everybody_hears_who_is_gone_what_is_free_and_that_pages_are_old),
	    TEST(who_never_had_a_worker_is_no_worker_that_is_gone),
	    TEST(of_a_thousand_machines_each_is_told_of),
	    TEST(every_page_goes_of_however_many_and_of_this_project_alone),
	    TEST(what_others_said_goes_where_it_quotes_the_name),
	    TEST(each_is_judged_by_what_it_said_itself),
	    TEST(that_redis_is_away_is_said),
	};

	return cmocka_run_group_tests(tests, servers_begin, servers_end);
}
