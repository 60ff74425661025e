/* Calls that ask for jobs: how long they wait, what they owe, and jobs of which the answer did not go out. */
#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "web/claimed.h"

#define S INT64_C(1000000)
#define CAME_US (5 * S)
#define FREE_CALLS 8 /* in vain, before anybody waits */

/* The clock stands still. */
int64_t __wrap_clock_us(void);
int64_t
__wrap_clock_us(void)
{
	return 100 * S;
}

static const struct uuid who = {.b = {1}}, other = {.b = {2, 0, 0, 0, 7}};

static struct {
	struct uuid newest; /* who asked anew */
	int64_t later_us;   /* what went to wait; 0: nothing */
	bool is_full;       /* nobody else may wait */
	bool is_telling;    /* an answer is still on its way */
	void (*ended)(void *arg, bool told);
	void *arg;
} seen;

bool
fcgx_is_telling(const struct fcgx *f)
{
	(void)f;
	return seen.is_telling;
}

void
fcgx_when_told(struct fcgx *f, void (*ended)(void *arg, bool told), void *arg)
{
	(void)f;
	seen.ended = ended;
	seen.arg = arg;
}

static void
newer_call(struct tracker *t, const struct uuid *token)
{
	(void)t;
	seen.newest = *token;
}

static bool
submit_later(struct tracker *t, struct op *op, int64_t after_us)
{
	(void)t;
	(void)op;
	seen.later_us = after_us;
	return !seen.is_full;
}

struct room {
	struct tracker tracker;
	struct settings settings;
	struct op claim;
};

static int
open_room(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	memset(&seen, 0, sizeof(seen));
	r->tracker.settings = &r->settings;
	r->tracker.shared = shared_new();
	r->tracker.newer_call = newer_call;
	r->tracker.submit_later = submit_later;
	for (int i = 0; i < DESKS; i++)
		queue_init(&r->tracker.desk[i]);
	r->claim.kind = OP_CLAIM;
	r->claim.token = who;
	*state = r;
	return 0;
}

static int
close_room(void **state)
{
	struct room *r = *state;

	for (int i = 0; i < DESKS; i++)
		queue_fini(&r->tracker.desk[i]);
	free(r);
	return 0;
}

static struct op *
at_desk(struct room *r, enum desk desk)
{
	return (struct op *)queue_take(&r->tracker.desk[desk], 0);
}

/* It got nothing, so often. */
static void
ask_in_vain(struct room *r, int calls)
{
	for (int i = 0; i < calls; i++)
		shared_debt_add(r->tracker.shared, &who, clock_us(), 1);
}

/* What the worker's next call waits for. */
static int64_t
owed_us(struct room *r, const struct uuid *token)
{
	struct op next = {.kind = OP_CLAIM, .token = *token};

	return claim_debt_wait_us(&r->tracker, &next);
}

/* ---- how long a call waits ------------------------------------------------------------------------ */

static void
a_call_waits_as_long_as_it_says_a_minute_at_most_and_half_the_idle_timeout(void **state)
{
	static const struct {
		int64_t idle_s, wait_s, us;
	} calls[] = {{7200, 1, 1 * S}, {7200, 59, 59 * S}, {7200, 60, 60 * S}, {7200, 61, 60 * S},
	    {7200, INT64_MAX, 60 * S}, {120, 60, 60 * S}, {119, 59, 59 * S},
	    {119, 60, 59 * S + S / 2}, {15, 6, 6 * S}, {15, 7, 7 * S}, {15, 8, 7 * S + S / 2},
	    {1, 1, S / 2}};
	struct room *r = *state;

	for (size_t i = 0; i < COUNT(calls); i++) {
		r->settings.idle_timeout_s = calls[i].idle_s;
		assert_int_equal(
		    claim_wait_until(&r->tracker, CAME_US, calls[i].wait_s), CAME_US + calls[i].us);
	}
}

static void
who_says_no_time_does_not_wait(void **state)
{
	struct room *r = *state;

	r->settings.idle_timeout_s = 7200;
	assert_int_equal(claim_wait_until(&r->tracker, CAME_US, 0), 0);
	assert_int_equal(claim_wait_until(&r->tracker, CAME_US, -1), 0);
}

/* ---- what is owed --------------------------------------------------------------------------------- */

