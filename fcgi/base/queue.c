#include "base/queue.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"

void
queue_init(struct queue *q)
{
	pthread_condattr_t attr;

	*q = (struct queue){0};
	q->last = &q->first;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->some, &attr);
	pthread_condattr_destroy(&attr);
}

void
queue_fini(struct queue *q)
{
	pthread_cond_destroy(&q->some);
	pthread_mutex_destroy(&q->lock);
}

/* Under the lock: true when somebody must be signalled, which is best done after it. */
static bool
wake(struct queue *q)
{
	bool asleep = q->asleep;

	q->asleep = false;
	return asleep;
}

bool
queue_put(struct queue *q, struct queue_entry *entry)
{
	bool signal = false, open;

	entry->next = NULL;
	pthread_mutex_lock(&q->lock);
	open = !q->closed;
	if (open) {
		*q->last = entry;
		q->last = &entry->next;
		signal = wake(q);
	}
	pthread_mutex_unlock(&q->lock);
	if (signal)
		pthread_cond_signal(&q->some);
	return open;
}

static struct timespec
moment(int64_t us)
{
	return (struct timespec){
	    .tv_sec = (time_t)(us / 1000000),
	    .tv_nsec = (long)(us % 1000000) * 1000,
	};
}

/* Under the lock: sleeps until there is something, the close or the end of the patience. */
static void
wait_for_some(struct queue *q, int64_t patience_ms)
{
	struct timespec until = {0};

	if (patience_ms > 0)
		until = moment(clock_us() + patience_ms * 1000);
	while (!q->first && !q->closed) {
		q->asleep = true;
		if (patience_ms < 0)
			pthread_cond_wait(&q->some, &q->lock);
		else if (pthread_cond_timedwait(&q->some, &q->lock, &until) == ETIMEDOUT)
			break;
	}
	q->asleep = false;
}

struct queue_entry *
queue_take(struct queue *q, int64_t patience_ms)
{
	struct queue_entry *chain;

	pthread_mutex_lock(&q->lock);
	if (patience_ms != 0)
		wait_for_some(q, patience_ms);
	chain = q->first;
	q->first = NULL;
	q->last = &q->first;
	pthread_mutex_unlock(&q->lock);
	return chain;
}

void
queue_close(struct queue *q)
{
	bool signal;

	pthread_mutex_lock(&q->lock);
	q->closed = true;
	signal = wake(q);
	pthread_mutex_unlock(&q->lock);
	if (signal)
		pthread_cond_signal(&q->some);
}

bool
queue_is_closed(struct queue *q)
{
	bool closed;

	pthread_mutex_lock(&q->lock);
	closed = q->closed;
	pthread_mutex_unlock(&q->lock);
	return closed;
}
