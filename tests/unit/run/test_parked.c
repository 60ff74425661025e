/* Parked calls, with a real socket for each client and nobody at the desks: the test is the committer. */
#include "../test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "domain/counts.h"
#include "run/parked.h"

#define SOON_MS 2000

struct call {
	struct op op;
	int client, server;
	atomic_int answered;
};

struct room {
	struct tracker tracker;
	struct settings settings;
};

static void
answer(struct op *op)
{
	atomic_fetch_add(&((struct call *)op->owner)->answered, 1);
}

static void
answer_nothing(struct op *op)
{
	(void)op;
}

static struct room *
room_new(int64_t most)
{
	struct room *r = calloc(1, sizeof(*r));

	r->tracker.settings = &r->settings;
	r->tracker.shared = shared_new();
	shared_enter(r->tracker.shared, 0);
	for (int i = 0; i < DESKS; i++)
		queue_init(&r->tracker.desk[i]);
	r->tracker.parked = parked_start(&r->tracker, most);
	return r;
}

static void
room_free(struct room *r)
{
	parked_stop(r->tracker.parked);
	parked_join(r->tracker.parked);
	for (int i = 0; i < DESKS; i++)
		queue_fini(&r->tracker.desk[i]);
	free(r);
}

/* A call of worker n at a stage, that came n microseconds after the first and got nothing. */
static struct call *
call_new(struct room *r, uint32_t n, int stage, int64_t wait_ms)
{
	struct call *c = calloc(1, sizeof(*c));
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	c->server = ends[0];
	c->client = ends[1];
	c->op.kind = OP_CLAIM;
	c->op.owner = c;
	c->op.answer = answer;
	c->op.token = hash_128(&n, sizeof(n));
	c->op.arrived_us = 1000 + n;
	c->op.worker = (struct worker_id){.id = n, .stage = stage};
	c->op.claim.want = 1;
	c->op.claim.fd = c->server;
	c->op.claim.wait_until_us = clock_us() + wait_ms * 1000;
	c->op.claim.ticket = shared_ticket_take(r->tracker.shared, &c->op.token);
	return c;
}

static void
call_free(struct call *c)
{
	close(c->server);
	if (c->client >= 0)
		close(c->client);
	free(c);
}

static struct call *
take_claim(struct room *r)
{
	struct queue_entry *entry = queue_take(&r->tracker.desk[DESK_CLAIM], SOON_MS);

	assert_non_null(entry);
	assert_null(entry->next);
	return ((struct op *)entry)->owner;
}

static void
park(struct room *r, struct call *c)
{
	parked_mark(r->tracker.parked, &c->op);
	assert_true(parked_put(r->tracker.parked, &c->op));
}

static void
wait_answered(const struct call *c)
{
	for (int i = 0; i < SOON_MS && atomic_load(&c->answered) == 0; i++)
		clock_sleep_ms(1);
	assert_int_equal(atomic_load(&c->answered), 1);
}

/* How many wait. */
static int64_t
waiting(const struct room *r)
{
	return shared_stat(r->tracker.shared, STAT_PARKED);
}

static void
who_may_not_wait_is_not_parked(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, 60000);

	(void)state;
	c->op.claim.wait_until_us = 0;
	assert_false(parked_put(r->tracker.parked, &c->op));
	call_free(c);
	room_free(r);
}

static void
work_wakes_the_oldest_call_of_its_stage(void **state)
{
	struct room *r = room_new(10);
	struct call *second = call_new(r, 2, 1, 60000), *first = call_new(r, 1, 1, 60000),
		    *other = call_new(r, 0, 2, 60000);

	(void)state;
	park(r, second);
	park(r, first);
	park(r, other);
	parked_wake(r->tracker.parked, 1, 0, 1);
	assert_ptr_equal(take_claim(r), first);
	assert_int_equal(waiting(r), 2);
	parked_wake(r->tracker.parked, 1, 0, 1);
	assert_ptr_equal(take_claim(r), second);
	parked_wake(r->tracker.parked, 1, 0, 1);
	assert_int_equal(waiting(r), 1);
	room_free(r);
	call_free(first);
	call_free(second);
	call_free(other);
}