static void
each_64_items_that_bring_nothing_count_as_a_call(void **state)
{
	(void)state;
	assert_int_equal(claim_calls_of(0), 0);
	assert_int_equal(claim_calls_of(63), 0);
	assert_int_equal(claim_calls_of(64), 1);
	assert_int_equal(claim_calls_of(127), 1);
	assert_int_equal(claim_calls_of(128), 2);
}

/* How long the next call waits when this one came to an end so, behind as many in vain as cost nothing. */
static int64_t
owed_after(struct room *r, struct op claim, bool useful, size_t items)
{
	int64_t us;

	claim.kind = OP_CLAIM;
	claim.token = who;
	ask_in_vain(r, FREE_CALLS);
	claim_settle(&r->tracker, &claim, useful, items);
	us = owed_us(r, &who);
	for (int i = 0; i < 100; i++)
		shared_debt_forgive(r->tracker.shared, &who);
	return us;
}

static void
who_asks_in_vain_owes_and_nobody_else(void **state)
{
	struct room *r = *state;

	assert_int_equal(owed_after(r, (struct op){.claim = {.n_new = 0}}, false, 0), S / 2);
	assert_int_equal(owed_after(r, (struct op){.claim = {.n_new = 1}}, false, 0), 0);
	assert_int_equal(owed_after(r, (struct op){.claim = {.n_new = 0}}, true, 0), 0);
	assert_int_equal(owed_after(r, (struct op){.rerun = true}, false, 0), 0);
	assert_int_equal(owed_after(r, (struct op){.err = {.kind = ERR_AWAY}}, false, 0), 0);
	ask_in_vain(r, FREE_CALLS + 1);
	assert_int_equal(owed_us(r, &other), 0);
}

static void
results_that_were_not_accepted_are_owed_beside_the_call(void **state)
{
	struct room *r = *state;

	assert_int_equal(owed_after(r, (struct op){.rerun = false}, true, 63), 0);
	assert_int_equal(owed_after(r, (struct op){.rerun = false}, true, 64), S / 2);
	assert_int_equal(owed_after(r, (struct op){.rerun = false}, false, 64), S);
	assert_int_equal(
	    owed_after(r, (struct op){.claim = {.n_new = 1}}, false, 3 * 64), 3 * S / 2);
}

static void
what_a_call_owed_beforehand_is_forgiven_when_it_was_of_use_and_owed_once_when_not(void **state)
{
	struct room *r = *state;

	ask_in_vain(r, FREE_CALLS);
	assert_int_equal(claim_debt_wait_us(&r->tracker, &r->claim), 0);
	assert_true(r->claim.claim.owes);
	claim_settle(&r->tracker, &r->claim, false, 0);
	assert_true(r->claim.claim.owes);
	r->claim.claim.n_new = 1; /* answered once more, with jobs */
	claim_settle(&r->tracker, &r->claim, false, 0);
	assert_false(r->claim.claim.owes);
	claim_settle(&r->tracker, &r->claim, false, 0);
	assert_int_equal(owed_us(r, &who), 0);
	assert_int_equal(owed_us(r, &who), S / 2); /* which was one more that asked */
}

static void
what_a_call_owed_beforehand_is_a_part_of_what_it_costs(void **state)
{
	struct room *r = *state;

	ask_in_vain(r, FREE_CALLS);
	assert_int_equal(claim_debt_wait_us(&r->tracker, &r->claim), 0);
	claim_settle(&r->tracker, &r->claim, false, 64); /* two, one of which is owed already */
	assert_int_equal(owed_us(r, &who), S);
}

static void
whether_a_call_owes_is_asked_once(void **state)
{
	struct room *r = *state;

	ask_in_vain(r, FREE_CALLS + 2);
	assert_int_equal(claim_debt_wait_us(&r->tracker, &r->claim), S);
	assert_int_equal(claim_debt_wait_us(&r->tracker, &r->claim), 0);
	assert_int_equal(owed_us(r, &who), 3 * S / 2);
}

/* ---- to its desk ---------------------------------------------------------------------------------- */

