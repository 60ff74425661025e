/*
 * Ops on their way to SQL and back, with a PostgreSQL whose functions are played: they write down what they are asked, and
 * answer what a test wants.
 */
#include "../test.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../store/servers.h"
#include "base/random.h"
#include "domain/bundle.h"
#include "domain/presence.h"
#include "domain/stages.h"

#define SECOND_US INT64_C(1000000)

int64_t __wrap_clock_us(void);

static struct pg *pg;
static struct pg_rows *fetched;
static struct err e;
static struct arena arena;
static struct bundle bundle;
static struct settings settings;
static struct tracker t;
static char said[1024]; /* to the rooms above */
static int64_t now_us = 1000 * SECOND_US;

int64_t
__wrap_clock_us(void)
{
	return now_us;
}

/* ---- a played database -------------------------------------------------------------------------- */

#define PLAYED(name, parameters, asked, columns, row)                                              \
	"create function tracker." name "(" parameters ") returns table (" columns ")"             \
	" language plpgsql as $$\n#variable_conflict use_column\nbegin"                            \
	" update tracker.played set of = '" name "', asked = jsonb_build_object(" asked ");"       \
	" return query select " row " from tracker.played p,"                                      \
	" rows from (jsonb_to_recordset(p.answer) as (" columns ")) with ordinality as x"          \
	" order by x.ordinality; end $$;"

#define CLAIM_ROW                                                                                  \
	"item int4, status text, worker int8, stage int2, job int8, lease uuid, attempt int4, "    \
	"data text"
/* A job's lease is the next of those that were brought along, unless the answer says which. */
#define CLAIM_CELLS                                                                                \
	"x.item, x.status, x.worker, x.stage, x.job, coalesce(x.lease, ids[x.ordinality]),"        \
	" x.attempt, x.data"
#define CLAIM_ASKED                                                                                \
	"'tokens', tokens, 'ages', ages_us, 'calls', calls, 'hints', hints, 'ids', ids,"           \
	" 'limit', answer_limit"
#define CLAIM_V1                                                                                   \
	"tokens uuid[], ages_us int8[], calls int8[], hints int8[], ids uuid[], answer_limit int4"
#define ITEM_ROW "item int4, status text, worker int8, stage int2"
#define ITEM_CELLS "x.item, x.status, x.worker, x.stage"

static const char *const schema[] = {
    "drop schema if exists tracker cascade; create schema tracker;"
    "create table tracker.played (of text, asked jsonb, answer jsonb);"
    "insert into tracker.played values ('', '{}', '[]');",
    PLAYED("claim_fresh", CLAIM_V1, CLAIM_ASKED, CLAIM_ROW, CLAIM_CELLS),
    PLAYED("claim_held", CLAIM_V1, CLAIM_ASKED, CLAIM_ROW, CLAIM_CELLS),
    PLAYED("claim_fleet",
	"tokens uuid[], wants int4[], ages_us int8[], calls int8[], rerun boolean[],"
	" has_holding boolean[], hold_ends int4[], hold_jobs int8[], hints int8[], ids uuid[],"
	" answer_limit int4, slots int4[], in_hand_most int4",
	CLAIM_ASKED
	", 'wants', wants, 'rerun', rerun, 'has_holding', has_holding, 'ends', hold_ends,"
	" 'holding', hold_jobs, 'slots', slots, 'most', in_hand_most",
	CLAIM_ROW, CLAIM_CELLS),
    PLAYED("complete_held", "tokens uuid[], datas text[], hashes uuid[], ages_us int8[]",
	"'tokens', tokens, 'datas', datas, 'hashes', hashes, 'ages', ages_us", ITEM_ROW,
	ITEM_CELLS),
    PLAYED("complete_jobs",
	"tokens uuid[], jobs int8[], leases uuid[], datas text[], hashes uuid[], ages_us int8[]",
	"'tokens', tokens, 'jobs', jobs, 'leases', leases, 'datas', datas, 'hashes', hashes,"
	" 'ages', ages_us",
	ITEM_ROW, ITEM_CELLS),
    PLAYED("return_jobs",
	"tokens uuid[], jobs int8[], leases uuid[], kinds text[], reasons text[], ages_us int8[]",
	"'tokens', tokens, 'jobs', jobs, 'leases', leases, 'kinds', kinds, 'reasons', reasons,"
	" 'ages', ages_us",
	ITEM_ROW ", freed_stage int2", ITEM_CELLS ", x.freed_stage"),
    PLAYED("open_workers",
	"tokens uuid[], names text[], stages int2[], nicknames text[], addresses text[],"
	" labels text[], before text[], folded uuid[], written uuid[], mark text, keys uuid[],"
	" must_key boolean, slots int4[], said text[]",
	"'tokens', tokens, 'names', names, 'stages', stages, 'nicknames', nicknames, 'addresses',"
	" addresses, 'labels', labels, 'before', before, 'folded', folded, 'written', written,"
	" 'marked', mark <> '', 'keys', keys, 'must', must_key, 'slots', slots, 'said', said",
	"item int4, status text, worker int8, words text", "x.item, x.status, x.worker, x.words"),
    PLAYED("touch_workers", "tokens uuid[], refresh_s int4",
	"'tokens', tokens, 'refresh', refresh_s", "item int4, worker int8, stage int2",
	"x.item, x.worker, x.stage"),
    PLAYED("say_words", "tokens uuid[], said text[], labels text[]",
	"'tokens', tokens, 'said', said, 'labels', labels",
	"item int4, worker int8, stage int2, gone int4, freed int4",
	"x.item, x.worker, x.stage, x.gone, x.freed"),
    PLAYED("close_workers", "tokens uuid[]", "'tokens', tokens",
	"item int4, status text, stage int2, freed int4", "x.item, x.status, x.stage, x.freed"),
    PLAYED("fetch_inputs", "p_stage int2, p_jobs int8[]", "'stage', p_stage, 'jobs', p_jobs",
	"data text, spare int4", "x.data, x.spare")};