static void
a_call_that_wants_ten_stands_for_ten_jobs(void **state)
{
	struct room *r = room_new(10);
	struct call *fleet = call_new(r, 1, 1, 60000), *next = call_new(r, 2, 1, 60000);

	(void)state;
	fleet->op.claim.want = 10;
	park(r, fleet);
	park(r, next);
	parked_wake(r->tracker.parked, 1, 0, 10);
	assert_ptr_equal(take_claim(r), fleet);
	assert_int_equal(waiting(r), 1);
	parked_wake(r->tracker.parked, 1, 0, 1);
	assert_ptr_equal(take_claim(r), next);
	room_free(r);
	call_free(fleet);
	call_free(next);
}

static void
work_that_came_between_question_and_parking_is_not_missed(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, 60000);

	(void)state;
	parked_mark(r->tracker.parked, &c->op);             /* the question is sent … */
	parked_wake(r->tracker.parked, 1, 0, 1);            /* … work appears … */
	assert_true(parked_put(r->tracker.parked, &c->op)); /* … and the old answer was "nothing" */
	assert_ptr_equal(take_claim(r), c);
	assert_int_equal(waiting(r), 0);
	room_free(r);
	call_free(c);
}

static void
a_wait_that_is_over_is_answered(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, 50);

	(void)state;
	park(r, c);
	wait_answered(c);
	assert_int_equal(waiting(r), 0);
	room_free(r);
	call_free(c);
}

static void
a_client_that_hangs_up_leaves_its_place(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, 60000);

	(void)state;
	park(r, c);
	close(c->client);
	c->client = -1;
	wait_answered(c);
	assert_int_equal(waiting(r), 0);
	room_free(r);
	call_free(c);
}

/* Woken in vain it waits again, on the connection that it came by. */
static void
who_waits_again_is_still_heard_when_it_hangs_up(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, 60000);

	(void)state;
	park(r, c);
	parked_wake(r->tracker.parked, 1, 0, 1);
	assert_ptr_equal(take_claim(r), c);
	park(r, c);
	close(c->client);
	c->client = -1;
	wait_answered(c);
	room_free(r);
	call_free(c);
}

/* It asks again then; what it rested for is over or not, it has no words for it. */
static void
who_rests_to_the_end_of_its_wait_hears_of_no_work(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, 50);

	(void)state;
	c->op.status = ST_REST;
	c->op.claim.v1 = true;
	c->op.claim.rest_until_us = clock_us() + INT64_C(60000000);
	park(r, c);
	wait_answered(c);
	assert_int_equal(c->op.status, ST_NONE);
	room_free(r);
	call_free(c);
}

static void
who_has_something_to_hear_does_not_wait(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, 60000);

	(void)state;
	c->op.claim.n_dropped = 1;
	parked_mark(r->tracker.parked, &c->op);
	assert_false(parked_put(r->tracker.parked, &c->op));
	c->op.claim.n_dropped = 0;
	c->op.claim.n_jobs = 1;
	assert_false(parked_put(r->tracker.parked, &c->op));
	assert_int_equal(waiting(r), 0);
	room_free(r);
	call_free(c);
}

static void
a_newer_call_here_ends_the_older_at_once(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, 60000);

	(void)state;
	park(r, c);
	parked_end(r->tracker.parked, &c->op.token);
	assert_int_equal(atomic_load(&c->answered), 1);
	room_free(r);
	call_free(c);
}

static void
a_newer_call_in_another_process_ends_the_older_soon(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, 60000);

	(void)state;
	park(r, c);
	shared_ticket_take(r->tracker.shared, &c->op.token);
	wait_answered(c);
	room_free(r);
	call_free(c);
}