static void
a_claim_is_its_workers_newest_call_and_goes_to_its_desk_at_once(void **state)
{
	struct room *r = *state;
	uint64_t before = shared_ticket_take(r->tracker.shared, &who);

	claim_submit(&r->tracker, &r->claim);
	assert_memory_equal(&seen.newest, &who, sizeof(who));
	assert_true(shared_ticket_is_newest(r->tracker.shared, &who, r->claim.claim.ticket));
	assert_false(shared_ticket_is_newest(r->tracker.shared, &who, before));
	assert_int_equal(seen.later_us, 0);
	assert_ptr_equal(at_desk(r, DESK_CLAIM), &r->claim);
}

static void
who_owes_waits_first_and_where_there_is_no_room_to_wait_nobody_does(void **state)
{
	struct room *r = *state;

	ask_in_vain(r, FREE_CALLS + 1);
	claim_submit(&r->tracker, &r->claim);
	assert_int_equal(seen.later_us, S / 2);
	assert_null(at_desk(r, DESK_CLAIM));
	seen.is_full = true;
	submit_in_turn(&r->tracker, &r->claim, 1);
	assert_int_equal(seen.later_us, 1);
	assert_ptr_equal(at_desk(r, DESK_CLAIM), &r->claim);
}

/* ---- what did not go out -------------------------------------------------------------------------- */

/* Two jobs that the claim was given. */
static void
give(struct op *claim)
{
	static struct job second = {.number = 8, .lease = {.b = {8}}},
			  first = {.next = &second, .number = 7, .lease = {.b = {7}}};

	claim->claim.call = -42;
	claim->claim.jobs = &first;
	claim->claim.n_jobs = 2;
}

/* What waits at the desk of those that come back; the answer frees it. */
static void
expect_given_back(struct room *r)
{
	struct op *op = at_desk(r, DESK_WORKERS);

	assert_non_null(op);
	assert_int_equal(op->kind, OP_RETURN);
	assert_memory_equal(&op->token, &who, sizeof(who));
	assert_int_equal(op->items.n, 2);
	for (int i = 0; i < 2; i++) {
		const struct item *item = &op->items.items[i];

		assert_int_equal(item->job, 7 + i);
		assert_int_equal(item->lease.b[0], 7 + i);
		assert_string_equal(item->kind, "undelivered");
		assert_string_equal(item->data, "-42");
		assert_int_equal(item->len, 3);
		assert_false(item->held);
	}
	op->answer(op);
}

static void
jobs_whose_answer_went_nowhere_come_back_with_the_call_that_they_were_for(void **state)
{
	struct room *r = *state;

	claimed_give_back(&r->tracker, &r->claim);
	assert_null(at_desk(r, DESK_WORKERS)); /* there were none */
	give(&r->claim);
	claimed_give_back(&r->tracker, &r->claim);
	expect_given_back(r);
}

static void
jobs_of_a_long_answer_come_back_when_the_rest_of_it_is_not_told(void **state)
{
	struct room *r = *state;

	give(&r->claim);
	claimed_give_back_unless_told(&r->tracker, &r->claim, NULL);
	assert_null(seen.ended); /* all of it went out */
	seen.is_telling = true;
	claimed_give_back_unless_told(&r->tracker, &r->claim, NULL);
	assert_null(at_desk(r, DESK_WORKERS));
	seen.ended(seen.arg, true);
	assert_null(at_desk(r, DESK_WORKERS));
	claimed_give_back_unless_told(&r->tracker, &r->claim, NULL);
	seen.ended(seen.arg, false);
	expect_given_back(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_room, close_room)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_call_waits_as_long_as_it_says_a_minute_at_most_and_half_the_idle_timeout),
	    TEST(who_says_no_time_does_not_wait),
	    TEST(each_64_items_that_bring_nothing_count_as_a_call),
	    TEST(who_asks_in_vain_owes_and_nobody_else),
	    TEST(results_that_were_not_accepted_are_owed_beside_the_call),
	    TEST(what_a_call_owed_beforehand_is_forgiven_when_it_was_of_use_and_owed_once_when_not),
	    TEST(what_a_call_owed_beforehand_is_a_part_of_what_it_costs),
	    TEST(whether_a_call_owes_is_asked_once),
	    TEST(a_claim_is_its_workers_newest_call_and_goes_to_its_desk_at_once),
	    TEST(who_owes_waits_first_and_where_there_is_no_room_to_wait_nobody_does),
	    TEST(jobs_whose_answer_went_nowhere_come_back_with_the_call_that_they_were_for),
	    TEST(jobs_of_a_long_answer_come_back_when_the_rest_of_it_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