/* ---- what the rooms above hear ------------------------------------------------------------------ */

static void __attribute__((format(printf, 1, 2))) hear(const char *format, ...)
{
	size_t used = strlen(said);
	va_list ap;

	va_start(ap, format);
	vsnprintf(said + used, sizeof(said) - used, format, ap);
	va_end(ap);
}

static void
work_appeared(struct tracker *tracker, int stage, int64_t count)
{
	(void)tracker;
	hear("%d of stage %d; ", (int)count, stage);
}

static void
work_later(struct tracker *tracker, int stage, uint64_t needs, int64_t after_us, int64_t count)
{
	(void)tracker;
	hear("%d of stage %d that needs %d after %d us; ", (int)count, stage, (int)needs,
	    (int)after_us);
}

static void
worker_changed(struct tracker *tracker, const struct uuid *token)
{
	(void)tracker;
	hear("worker %d; ", token->b[0]);
}

/* ---- each test ---------------------------------------------------------------------------------- */

static int
begin(void **state)
{
	static const struct stage_names names = {.n = 3, .name = {"A", "B", "C"}};

	(void)state;
	e = ERR_INIT;
	*said = '\0';
	settings = (struct settings){
	    .answer_limit = 777, .in_hand_most = 99, .idle_timeout_s = 800, .join = "open"};
	t = (struct tracker){.settings = &settings,
	    .shared = shared_new(),
	    .stages = stages_new(&names),
	    .work_appeared = work_appeared,
	    .work_later = work_later,
	    .worker_changed = worker_changed};
	shared_enter(t.shared, 1);
	t.presence = presence_new(t.shared, 3600 * SECOND_US);
	arena_init(&arena);
	bundle_init(&bundle);
	fetched = NULL;
	pg = pg_new(servers_postgres(), "test_bundle", "set client_min_messages = error");
	for (size_t i = 0; i < COUNT(schema); i++)
		if (!pg_run(pg, schema[i], &e))
			return -1;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	pg_rows_free(fetched);
	bundle_fini(&bundle);
	arena_fini(&arena);
	presence_free(t.presence);
	stages_free(t.stages);
	pg_free(pg);
	return 0;
}

static struct uuid
id(int n)
{
	struct uuid u = {.b = {0}};

	u.b[0] = (unsigned char)n;
	return u;
}

/* Of the worker with this token, in the bundle; it arrived so many us ago. */
static struct op *
add(enum op_kind kind, int token, int64_t age_us)
{
	struct op *op = arena_calloc(&arena, 1, sizeof(*op));

	op->kind = kind;
	op->token = id(token);
	op->arrived_us = now_us - age_us;
	op->arena = &arena;
	op->generation = shared_generation(t.shared, &op->token);
	bundle_add(&bundle, op);
	return op;
}

static struct op *
add_claim(int token, bool v1, int want)
{
	struct op *op = add(OP_CLAIM, token, 0);

	op->claim.v1 = v1;
	op->claim.want = want;
	op->claim.call = 100 + token;
	return op;
}

static struct op *
add_items(enum op_kind kind, int token, size_t n)
{
	struct op *op = add(kind, token, 10 * token);

	op->items.items = arena_calloc(&arena, n, sizeof(struct item));
	op->items.n = n;
	return op;
}

/* Sends what is in the bundle; the database answers with these rows. */
static void
go(const char *answer)
{
	struct pg_param param = pg_text_param(answer, strlen(answer));
	struct pg_rows *rows = NULL;

	if (!pg_call(pg, "update tracker.played set answer = $1::jsonb", &param, 1, &rows, &e))
		fail_msg("%s", e.why);
	pg_rows_free(rows);
	pg_rows_free(bundle.rows); /* of a try before */
	if (!bundle_send(&t, &bundle, pg, &e) || !bundle_receive(&t, &bundle, pg, &e))
		fail_msg("%s", e.why);
}