static void
work_wakes_the_oldest_of_those_who_have_what_it_needs(void **state)
{
	struct room *r = room_new(10);
	struct call *plain = call_new(r, 1, 1, SOON_MS), *gpu = call_new(r, 2, 1, SOON_MS),
		    *both = call_new(r, 3, 1, SOON_MS);

	(void)state;
	gpu->op.worker.has = 1;
	both->op.worker.has = 3;
	park(r, both);
	park(r, plain);
	park(r, gpu);
	parked_wake(r->tracker.parked, 1, 4, 10);
	assert_int_equal(waiting(r), 3);
	parked_wake(r->tracker.parked, 1, 1, 1);
	assert_ptr_equal(take_claim(r), gpu);
	parked_wake(r->tracker.parked, 1, 0, 1);
	assert_ptr_equal(take_claim(r), plain);
	parked_wake(r->tracker.parked, 1, 2, 1);
	assert_ptr_equal(take_claim(r), both);
	/* Work for others, between the question and the parking, does not concern it. */
	parked_mark(r->tracker.parked, &plain->op);
	parked_wake(r->tracker.parked, 1, 1, 1);
	assert_true(parked_put(r->tracker.parked, &plain->op));
	assert_int_equal(waiting(r), 1);
	parked_mark(r->tracker.parked, &gpu->op);
	parked_wake(r->tracker.parked, 1, 1, 1);
	assert_true(parked_put(r->tracker.parked, &gpu->op));
	assert_ptr_equal(take_claim(r), gpu);
	room_free(r);
	call_free(plain);
	call_free(gpu);
	call_free(both);
}

static void
work_whose_turn_comes_wakes_then_and_who_has_what_it_needs(void **state)
{
	struct room *r = room_new(10);
	struct call *plain = call_new(r, 1, 1, 2 * SOON_MS), *gpu = call_new(r, 2, 1, 2 * SOON_MS);
	int64_t began;

	(void)state;
	gpu->op.worker.has = 1;
	park(r, plain);
	park(r, gpu);
	began = clock_us();
	parked_wake_later(r->tracker.parked, 1, 1, 300000, 5);
	assert_ptr_equal(take_claim(r), gpu);
	assert_true(clock_us() - began >= 300000);
	assert_int_equal(waiting(r), 1);
	room_free(r);
	call_free(plain);
	call_free(gpu);
}

static void
more_different_needs_than_are_told_apart_wake_all_the_same(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, SOON_MS);

	(void)state;
	c->op.worker.has = 1;
	for (uint64_t needs = 2; needs < 100; needs++)
		parked_wake(r->tracker.parked, 1, needs << 1, 1);
	park(r, c);
	parked_wake(r->tracker.parked, 1, 1, 1);
	assert_ptr_equal(take_claim(r), c);
	room_free(r);
	call_free(c);
}

/* Work that came between question and parking, of one need too many. */
static void
of_needs_that_are_not_told_apart_none_is_missed(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, 60000);

	(void)state;
	c->op.worker.has = 1;
	for (uint64_t needs = 2; needs < 100; needs++)
		parked_wake(r->tracker.parked, 1, needs << 1, 1);
	parked_mark(r->tracker.parked, &c->op);
	parked_wake(r->tracker.parked, 1, 1, 1);
	assert_true(parked_put(r->tracker.parked, &c->op));
	assert_ptr_equal(take_claim(r), c);
	room_free(r);
	call_free(c);
}

static void
over_the_limit_nobody_is_parked(void **state)
{
	struct room *r = room_new(1);
	struct call *first = call_new(r, 1, 1, 60000), *second = call_new(r, 2, 1, 60000);

	(void)state;
	park(r, first);
	assert_false(parked_put(r->tracker.parked, &second->op));
	room_free(r);
	call_free(first);
	call_free(second);
}

static void
the_limit_is_the_whole_pools(void **state)
{
	struct room *r = room_new(2), *other;
	struct call *first = call_new(r, 1, 1, 60000), *second = call_new(r, 2, 1, 60000),
		    *third = call_new(r, 3, 1, 60000);

	(void)state;
	other = calloc(1, sizeof(*other));
	*other = *r;
	other->tracker.parked = parked_start(&other->tracker, 2);
	park(r, first);
	park(other, second);
	parked_mark(r->tracker.parked, &third->op);
	assert_false(parked_put(r->tracker.parked, &third->op));
	assert_true(third->op.claim.crowded);
	parked_end(other->tracker.parked, &second->op.token);
	park(r, third);
	assert_false(third->op.claim.crowded);
	parked_stop(other->tracker.parked);
	parked_join(other->tracker.parked);
	free(other);
	room_free(r);
	call_free(first);
	call_free(second);
	call_free(third);
}

