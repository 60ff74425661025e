#include "../test.h"

#include <sys/wait.h>
#include <unistd.h>

#include "domain/shared.h"

static struct uuid
token(uint32_t n)
{
	return hash_128(&n, sizeof(n));
}

static void
a_newer_ticket_ends_the_older_one(void **state)
{
	struct shared *s = shared_new();
	struct uuid t = token(1);
	uint64_t first = shared_ticket_take(s, &t), second;

	(void)state;
	assert_true(shared_ticket_is_newest(s, &t, first));
	second = shared_ticket_take(s, &t);
	assert_false(shared_ticket_is_newest(s, &t, first));
	assert_true(shared_ticket_is_newest(s, &t, second));
}

static void
a_clash_of_two_workers_ends_nobodys_call(void **state)
{
	struct shared *s = shared_new();
	struct uuid a = token(1), b = a;
	uint64_t ticket = shared_ticket_take(s, &a);

	(void)state;
	b.b[8] ^= 1; /* the same slot, another tag */
	shared_ticket_take(s, &b);
	assert_true(shared_ticket_is_newest(s, &a, ticket));
}

static void
what_one_process_counts_another_sees(void **state)
{
	struct shared *s = shared_new();
	struct uuid t = token(1);
	uint32_t before = shared_generation(s, &t);
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		shared_enter(s, 3);
		stat_add(STAT_CLAIMS, 5);
		shared_bump(s, &t);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	shared_enter(s, 4);
	stat_add(STAT_CLAIMS, 2);
	assert_int_equal(shared_stat(s, STAT_CLAIMS), 7);
	assert_int_equal(shared_generation(s, &t), before + 1);
}

static void
a_dead_process_leaves_its_sums_but_no_gauges(void **state)
{
	struct shared *s = shared_new();

	(void)state;
	shared_enter(s, 2);
	stat_add(STAT_PARKED, 9);
	stat_add(STAT_IN_FLIGHT, 3);
	stat_add(STAT_COMPLETIONS, 4);
	for (int part = 0; part < PARTS; part++) {
		atomic_store(&shared_mine()->part[part].ill_us, 1);
		atomic_store(&shared_mine()->part[part].good_us, 1);
	}
	shared_forget(s, 2);
	for (int part = 0; part < PARTS; part++) {
		assert_int_equal(atomic_load(&s->process[2].part[part].ill_us), 0);
		assert_int_equal(atomic_load(&s->process[2].part[part].good_us), 0);
	}
	assert_int_equal(shared_stat(s, STAT_PARKED), 0);
	assert_int_equal(shared_stat(s, STAT_IN_FLIGHT), 0);
	assert_int_equal(shared_stat(s, STAT_COMPLETIONS), 4);
}

static void
latencies_fall_into_their_buckets(void **state)
{
	struct shared *s = shared_new();
	int64_t bucket[SHARED_BUCKETS], sum, count;

	(void)state;
	shared_enter(s, 1);
	stat_latency(250);
	stat_latency(251);
	stat_latency(INT64_C(3600000000));
	shared_latency(s, bucket, &sum, &count);
	assert_int_equal(count, 3);
	assert_int_equal(bucket[0], 1);
	assert_int_equal(bucket[1], 1);
	assert_int_equal(bucket[SHARED_BUCKETS - 1], 1);
	assert_int_equal(sum, INT64_C(3600000501));
}

/* Calls one after the other, each answered before the next: the longest wait of them, in microseconds. */
static int64_t
ask_in_turn(struct shared *s, const struct uuid *t, int64_t now_us, int calls, bool in_vain)
{
	int64_t longest = 0;

	for (int i = 0; i < calls; i++) {
		bool owes;
		int64_t wait_us = shared_debt_ask(s, t, now_us, &owes);

		now_us += wait_us;
		longest = wait_us > longest ? wait_us : longest;
		if (in_vain && !owes)
			shared_debt_add(s, t, now_us, 1);
		else if (!in_vain && owes)
			shared_debt_forgive(s, t);
	}
	return longest;
}