static void
clear(void)
{
	bundle_clear(&bundle);
	*said = '\0';
}

/* What was asked, by an expression over `of` and `asked`. */
static const char *
what(const char *expression)
{
	struct pg_param param = pg_text_param(expression, strlen(expression));
	struct pg_rows *rows = NULL;
	const char *text;

	if (!pg_call(pg,
		"select case $1 when 'of' then of when 'ids' then jsonb_array_length(asked -> "
		"'ids')::text"
		" else replace(replace((asked -> $1)::text, '000000-0000-0000-0000-000000000000', "
		"''),"
		" ' ', '') end from tracker.played",
		&param, 1, &rows, &e))
		fail_msg("%s: %s", expression, e.why);
	text = pg_dup(&arena, rows, 0, 0);
	pg_rows_free(rows);
	return text;
}

#define asks(expression, text) assert_string_equal(what(expression), text)

static int64_t
stat_of(enum counter counter)
{
	return shared_stat(t.shared, counter);
}

static uint32_t
counts(void)
{
	return atomic_load(&t.shared->counts_version);
}

static bool
is_bumped(const struct op *op)
{
	return shared_generation(t.shared, &op->token) != op->generation;
}

/* ---- claims ------------------------------------------------------------------------------------- */

static void
claims_of_v1_go_in_order_of_their_tokens_with_an_id_each(void **state)
{
	struct op *last, *first;

	(void)state;
	last = add_claim(9, true, 1);
	first = add_claim(3, true, 1);
	last->arrived_us = now_us - 90;
	first->arrived_us = now_us - 30;
	go("[{\"item\":2,\"status\":\"job\",\"worker\":90,\"stage\":2,\"job\":5,\"attempt\":4,"
	   "\"data\":\"nine\"},"
	   "{\"item\":1,\"status\":\"none\",\"worker\":30,\"stage\":2,\"job\":6,\"attempt\":7}]");
	asks("of", "claim_fresh");
	asks("tokens", "[\"03\",\"09\"]");
	asks("ages", "[30,90]");
	asks("calls", "[103,109]");
	asks("ids", "2");
	asks("limit", "777");
	assert_int_equal(last->status, ST_JOB);
	assert_int_equal(last->claim.n_jobs, 1);
	assert_int_equal(last->claim.n_new, 1);
	assert_int_equal(last->claim.jobs->number, 5);
	assert_int_equal(last->claim.jobs->stage, 2);
	assert_int_equal(last->claim.jobs->attempt, 4);
	assert_string_equal(last->claim.jobs->data, "nine");
	assert_int_equal(last->claim.jobs->len, 4);
	assert_false(last->claim.unread);
	assert_int_equal(last->worker.id, 90);
	assert_int_equal(last->worker.stage, 2);
	assert_int_equal(first->status, ST_NONE);
	assert_int_equal(first->claim.n_jobs, 0);
	assert_int_equal(first->worker.has, 6);
	assert_int_equal(first->worker.unneeded, 7);
	assert_int_equal(stat_of(STAT_CLAIMS), 1);
	assert_int_equal(stat_of(STAT_BUNDLES), 1);
	assert_int_equal(stat_of(STAT_BUNDLED), 2);
}

static void
the_careful_way_is_for_one_bundle(void **state)
{
	(void)state;
	add_claim(1, true, 1);
	bundle.careful = true;
	go("[]");
	asks("of", "claim_held");
	clear();
	add_claim(1, true, 1);
	go("[]");
	asks("of", "claim_fresh");
}

/* What it was told before is no news to it: that is a debt. */
static void
a_job_that_is_told_once_more_is_not_new(void **state)
{
	struct op *op;

	(void)state;
	op = add_claim(1, true, 1);
	go("[{\"item\":1,\"status\":\"job\",\"worker\":1,\"stage\":1,\"job\":5,\"data\":\"x\","
	   "\"lease\":\"77000000-0000-0000-0000-000000000000\"}]");
	assert_int_equal(op->claim.n_jobs, 1);
	assert_int_equal(op->claim.n_new, 0);
	assert_int_equal(op->claim.jobs->lease.b[0], 0x77);
}

/* The next beat of who got a job must reach PostgreSQL, for it ends "the same question"; counts change with each job. */
static void
who_got_a_job_by_v1_is_asked_for_anew_and_counts_are_old(void **state)
{
	uint32_t before = counts();
	struct op *op;

	(void)state;
	op = add_claim(1, true, 1);
	go("[{\"item\":1,\"status\":\"none\",\"worker\":1,\"stage\":1}]");
	assert_false(is_bumped(op));
	assert_int_equal(counts(), before);
	clear();
	op = add_claim(1, true, 1);
	go("[{\"item\":1,\"status\":\"job\",\"worker\":1,\"stage\":1,\"job\":5,\"data\":\"x\"}]");
	assert_true(is_bumped(op));
	assert_int_equal(counts(), before + 1);
	clear();
	op = add_claim(1, false, 1);
	go("[{\"item\":1,\"status\":\"job\",\"worker\":1,\"stage\":1,\"job\":5,\"data\":\"x\"}]");
	assert_false(is_bumped(op));
	assert_int_equal(counts(), before + 2);
}