static void
what_large_calls_hold_while_they_wait_is_bounded(void **state)
{
	struct room *r = room_new(100);
	struct call *large[3];
	struct arena arena[COUNT(large)];

	(void)state;
	for (uint32_t i = 0; i < COUNT(large); i++) {
		large[i] = call_new(r, i, 1, 60000);
		arena_init(&arena[i]);
		arena_alloc(&arena[i], 30 * 1024 * 1024);
		large[i]->op.arena = &arena[i];
	}
	park(r, large[0]);
	park(r, large[1]);
	parked_mark(r->tracker.parked, &large[2]->op);
	assert_false(parked_put(r->tracker.parked, &large[2]->op));
	assert_true(large[2]->op.claim.crowded);
	parked_end(r->tracker.parked, &large[0]->op.token);
	park(r, large[2]);
	room_free(r);
	for (size_t i = 0; i < COUNT(large); i++) {
		arena_fini(&arena[i]);
		call_free(large[i]);
	}
}

static void
calls_keep_their_order_however_they_come_back(void **state)
{
	static const uint32_t order[] = {5, 1, 9, 3, 7, 0, 8, 2, 6, 4};
	struct room *r = room_new(100);
	struct call *calls[COUNT(order)];

	(void)state;
	for (size_t i = 0; i < COUNT(order); i++)
		calls[order[i]] = call_new(r, order[i], 1, 60000);
	for (size_t i = 0; i < COUNT(order); i++)
		park(r, calls[order[i]]);
	for (size_t i = 0; i < COUNT(order); i++) {
		parked_wake(r->tracker.parked, 1, 0, 1);
		assert_ptr_equal(take_claim(r), calls[i]);
	}
	room_free(r);
	for (size_t i = 0; i < COUNT(order); i++)
		call_free(calls[i]);
}

/* How long it takes to end a worker's call, asked for one that has none, while `n` others wait. */
static int64_t
time_ends(int n)
{
	struct room *r = room_new(n + 1);
	struct op *ops = calloc((size_t)n, sizeof(*ops));
	struct uuid nobody = hash_128("nobody", 6);
	int64_t from;

	for (int i = 0; i < n; i++) {
		ops[i] = (struct op){.kind = OP_CLAIM,
		    .answer = answer_nothing,
		    .token = hash_128(&i, sizeof(i)),
		    .arrived_us = i,
		    .worker = {.stage = 1}};
		ops[i].claim.want = 1;
		ops[i].claim.fd = -1;
		ops[i].claim.wait_until_us = clock_us() + 60000000;
		ops[i].claim.ticket = shared_ticket_take(r->tracker.shared, &ops[i].token);
		assert_true(parked_put(r->tracker.parked, &ops[i]));
	}
	from = clock_us();
	for (int i = 0; i < 20000; i++)
		parked_end(r->tracker.parked, &nobody);
	from = clock_us() - from;
	room_free(r);
	free(ops);
	return from;
}

static void
who_does_not_wait_is_found_at_once_among_many(void **state)
{
	(void)state;
	/* A walk over 4,000 takes some thousand times as long as one over four. */
	assert_true(time_ends(4000) < 50 * time_ends(4) + 200000);
}

/* A v1 call that rests for so long. */
static struct call *
resting_new(struct room *r, uint32_t n, int64_t rest_ms)
{
	struct call *c = call_new(r, n, 1, 60000);

	c->op.status = ST_REST;
	c->op.claim.v1 = true;
	c->op.claim.rest_until_us = clock_us() + rest_ms * 1000;
	return c;
}

static void
who_rests_is_woken_by_the_end_of_it_and_by_no_work(void **state)
{
	struct room *r = room_new(10);
	struct call *c = resting_new(r, 1, 300), *fleet = resting_new(r, 2, 60000),
		    *longer = resting_new(r, 3, 60000);
	int64_t until_us = c->op.claim.rest_until_us;

	(void)state;
	fleet->op.claim.v1 = false; /* is told, and asks again by itself */
	parked_mark(r->tracker.parked, &fleet->op);
	assert_false(parked_put(r->tracker.parked, &fleet->op));
	park(r, longer);
	parked_wake(r->tracker.parked, 1, 0, 5);
	assert_int_equal(waiting(r), 1);
	park(r, c);
	assert_ptr_equal(take_claim(r), c);
	assert_true(clock_us() >= until_us);
	assert_int_equal(waiting(r), 1);
	room_free(r);
	call_free(c);
	call_free(fleet);
	call_free(longer);
}

