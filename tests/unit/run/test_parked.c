/* Parked calls, with a real socket for each client and nobody at the desks: the test is the committer. */
#include "../test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
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

static struct room *
room_new(int64_t most)
{
	struct room *r = calloc(1, sizeof(*r));

	r->tracker.settings = &r->settings;
	r->tracker.shared = shared_new();
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
	c->op.worker = (struct worker_id){n, stage};
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
	parked_wake(r->tracker.parked, 1, 1);
	assert_ptr_equal(take_claim(r), first);
	assert_int_equal(parked_count(r->tracker.parked), 2);
	parked_wake(r->tracker.parked, 1, 1);
	assert_ptr_equal(take_claim(r), second);
	parked_wake(r->tracker.parked, 1, 1);
	assert_int_equal(parked_count(r->tracker.parked), 1);
	room_free(r);
	call_free(first);
	call_free(second);
	call_free(other);
}

static void
work_that_came_between_question_and_parking_is_not_missed(void **state)
{
	struct room *r = room_new(10);
	struct call *c = call_new(r, 1, 1, 60000);

	(void)state;
	parked_mark(r->tracker.parked, &c->op);             /* the question is sent … */
	parked_wake(r->tracker.parked, 1, 1);               /* … work appears … */
	assert_true(parked_put(r->tracker.parked, &c->op)); /* … and the old answer was "nothing" */
	assert_ptr_equal(take_claim(r), c);
	assert_int_equal(parked_count(r->tracker.parked), 0);
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
	assert_int_equal(parked_count(r->tracker.parked), 0);
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
	assert_int_equal(parked_count(r->tracker.parked), 0);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_may_not_wait_is_not_parked),
	    cmocka_unit_test(work_wakes_the_oldest_call_of_its_stage),
	    cmocka_unit_test(work_that_came_between_question_and_parking_is_not_missed),
	    cmocka_unit_test(a_wait_that_is_over_is_answered),
	    cmocka_unit_test(a_client_that_hangs_up_leaves_its_place),
	    cmocka_unit_test(a_newer_call_here_ends_the_older_at_once),
	    cmocka_unit_test(a_newer_call_in_another_process_ends_the_older_soon),
	    cmocka_unit_test(over_the_limit_nobody_is_parked),
	    cmocka_unit_test(stopping_answers_everybody_once),
	};

	random_open();
	return cmocka_run_group_tests_name("parked", tests, NULL, NULL);
}