static void
who_rests_hears_for_how_long_and_why(void **state)
{
	struct op *op;

	(void)state;
	op = add_claim(1, true, 1);
	go("[{\"item\":1,\"status\":\"rest\",\"worker\":1,\"stage\":1,\"job\":40,\"attempt\":5}]");
	assert_int_equal(op->status, ST_REST);
	assert_int_equal(op->claim.rests_s, 40);
	assert_int_equal(op->claim.bad_row, 5);
	assert_int_equal(op->claim.rest_until_us, now_us + 40 * SECOND_US);
}

static void
what_it_has_is_known_of_whoever_gets_nothing(void **state)
{
	static const char *const words[] = {"none", "paused", "full"};
	static const enum op_status status[] = {ST_NONE, ST_PAUSED, ST_FULL};
	char answer[128];

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct op *op = add_claim(1, true, 1);

		snprintf(answer, sizeof(answer),
		    "[{\"item\":1,\"status\":\"%s\",\"worker\":8,\"stage\":1,\"job\":6,\"attempt\":"
		    "2}]",
		    words[i]);
		go(answer);
		assert_int_equal(op->status, status[i]);
		assert_int_equal(op->worker.has, 6);
		assert_int_equal(op->worker.unneeded, 2);
		assert_int_equal(op->worker.id, 8);
		clear();
	}
}

#define NO_HINTS "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"
#define NONE_NOW                                                                                   \
	"[0,0,0,0,0,0,3,0,0,0,0,0,0,0,0]" /* which batch it was of says nothing by itself */

/* Of the whole bundle: where the next one looks on. Kept for a second, for rows may have come behind it. */
static void
hints_go_from_a_bundle_to_the_next_for_a_second(void **state)
{
	(void)state;
	now_us += 10 * SECOND_US;
	add_claim(1, true, 1);
	go("[{\"status\":\"hint\",\"stage\":2,\"job\":50,\"attempt\":3},"
	   "{\"status\":\"due\",\"stage\":4,\"job\":60},"
	   "{\"status\":\"hint\",\"stage\":0,\"job\":50},{\"status\":\"hint\",\"stage\":6,\"job\":"
	   "50}]");
	asks("hints", NO_HINTS);
	clear();
	now_us += SECOND_US - 1;
	add_claim(1, true, 1);
	go("[]");
	asks("hints", "[0,50,0,0,0,0,3,0,0,0,0,0,0,60,0]");
	clear();
	now_us += 1;
	add_claim(1, true, 1);
	go("[]");
	asks("hints", NONE_NOW);
	clear();
	now_us +=
	    SECOND_US / 2; /* the second begins when they are forgotten, not with each claim */
	add_claim(1, true, 1);
	go("[{\"status\":\"hint\",\"stage\":1,\"job\":70,\"attempt\":1}]");
	clear();
	now_us += SECOND_US / 2;
	add_claim(1, true, 1);
	go("[]");
	asks("hints", "[0,0,0,0,0,1,3,0,0,0,0,0,0,0,0]");
}

static void
work_that_waits_for_its_turn_is_told_of(void **state)
{
	(void)state;
	add_claim(1, true, 1);
	go("[{\"status\":\"gate\",\"worker\":5,\"stage\":2,\"job\":7000,\"attempt\":3}]");
	assert_string_equal(said, "3 of stage 2 that needs 5 after 7000 us; ");
}

static void
a_fleet_says_what_it_wants_and_what_it_holds(void **state)
{
	static const int64_t of_one[] = {4, 6}, of_two[] = {7, 8, 9};
	struct op *one, *two, *three;

	(void)state;
	one = add_claim(5, false, 3);
	one->claim.slots = 30;
	one->claim.has_holding = true;
	one->claim.holding = of_one;
	one->claim.n_holding = 2;
	two = add_claim(2, false, 4);
	two->rerun = true;
	three = add_claim(1, false, 1);
	three->claim.has_holding = true;
	three->claim.holding = of_two;
	three->claim.n_holding = 3;
	go("[]");
	asks("of", "claim_fleet");
	asks("tokens", "[\"05\",\"02\",\"01\"]");
	asks("wants", "[3,4,1]");
	asks("slots", "[30,0,0]");
	asks("rerun", "[false,true,false]");
	asks("has_holding", "[true,false,true]");
	asks("ends", "[2,2,5]");
	asks("holding", "[4,6,7,8,9]");
	asks("ids", "8");
	asks("limit", "777");
	asks("most", "99");
}