/* Whether a call is woken within 30 ms of a turn that is a millisecond away; by the tick alone one in three is. */
static bool
is_woken_soon(struct room *r, uint32_t n)
{
	struct call *c = call_new(r, n, 1, 60000);
	int64_t began;

	park(r, c);
	began = clock_us();
	parked_wake_later(r->tracker.parked, 1, 0, 1000, 1);
	assert_ptr_equal(take_claim(r), c);
	began = clock_us() - began;
	call_free(c);
	return began < 30000;
}

static void
a_turn_that_comes_before_the_next_tick_is_not_late(void **state)
{
	struct room *r = room_new(10);
	int soon = 0;

	(void)state;
	for (uint32_t series = 0; series < 12 && soon < 8; series++) {
		soon = 0;
		for (uint32_t n = 0; n < 10; n++)
			soon += is_woken_soon(r, n);
	}
	assert_true(soon >= 8);
	room_free(r);
}

static void
a_turn_that_has_come_wakes_once(void **state)
{
	struct room *r = room_new(10);
	struct call *first = call_new(r, 1, 1, 60000), *second = call_new(r, 2, 1, 60000);

	(void)state;
	park(r, first);
	park(r, second);
	parked_wake_later(r->tracker.parked, 1, 0, 10000, 1);
	assert_ptr_equal(take_claim(r), first);
	assert_null(queue_take(&r->tracker.desk[DESK_CLAIM], 250));
	room_free(r);
	call_free(first);
	call_free(second);
}

/* The question behind the wake-ups, answered with these counts. */
static void
answer_question(struct room *r, const struct stage_counts *counts)
{
	struct queue_entry *entry = queue_take(&r->tracker.desk[DESK_READ], SOON_MS);
	struct op *op = (struct op *)entry;

	assert_non_null(entry);
	assert_int_equal(op->kind, OP_COUNT);
	*op->count = *counts;
	op->answer(op);
}

/* A look for work that appeared is one: behind it is the poll of once a second. */
static void
work_that_appeared_is_looked_for_once(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, 60000);
	struct stage_counts counts = {.stages = 1};
	int64_t end_us;
	int questions = 0;

	(void)state;
	park(r, c);
	parked_appeared(r->tracker.parked, 1, 1, true);
	for (end_us = clock_us() + 400000; clock_us() < end_us; questions++) {
		struct op *op = (struct op *)queue_take(&r->tracker.desk[DESK_READ], 100);

		if (!op)
			break;
		*op->count = counts;
		op->answer(op);
	}
	assert_in_range(questions, 1, 5);
	room_free(r);
	call_free(c);
}

static void
what_is_gated_wakes_only_who_has_what_it_needs(void **state)
{
	struct room *r = room_new(10);
	struct call *plain = call_new(r, 1, 1, 60000), *gpu = call_new(r, 2, 1, 60000);
	struct stage_counts counts = {.stages = 1, .works = 1};

	(void)state;
	gpu->op.worker.has = 1;
	counts.stage[1] = (struct stage_count){.present = true, .gated = true, .ready = 5};
	counts.work[0] =
	    (struct stage_work){.stage = 1, .needs = 1, .now = 1, .later = 4, .later_us = 200000};
	park(r, plain);
	park(r, gpu);
	answer_question(r, &counts);
	assert_ptr_equal(take_claim(r), gpu);
	assert_int_equal(waiting(r), 1);
	/* And the rest of it, when its turn comes. */
	parked_mark(r->tracker.parked, &gpu->op);
	assert_true(parked_put(r->tracker.parked, &gpu->op));
	assert_ptr_equal(take_claim(r), gpu);
	room_free(r);
	call_free(plain);
	call_free(gpu);
}

static void
a_word_that_comes_into_use_asks_those_anew_who_may_have_it(void **state)
{
	struct room *r = room_new(10);
	struct call *plain = call_new(r, 1, 1, 60000), *speaks = call_new(r, 2, 1, 60000),
		    *late = call_new(r, 3, 1, 60000);
	struct stage_counts counts = {.stages = 1, .works = 1, .word = {"gpu"}};

	(void)state;
	speaks->op.worker.unneeded = late->op.worker.unneeded = 1;
	counts.stage[1] = (struct stage_count){.present = true, .gated = true, .ready = 5};
	counts.work[0] = (struct stage_work){.stage = 1, .needs = 1, .now = 1};
	park(r, plain);
	park(r, speaks);
	parked_mark(r->tracker.parked, &late->op);
	answer_question(r, &counts);
	assert_ptr_equal(take_claim(r), speaks);
	assert_int_equal(waiting(r), 1);
	/* It was asked before the word was there. */
	assert_true(parked_put(r->tracker.parked, &late->op));
	assert_ptr_equal(take_claim(r), late);
	/* The same words again are no news. */
	park(r, speaks);
	answer_question(r, &counts);
	assert_int_equal(waiting(r), 2);
	room_free(r);
	call_free(plain);
	call_free(speaks);
	call_free(late);
}