static void
who_asks_in_vain_again_and_again_waits_a_little(void **state)
{
	struct shared *s = shared_new();
	struct uuid t = token(1), other = token(2), more = token(3);
	bool owes;

	(void)state;
	assert_int_equal(ask_in_turn(s, &t, 1000000, DEBT_FREE_MS / DEBT_MS, true), 0);
	assert_int_equal(ask_in_turn(s, &t, 1000000, 100, true), DEBT_MS * 1000);
	assert_int_equal(ask_in_turn(s, &other, 1000000, 8, true), 0);
	/* As much as seven calls. */
	assert_int_equal(shared_debt_ask(s, &more, 1000000, &owes), 0);
	shared_debt_add(s, &more, 1000000, 7);
	assert_int_equal(ask_in_turn(s, &more, 1000000, 2, true), 0);
	assert_true(ask_in_turn(s, &more, 1000000, 1, true) > 0);
	/* Time pays. */
	assert_int_equal(ask_in_turn(s, &t, 100000000, DEBT_FREE_MS / DEBT_MS, true), 0);
}

static void
what_is_of_use_is_never_waited_for(void **state)
{
	struct shared *s = shared_new();
	struct uuid t = token(1);

	(void)state;
	assert_int_equal(ask_in_turn(s, &t, 1000000, 1000, false), 0);
	/* Nor does it add to what was in vain. */
	assert_int_equal(ask_in_turn(s, &t, 1000000, 8, true), 0);
	assert_int_equal(ask_in_turn(s, &t, 1000000, 1000, false), 0);
	assert_int_equal(ask_in_turn(s, &t, 1000000, 1, true), 0);
	assert_true(ask_in_turn(s, &t, 1000000, 1, true) > 0);
}

static void
many_that_owe_and_ask_at_once_have_turns(void **state)
{
	struct shared *s = shared_new();
	struct uuid t = token(1);
	int64_t before = -1, most = DEBT_WAIT_MOST_MS * 1000;

	(void)state;
	ask_in_turn(s, &t, 1000000, DEBT_FREE_MS / DEBT_MS, true);
	for (int i = 0; i < 1000; i++) {
		bool owes;
		int64_t wait_us = shared_debt_ask(s, &t, 1000000, &owes);

		assert_true(owes);
		assert_true(wait_us > before || wait_us == most);
		before = wait_us;
	}
	assert_int_equal(before, most);
}

static void
a_debt_is_nobody_elses_in_the_same_place(void **state)
{
	struct shared *s = shared_new();
	struct uuid a = token(1), b = a;
	bool owes;

	(void)state;
	b.b[8] ^= 1; /* the same slot, another tag */
	ask_in_turn(s, &a, 1000000, 100, true);
	assert_int_equal(shared_debt_ask(s, &b, 1000000, &owes), 0);
	assert_false(owes);
	shared_debt_add(s, &b, 1000000, 1);
	shared_debt_forgive(s, &a);
	assert_int_equal(shared_debt_ask(s, &b, 1000000, &owes), 0);
	assert_true(owes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_newer_ticket_ends_the_older_one),
	    cmocka_unit_test(a_clash_of_two_workers_ends_nobodys_call),
	    cmocka_unit_test(what_one_process_counts_another_sees),
	    cmocka_unit_test(a_dead_process_leaves_its_sums_but_no_gauges),
	    cmocka_unit_test(latencies_fall_into_their_buckets),
	    cmocka_unit_test(who_asks_in_vain_again_and_again_waits_a_little),
	    cmocka_unit_test(what_is_of_use_is_never_waited_for),
	    cmocka_unit_test(many_that_owe_and_ask_at_once_have_turns),
	    cmocka_unit_test(a_debt_is_nobody_elses_in_the_same_place),
	};

	random_open();
	return cmocka_run_group_tests_name("shared", tests, NULL, NULL);
}