/* Of the jobs that it lists: those that are its own still, each once, however often they are named. */
static void
what_is_not_its_own_any_more_is_dropped(void **state)
{
	static const int64_t holding[] = {4, 6, 7};
	bool held[3];
	struct op *op;

	(void)state;
	op = add_claim(5, false, 3);
	op->claim.has_holding = true;
	op->claim.holding = holding;
	op->claim.held = held;
	op->claim.n_holding = 3;
	memset(held, 1, sizeof(held)); /* of an answer that was lost */
	go("[{\"item\":1,\"status\":\"held\",\"worker\":8,\"stage\":1,\"data\":\"7,4,7,99,x,,4\"},"
	   "{\"item\":1,\"status\":\"allowed\",\"worker\":8,\"stage\":1,\"attempt\":12},"
	   "{\"item\":1,\"status\":\"none\",\"worker\":8,\"stage\":1}]");
	assert_true(held[0]);
	assert_false(held[1]);
	assert_true(held[2]);
	assert_int_equal(op->claim.n_dropped, 1);
	assert_int_equal(op->claim.allowance, 12);
	assert_int_equal(op->status, ST_NONE);
	op->claim.n_jobs = 5; /* nothing of this is left when it is asked again */
	op->claim.unread = true;
	go("[]");
	assert_int_equal(op->claim.allowance, 0);
	assert_int_equal(op->claim.n_dropped, 0);
	assert_int_equal(op->claim.n_jobs, 0);
	assert_false(op->claim.unread);
	assert_false(held[0]);
}

static void
jobs_whose_data_is_long_are_read_apart(void **state)
{
	struct op *op;

	(void)state;
	op = add_claim(5, false, 3);
	go("[{\"item\":1,\"status\":\"job\",\"worker\":8,\"stage\":1,\"job\":4},"
	   "{\"item\":1,\"status\":\"job\",\"worker\":8,\"stage\":1,\"job\":5,\"data\":\"\"}]");
	assert_int_equal(op->claim.n_jobs, 2);
	assert_int_equal(op->claim.n_new, 2);
	assert_true(op->claim.unread);
	assert_null(op->claim.jobs->data);
	assert_int_equal(op->claim.jobs->next->number, 5);
	assert_string_equal(op->claim.jobs->next->data, "");
}

/* What was sent back meanwhile has none, and is its own no more. */
static void
data_that_is_read_apart_is_each_jobs_own(void **state)
{
	struct pg_param param = pg_text_param("[{\"data\":\"four\"},{},{\"data\":\"six\"},{}]", 43);
	struct pg_rows *rows = NULL;
	struct op *op;

	(void)state;
	op = add_claim(5, false, 4);
	go("[{\"item\":1,\"status\":\"job\",\"worker\":8,\"stage\":2,\"job\":4},"
	   "{\"item\":1,\"status\":\"job\",\"worker\":8,\"stage\":2,\"job\":5},"
	   "{\"item\":1,\"status\":\"job\",\"worker\":8,\"stage\":2,\"job\":6},"
	   "{\"item\":1,\"status\":\"job\",\"worker\":8,\"stage\":2,\"job\":7}]");
	param.len = strlen(param.bytes);
	assert_true(
	    pg_call(pg, "update tracker.played set answer = $1::jsonb", &param, 1, &rows, &e));
	pg_rows_free(rows);
	op->kind = OP_FETCH;
	assert_true(jobs_fetch(op, pg, &fetched, &e));
	asks("of", "fetch_inputs");
	asks("stage", "2");
	asks("jobs", "[4,5,6,7]");
	assert_int_equal(op->kind, OP_CLAIM);
	assert_int_equal(op->claim.n_jobs, 2);
	assert_int_equal(op->claim.jobs->number, 4);
	assert_string_equal(op->claim.jobs->data, "four");
	assert_int_equal(op->claim.jobs->len, 4);
	assert_int_equal(op->claim.jobs->next->number, 6);
	assert_string_equal(op->claim.jobs->next->data, "six");
	assert_null(op->claim.jobs->next->next);
	assert_ptr_equal(op->claim.last_job, &op->claim.jobs->next->next);
}

/* ---- results ------------------------------------------------------------------------------------ */