static void
who_is_patient_is_answered_when_nothing_will_come_and_others_wait_on(void **state)
{
	struct room *r = room_new(10);
	struct call *v1 = call_new(r, 1, 1, 60000), *fleet = call_new(r, 2, 1, 60000);
	struct stage_counts counts = {.stages = 1};

	(void)state;
	v1->op.claim.patient = true;
	counts.stage[1] = (struct stage_count){.present = true, .done = 5};
	park(r, v1);
	park(r, fleet);
	answer_question(r, &counts);
	wait_answered(v1);
	assert_int_equal(waiting(r), 1);
	room_free(r);
	call_free(v1);
	call_free(fleet);
}

static void
stopping_answers_everybody_once(void **state)
{
	struct room *r = room_new(100);
	struct call *calls[50];

	(void)state;
	for (uint32_t i = 0; i < COUNT(calls); i++) {
		calls[i] = call_new(r, i, 1 + (int)i % STAGES_MAX, 60000);
		park(r, calls[i]);
	}
	room_free(r);
	for (uint32_t i = 0; i < COUNT(calls); i++) {
		assert_int_equal(atomic_load(&calls[i]->answered), 1);
		call_free(calls[i]);
	}
}

/* Of v1: a call whose worker rests so long. */
static struct call *
resting(struct room *r, uint32_t n, int64_t rest_ms)
{
	struct call *c = call_new(r, n, 1, 60000);

	c->op.status = ST_REST;
	c->op.claim.v1 = true;
	c->op.claim.rest_until_us = clock_us() + rest_ms * 1000;
	return c;
}

static void
who_rests_is_woken_by_no_work_and_when_it_has_rested(void **state)
{
	struct room *r = room_new(100);
	struct call *long_one = resting(r, 1, 600000), *short_one = resting(r, 2, 200);

	(void)state;
	park(r, long_one);
	park(r, short_one);
	parked_wake(r->tracker.parked, 1, 0, 10);
	assert_int_equal(waiting(r), 2);
	assert_ptr_equal(take_claim(r), short_one);
	assert_int_equal(waiting(r), 1);
	room_free(r);
	call_free(long_one);
	call_free(short_one);
}

static void
who_rests_asks_again_when_its_worker_has_changed(void **state)
{
	struct room *r = room_new(100);
	struct call *one = resting(r, 1, 600000), *other = resting(r, 2, 600000);

	(void)state;
	park(r, one);
	park(r, other);
	shared_bump(r->tracker.shared, &other->op.token);
	assert_ptr_equal(take_claim(r), other);
	/* Before it was parked, and after it was asked for. */
	parked_mark(r->tracker.parked, &other->op);
	shared_bump(r->tracker.shared, &other->op.token);
	assert_true(parked_put(r->tracker.parked, &other->op));
	assert_ptr_equal(take_claim(r), other);
	assert_int_equal(waiting(r), 1);
	room_free(r);
	call_free(one);
	call_free(other);
}

/* A registration that is to be asked for again. */
static struct op *
registration(void)
{
	struct op *op = calloc(1, sizeof(*op));

	op->kind = OP_OPEN;
	op->answer = answer_nothing;
	return op;
}

static struct op *
take_registration(struct room *r, int wait_ms)
{
	return (struct op *)queue_take(&r->tracker.desk[DESK_WORKERS], wait_ms);
}

