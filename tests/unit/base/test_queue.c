#include "../test.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/queue.h"

#define PRODUCERS 8
#define EACH 20000

struct thing {
	struct queue_entry entry; /* first, so that an entry is a thing */
	int producer, number;
};

static void
what_waits_is_taken_at_once_and_in_order(void **state)
{
	struct queue q;
	struct thing things[5];
	struct queue_entry *entry;

	(void)state;
	queue_init(&q);
	for (int i = 0; i < 5; i++) {
		things[i].number = i;
		assert_true(queue_put(&q, &things[i].entry));
	}
	entry = queue_take(&q, -1);
	for (int i = 0; i < 5; i++, entry = entry->next)
		assert_int_equal(((struct thing *)entry)->number, i);
	assert_null(entry);
	assert_null(queue_take(&q, 0));
	queue_fini(&q);
}

static void
an_empty_queue_ends_the_patience(void **state)
{
	struct queue q;
	int64_t before;

	(void)state;
	queue_init(&q);
	assert_null(queue_take(&q, 0));
	before = clock_us();
	assert_null(queue_take(&q, 30));
	assert_true(clock_us() - before >= 30000);
	queue_fini(&q);
}

static void
a_closed_queue_gives_what_it_has_and_takes_nothing(void **state)
{
	struct queue q;
	struct thing one, two;

	(void)state;
	queue_init(&q);
	assert_true(queue_put(&q, &one.entry));
	queue_close(&q);
	assert_true(queue_is_closed(&q));
	assert_false(queue_put(&q, &two.entry));
	assert_ptr_equal(queue_take(&q, -1), &one.entry);
	assert_null(queue_take(&q, -1));
	queue_fini(&q);
}

static void *
close_later(void *q)
{
	clock_sleep_ms(20);
	queue_close(q);
	return NULL;
}

static void
closing_wakes_the_sleeping_taker(void **state)
{
	struct queue q;
	pthread_t thread;

	(void)state;
	queue_init(&q);
	pthread_create(&thread, NULL, close_later, &q);
	assert_null(queue_take(&q, -1));
	pthread_join(thread, NULL);
	queue_fini(&q);
}

struct producer {
	struct queue *q;
	struct thing *things;
	int number;
};

static void *
produce(void *producer_)
{
	struct producer *p = producer_;

	for (int i = 0; i < EACH; i++) {
		p->things[i].producer = p->number;
		p->things[i].number = i;
		queue_put(p->q, &p->things[i].entry);
	}
	return NULL;
}

static void
many_producers_lose_nothing_and_keep_their_order(void **state)
{
	struct queue q;
	struct producer producers[PRODUCERS];
	pthread_t threads[PRODUCERS];
	int next[PRODUCERS] = {0};
	int got = 0;

	(void)state;
	queue_init(&q);
	for (int i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){&q, calloc(EACH, sizeof(struct thing)), i};
		pthread_create(&threads[i], NULL, produce, &producers[i]);
	}
	while (got < PRODUCERS * EACH) {
		struct queue_entry *entry = queue_take(&q, 10000);

		assert_non_null(entry);
		for (; entry; entry = entry->next, got++) {
			struct thing *thing = (struct thing *)entry;

			assert_int_equal(thing->number, next[thing->producer]++);
		}
	}
	for (int i = 0; i < PRODUCERS; i++) {
		pthread_join(threads[i], NULL);
		free(producers[i].things);
	}
	assert_null(queue_take(&q, 0));
	queue_fini(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_waits_is_taken_at_once_and_in_order),
	    cmocka_unit_test(an_empty_queue_ends_the_patience),
	    cmocka_unit_test(a_closed_queue_gives_what_it_has_and_takes_nothing),
	    cmocka_unit_test(closing_wakes_the_sleeping_taker),
	    cmocka_unit_test(many_producers_lose_nothing_and_keep_their_order),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