static void
results_of_v1_go_in_order_of_their_tokens(void **state)
{
	struct op *two, *one;
	uint32_t before = counts();

	(void)state;
	two = add_items(OP_COMPLETE, 2, 1);
	two->items.items[0] =
	    (struct item){.held = true, .data = "two", .len = 3, .hash = id(0x22)};
	one = add_items(OP_COMPLETE, 1, 1);
	one->items.items[0] =
	    (struct item){.held = true, .data = "one!", .len = 3, .hash = id(0x11)};
	go("[{\"item\":1,\"status\":\"accepted\",\"worker\":10,\"stage\":2},"
	   "{\"item\":2,\"status\":\"repeat\",\"stage\":1}]");
	asks("of", "complete_held");
	asks("tokens", "[\"01\",\"02\"]");
	asks("datas", "[\"one\",\"two\"]");
	asks("hashes", "[\"11\",\"22\"]");
	asks("ages", "[10,20]");
	assert_int_equal(one->status, ST_ACCEPTED);
	assert_int_equal(one->items.items[0].status, ST_ACCEPTED);
	assert_int_equal(one->worker.id, 10);
	assert_int_equal(one->worker.stage, 2);
	assert_int_equal(two->status, ST_REPEAT);
	assert_int_equal(two->worker.id, 0);
	assert_string_equal(said, "1 of stage 3; ");
	assert_int_equal(counts(), before + 1);
	assert_int_equal(stat_of(STAT_COMPLETIONS), 1);
}

static void
what_is_accepted_is_work_for_the_next_stage_and_after_the_last_for_nobody(void **state)
{
	uint32_t before = counts();
	struct op *op;

	(void)state;
	op = add_items(OP_COMPLETE, 1, 4);
	for (int i = 0; i < 4; i++)
		op->items.items[i] = (struct item){
		    .job = 40 + i, .lease = id(0x50 + i), .data = "d", .len = 1, .hash = id(i)};
	go("[{\"item\":1,\"status\":\"accepted\",\"worker\":10,\"stage\":1},"
	   "{\"item\":2,\"status\":\"accepted\",\"worker\":10,\"stage\":1},"
	   "{\"item\":3,\"status\":\"accepted\",\"worker\":10,\"stage\":3},"
	   "{\"item\":4,\"status\":\"fenced\",\"worker\":10,\"stage\":2},"
	   "{\"item\":5,\"status\":\"accepted\",\"worker\":10,\"stage\":2},"
	   "{\"item\":0,\"status\":\"accepted\",\"worker\":10,\"stage\":2}]");
	asks("of", "complete_jobs");
	asks("jobs", "[40,41,42,43]");
	asks("leases", "[\"50\",\"51\",\"52\",\"53\"]");
	asks("tokens", "[\"01\",\"01\",\"01\",\"01\"]");
	assert_string_equal(said, "2 of stage 2; ");
	assert_int_equal(op->items.items[2].status, ST_ACCEPTED);
	assert_int_equal(op->items.items[2].stage, 3);
	assert_int_equal(op->items.items[3].status, ST_FENCED);
	assert_int_equal(stat_of(STAT_COMPLETIONS), 3);
	assert_int_equal(counts(), before + 1);
	clear();
	op = add_items(OP_COMPLETE, 1, 1);
	op->items.items[0] = (struct item){.job = 4, .data = "d", .len = 1};
	go("[{\"item\":1,\"status\":\"fenced\",\"worker\":10,\"stage\":1}]");
	assert_string_equal(said, "");
	assert_int_equal(counts(), before + 1);
}

/* By the careful way v1 has no lease to name, and maybe a job that its result must be of. */
static void
the_careful_way_of_a_result_names_what_v1_knows(void **state)
{
	struct op *one, *two;

	(void)state;
	two = add_items(OP_COMPLETE, 2, 1);
	two->items.items[0] = (struct item){.held = true, .job = 7, .data = "d", .len = 1};
	one = add_items(OP_COMPLETE, 1, 1);
	one->items.items[0] = (struct item){.held = true, .data = "d", .len = 1};
	bundle.careful = true;
	go("[]");
	asks("of", "complete_jobs");
	asks("tokens", "[\"02\",\"01\"]");
	asks("jobs", "[7,null]");
	asks("leases", "[null,null]");
}

static void
what_comes_back_says_how_and_why_and_is_work_where_it_is_free(void **state)
{
	uint32_t before = counts();
	struct op *op;

	(void)state;
	op = add_items(OP_RETURN, 3, 2);
	op->items.items[0] = (struct item){
	    .job = 4, .lease = id(0x44), .kind = "failed", .data = "why not", .len = 3};
	op->items.items[1] =
	    (struct item){.held = true, .kind = "undelivered", .data = "", .len = 0};
	go("[{\"item\":1,\"status\":\"accepted\",\"worker\":30,\"stage\":3,\"freed_stage\":2},"
	   "{\"item\":2,\"status\":\"accepted\",\"worker\":30,\"stage\":3}]");
	asks("of", "return_jobs");
	asks("jobs", "[4,null]");
	asks("leases", "[\"44\",null]");
	asks("kinds", "[\"failed\",\"undelivered\"]");
	asks("reasons", "[\"why\",\"\"]");
	asks("ages", "[30,30]");
	assert_string_equal(said, "1 of stage 2; ");
	assert_int_equal(stat_of(STAT_RETURNS), 2);
	assert_int_equal(counts(), before + 1);
	clear();
	op = add_items(OP_RETURN, 3, 1);
	op->items.items[0] = (struct item){.job = 4, .kind = "failed", .data = ""};
	go("[{\"item\":1,\"status\":\"unknown\",\"stage\":3,\"freed_stage\":2}]");
	assert_string_equal(said, "");
	assert_int_equal(op->status, ST_UNKNOWN);
	assert_int_equal(counts(), before + 1);
}