static void
a_registration_that_is_too_early_comes_again_at_its_time(void **state)
{
	struct room *r = room_new(100);
	struct op *soon = registration(), *late = registration();

	(void)state;
	assert_true(parked_delay(r->tracker.parked, late, INT64_C(600000000)));
	assert_true(parked_delay(r->tracker.parked, soon, 300000));
	assert_int_equal(waiting(r), 2);
	parked_wake(r->tracker.parked, 1, 0, 10);
	assert_null(take_registration(r, 10));
	assert_ptr_equal(take_registration(r, SOON_MS), soon);
	assert_null(soon->entry.next);
	assert_int_equal(waiting(r), 1);
	/* Stopping, it goes to its desk at once, and nobody is delayed any more. */
	parked_stop(r->tracker.parked);
	assert_ptr_equal(take_registration(r, SOON_MS), late);
	assert_false(parked_delay(r->tracker.parked, soon, 1));
	assert_int_equal(waiting(r), 0);
	room_free(r);
	free(soon);
	free(late);
}

static void
registrations_that_wait_count_like_calls_that_do(void **state)
{
	struct room *r = room_new(2);
	struct call *c = call_new(r, 1, 1, 60000), *crowded = call_new(r, 2, 1, 60000);
	struct op *one = registration(), *other = registration();

	(void)state;
	park(r, c);
	assert_true(parked_delay(r->tracker.parked, one, INT64_C(600000000)));
	assert_false(parked_delay(r->tracker.parked, other, 1));
	parked_mark(r->tracker.parked, &crowded->op);
	assert_false(parked_put(r->tracker.parked, &crowded->op));
	assert_true(crowded->op.claim.crowded);
	room_free(r);
	call_free(c);
	call_free(crowded);
	free(one);
	free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_may_not_wait_is_not_parked),
	    cmocka_unit_test(work_wakes_the_oldest_call_of_its_stage),
	    cmocka_unit_test(a_call_that_wants_ten_stands_for_ten_jobs),
	    cmocka_unit_test(work_that_came_between_question_and_parking_is_not_missed),
	    cmocka_unit_test(a_wait_that_is_over_is_answered),
	    cmocka_unit_test(a_client_that_hangs_up_leaves_its_place),
	    cmocka_unit_test(who_waits_again_is_still_heard_when_it_hangs_up),
	    cmocka_unit_test(who_rests_to_the_end_of_its_wait_hears_of_no_work),
	    cmocka_unit_test(who_has_something_to_hear_does_not_wait),
	    cmocka_unit_test(a_newer_call_here_ends_the_older_at_once),
	    cmocka_unit_test(a_newer_call_in_another_process_ends_the_older_soon),
	    cmocka_unit_test(work_wakes_the_oldest_of_those_who_have_what_it_needs),
	    cmocka_unit_test(work_whose_turn_comes_wakes_then_and_who_has_what_it_needs),
	    cmocka_unit_test(more_different_needs_than_are_told_apart_wake_all_the_same),
	    cmocka_unit_test(of_needs_that_are_not_told_apart_none_is_missed),
	    cmocka_unit_test(over_the_limit_nobody_is_parked),
	    cmocka_unit_test(the_limit_is_the_whole_pools),
	    cmocka_unit_test(what_large_calls_hold_while_they_wait_is_bounded),
	    cmocka_unit_test(calls_keep_their_order_however_they_come_back),
	    cmocka_unit_test(who_does_not_wait_is_found_at_once_among_many),
	    cmocka_unit_test(who_rests_is_woken_by_the_end_of_it_and_by_no_work),
	    cmocka_unit_test(a_turn_that_comes_before_the_next_tick_is_not_late),
	    cmocka_unit_test(a_turn_that_has_come_wakes_once),
	    cmocka_unit_test(work_that_appeared_is_looked_for_once),
	    cmocka_unit_test(what_is_gated_wakes_only_who_has_what_it_needs),
	    cmocka_unit_test(a_word_that_comes_into_use_asks_those_anew_who_may_have_it),
	    cmocka_unit_test(who_is_patient_is_answered_when_nothing_will_come_and_others_wait_on),
	    cmocka_unit_test(stopping_answers_everybody_once),
	    cmocka_unit_test(who_rests_is_woken_by_no_work_and_when_it_has_rested),
	    cmocka_unit_test(who_rests_asks_again_when_its_worker_has_changed),
	    cmocka_unit_test(a_registration_that_is_too_early_comes_again_at_its_time),
	    cmocka_unit_test(registrations_that_wait_count_like_calls_that_do),
	};

	random_open();
	return cmocka_run_group_tests_name("parked", tests, NULL, NULL);
}