/* ---- workers ------------------------------------------------------------------------------------ */

static bool
is_known(const struct op *op, struct worker_id *worker)
{
	return presence_find(t.presence, &op->token, worker);
}

static void
who_arrives_brings_all_that_is_said_and_is_known_from_then_on(void **state)
{
	static const struct uuid key = {.b = {0x99}};
	struct worker_id worker;
	struct op *one, *two;

	(void)state;
	one = add(OP_OPEN, 1, 0);
	one->open.name = "able-acorn-1";
	one->open.name_len = 12;
	one->open.nickname = "Ada";
	one->open.nickname_len = 3;
	one->open.before = "ada ";
	one->open.before_len = 4;
	one->open.address = "192.0.2.1";
	one->open.label = "v 1.4";
	one->open.label_len = 3;
	one->open.stage = 2;
	one->open.slots = 8;
	one->open.look = (struct nickname_look){.folded = id(0xf1), .written = id(0xe1)};
	one->open.key = &key;
	one->open.has = "gpu";
	two = add(OP_OPEN, 2, 0);
	two->open.name = "bold-bay-2";
	two->open.name_len = 10;
	two->open.label = two->open.has = "";
	two->open.stage = 1;
	settings.join = "key";
	go("[{\"item\":1,\"status\":\"opened\",\"worker\":70},"
	   "{\"item\":2,\"status\":\"banned\",\"worker\":71,\"words\":\"spoilt\"}]");
	asks("of", "open_workers");
	asks("names", "[\"able-acorn-1\",\"bold-bay-2\"]");
	asks("stages", "[2,1]");
	asks("nicknames", "[\"Ada\",null]");
	asks("addresses", "[\"192.0.2.1\",null]");
	asks("labels", "[\"v1\",\"\"]"); /* blanks aside, see what() */
	asks("before", "[\"ada\",null]");
	asks("folded", "[\"f1\",\"00\"]");
	asks("written", "[\"e1\",\"00\"]");
	asks("keys", "[\"99\",null]");
	asks("slots", "[8,0]");
	asks("said", "[\"gpu\",\"\"]");
	asks("must", "true");
	asks("marked", "true");
	assert_int_equal(one->status, ST_OPENED);
	assert_int_equal(one->worker.id, 70);
	assert_int_equal(one->worker.stage, 2);
	assert_true(is_known(one, &worker));
	assert_int_equal(worker.id, 70);
	assert_int_equal(worker.stage, 2);
	assert_int_equal(worker.said, presence_words("gpu", "v 1", 3));
	assert_int_equal(two->status, ST_BANNED);
	assert_string_equal(two->open.words, "spoilt");
	assert_false(is_known(two, &worker));
	assert_int_equal(stat_of(STAT_OPENED), 1);
}

static void
who_is_heard_is_known_and_who_is_not_in_the_answer_is_nobody(void **state)
{
	struct worker_id worker;
	struct op *one, *two;

	(void)state;
	one = add(OP_TOUCH, 1, 0);
	two = add(OP_TOUCH, 2, 0);
	go("[{\"item\":2,\"worker\":70,\"stage\":3}]");
	asks("of", "touch_workers");
	asks("tokens", "[\"01\",\"02\"]");
	asks("refresh", "100");
	assert_int_equal(one->status, ST_NO_WORKER);
	assert_false(is_known(one, &worker));
	assert_int_equal(two->status, ST_ACCEPTED);
	assert_int_equal(two->worker.id, 70);
	assert_int_equal(two->worker.stage, 3);
	assert_true(is_known(two, &worker));
	assert_int_equal(worker.said, 0); /* what it said is not known */
}

/* What changes the words of a worker may end another one; its jobs are work for somebody else. */
static void
who_says_what_it_has_may_be_another_ones_end(void **state)
{
	uint32_t before = counts();
	struct worker_id worker;
	struct op *one, *two;

	(void)state;
	one = add(OP_SAY, 1, 0);
	one->say.has = "gpu";
	two = add(OP_SAY, 2, 0);
	two->say.label = "v2x";
	two->say.label_len = 2;
	go("[{\"item\":2,\"worker\":70,\"stage\":3},{\"stage\":2,\"gone\":1,\"freed\":4},"
	   "{\"stage\":2,\"gone\":3,\"freed\":4},{\"stage\":2,\"gone\":0,\"freed\":4}]");
	asks("of", "say_words");
	asks("said", "[\"gpu\",null]");
	asks("labels", "[null,\"v2\"]");
	assert_int_equal(one->status, ST_NO_WORKER);
	assert_true(is_bumped(one));
	assert_string_equal(said, "worker 1; 4 of stage 2; ");
	assert_int_equal(counts(), before + 1);
	assert_int_equal(two->status, ST_ACCEPTED);
	assert_true(is_known(two, &worker));
	assert_int_equal(worker.said, presence_words(NULL, "v2", 2));
}

static void
who_leaves_is_unknown_everywhere_and_leaves_its_jobs(void **state)
{
	uint32_t before = counts();
	struct op *one, *two, *three;

	(void)state;
	one = add(OP_CLOSE, 1, 0);
	two = add(OP_CLOSE, 2, 0);
	three = add(OP_CLOSE, 3, 0);
	go("[{\"item\":1,\"status\":\"closed\",\"stage\":2,\"freed\":3},"
	   "{\"item\":2,\"status\":\"no_worker\",\"stage\":2,\"freed\":3},"
	   "{\"item\":3,\"status\":\"closed\",\"stage\":1,\"freed\":0}]");
	asks("of", "close_workers");
	asks("tokens", "[\"01\",\"02\",\"03\"]");
	assert_string_equal(said, "worker 1; 3 of stage 2; worker 3; ");
	assert_true(is_bumped(one));
	assert_false(is_bumped(two));
	assert_true(is_bumped(three));
	assert_int_equal(two->status, ST_NO_WORKER);
	assert_int_equal(stat_of(STAT_CLOSED), 2);
	assert_int_equal(counts(), before + 1);
}

/* ---- the bundle itself -------------------------------------------------------------------------- */

static void
a_bundle_hands_out_as_many_jobs_as_one_answer_may_carry(void **state)
{
	(void)state;
	bundle.job_bytes = 0;
	assert_int_equal(bundle_jobs_most(&bundle), BUNDLE_ITEMS);
	bundle.job_bytes = 16 * 1024 - 64;
	assert_int_equal(bundle_jobs_most(&bundle), 1024);
	bundle.job_bytes = 100e6;
	assert_int_equal(bundle_jobs_most(&bundle), 1); /* one always goes */
}

static void
what_one_large_result_took_is_given_back(void **state)
{
	struct op *op;

	(void)state;
	op = add_items(OP_COMPLETE, 1, 1);
	op->items.items[0] = (struct item){.job = 4, .len = BUNDLE_BYTES_IN + 1};
	op->items.items[0].data =
	    memset(arena_alloc(&arena, BUNDLE_BYTES_IN + 1), 'x', BUNDLE_BYTES_IN + 1);
	go("[]");
	assert_true(bundle.array[1].bytes.size > BUNDLE_BYTES_IN);
	clear();
	assert_true(bundle.array[1].bytes.size <= BUNDLE_BYTES_IN);
	op = add_items(OP_COMPLETE, 1, 1);
	op->items.items[0] = (struct item){.job = 4, .data = "d", .len = 1};
	go("[]");
	asks("datas", "[\"d\"]");
	assert_true(bundle.array[1].bytes.size > 0);
	clear();
	assert_true(bundle.array[1].bytes.size > 0); /* what is small is kept */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(claims_of_v1_go_in_order_of_their_tokens_with_an_id_each),
	    TEST(the_careful_way_is_for_one_bundle),
	    TEST(a_job_that_is_told_once_more_is_not_new),
	    TEST(who_got_a_job_by_v1_is_asked_for_anew_and_counts_are_old),
	    TEST(who_rests_hears_for_how_long_and_why),
	    TEST(what_it_has_is_known_of_whoever_gets_nothing),
	    TEST(hints_go_from_a_bundle_to_the_next_for_a_second),
	    TEST(work_that_waits_for_its_turn_is_told_of),
	    TEST(a_fleet_says_what_it_wants_and_what_it_holds),
	    TEST(what_is_not_its_own_any_more_is_dropped),
	    TEST(jobs_whose_data_is_long_are_read_apart),
	    TEST(data_that_is_read_apart_is_each_jobs_own),
	    TEST(results_of_v1_go_in_order_of_their_tokens),
	    TEST(what_is_accepted_is_work_for_the_next_stage_and_after_the_last_for_nobody),
	    TEST(the_careful_way_of_a_result_names_what_v1_knows),
	    TEST(what_comes_back_says_how_and_why_and_is_work_where_it_is_free),
	    TEST(who_arrives_brings_all_that_is_said_and_is_known_from_then_on),
	    TEST(who_is_heard_is_known_and_who_is_not_in_the_answer_is_nobody),
	    TEST(who_says_what_it_has_may_be_another_ones_end),
	    TEST(who_leaves_is_unknown_everywhere_and_leaves_its_jobs),
	    TEST(a_bundle_hands_out_as_many_jobs_as_one_answer_may_carry),
	    TEST(what_one_large_result_took_is_given_back),
	};

	return cmocka_run_group_tests(tests, servers_begin, servers_end);
}
