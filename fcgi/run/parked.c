#include "run/parked.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "domain/counts.h"

#define TICK_MS 100
#define POLL_US INT64_C(1000000) /* the slow poll behind the wake-ups */

struct list {
	struct op *first, *last; /* by arrival */
	uint64_t wakes;          /* how often work appeared */
};

struct parked {
	struct tracker *tracker;
	pthread_t thread;
	pthread_mutex_t lock;
	struct list list[STAGES_MAX + 1];
	int64_t count, most;
	int epoll;
	bool stopping;
	bool polling; /* a count is on its way */
	struct op poll;
	struct arena poll_arena;
	struct stage_counts counts;
};

/* ---- the list; with the lock held -------------------------------------------------------------- */

static void
link_by_arrival(struct list *l, struct op *op)
{
	struct op *after = l->last;

	/* Newcomers belong at the end, those that were woken in vain at the head: look from both. */
	if (l->first && op->arrived_us <= l->first->arrived_us)
		after = NULL;
	while (after && after->arrived_us > op->arrived_us)
		after = after->claim.earlier;
	op->claim.earlier = after;
	op->claim.later = after ? after->claim.later : l->first;
	*(after ? &after->claim.later : &l->first) = op;
	*(op->claim.later ? &op->claim.later->claim.earlier : &l->last) = op;
}

static void
unlink_op(struct parked *p, struct op *op)
{
	struct list *l = &p->list[op->worker.stage];

	*(op->claim.earlier ? &op->claim.earlier->claim.later : &l->first) = op->claim.later;
	*(op->claim.later ? &op->claim.later->claim.earlier : &l->last) = op->claim.earlier;
	p->count--;
	stat_add(STAT_PARKED, -1);
	if (op->claim.fd >= 0)
		epoll_ctl(p->epoll, EPOLL_CTL_DEL, op->claim.fd, NULL);
}

static void
watch(struct parked *p, struct op *op)
{
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLHUP, .data.ptr = op};

	if (op->claim.fd >= 0)
		(void)epoll_ctl(p->epoll, EPOLL_CTL_ADD, op->claim.fd, &event);
}

/* ---- in and out -------------------------------------------------------------------------------- */

static bool
may_wait(const struct parked *p, const struct op *op)
{
	return op->claim.n_jobs == 0 && !op->claim.jobs &&
	    (op->status == ST_NONE || op->status == ST_PAUSED) &&
	    op->claim.wait_until_us > clock_us() && op->worker.stage >= 1 &&
	    op->worker.stage <= STAGES_MAX && !p->stopping && p->count < p->most;
}

bool
parked_put(struct parked *p, struct op *op)
{
	struct list *l =
	    &p->list[op->worker.stage >= 1 && op->worker.stage <= STAGES_MAX ? op->worker.stage
									     : 0];
	bool again = false, parked = false;

	if (op->claim.wait_until_us == 0)
		return false;
	pthread_mutex_lock(&p->lock);
	if (may_wait(p, op)) {
		again = op->claim.wake_seen[op->worker.stage] != l->wakes;
		if (!again) {
			link_by_arrival(l, op);
			watch(p, op);
			p->count++;
			stat_add(STAT_PARKED, 1);
		}
		parked = true;
	}
	pthread_mutex_unlock(&p->lock);
	if (again)
		op_submit(p->tracker, op);
	return parked;
}

void
parked_mark(struct parked *p, struct op *op)
{
	if (op->claim.wait_until_us == 0)
		return;
	pthread_mutex_lock(&p->lock);
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		op->claim.wake_seen[stage] = p->list[stage].wakes;
	pthread_mutex_unlock(&p->lock);
}

/* Takes up to `count` calls out, oldest first; those of workers who asked anew end without jobs. */
static struct op *
take_oldest(struct parked *p, int stage, int64_t count)
{
	struct list *l = &p->list[stage];
	struct op *chain = NULL, **last = &chain;

	pthread_mutex_lock(&p->lock);
	l->wakes++;
	while (count > 0 && l->first) {
		struct op *op = l->first;

		unlink_op(p, op);
		count -= op->claim.want;
		op->claim.later = NULL;
		*last = op;
		last = &op->claim.later;
	}
	pthread_mutex_unlock(&p->lock);
	return chain;
}

void
parked_wake(struct parked *p, int stage, int64_t count)
{
	struct op *op, *next;

	if (stage < 1 || stage > STAGES_MAX)
		return;
	for (op = take_oldest(p, stage, count); op; op = next) {
		next = op->claim.later;
		op_submit(p->tracker, op);
	}
}

static void
answer_chain(struct op *chain)
{
	while (chain) {
		struct op *next = chain->claim.later;

		chain->status = ST_NONE;
		chain->answer(chain);
		chain = next;
	}
}

/* Takes out what `ends` says, as a chain. */
static struct op *
take_if(struct parked *p, bool (*ends)(const struct op *op, const void *what), const void *what)
{
	struct op *chain = NULL;

	pthread_mutex_lock(&p->lock);
	for (int stage = 1; stage <= STAGES_MAX; stage++) {
		struct op *op = p->list[stage].first, *next;

		for (; op; op = next) {
			next = op->claim.later;
			if (!ends(op, what))
				continue;
			unlink_op(p, op);
			op->claim.later = chain;
			chain = op;
		}
	}
	pthread_mutex_unlock(&p->lock);
	return chain;
}

static bool
is_of(const struct op *op, const void *token)
{
	return uuid_equal(&op->token, token);
}

void
parked_end(struct parked *p, const struct uuid *token)
{
	if (parked_count(p) > 0)
		answer_chain(take_if(p, is_of, token));
}

int64_t
parked_count(struct parked *p)
{
	int64_t count;

	pthread_mutex_lock(&p->lock);
	count = p->count;
	pthread_mutex_unlock(&p->lock);
	return count;
}

/* ---- the watching thread ----------------------------------------------------------------------- */

struct now {
	int64_t us;
	struct shared *shared;
};

static bool
is_over(const struct op *op, const void *now_)
{
	const struct now *now = now_;

	return op->claim.wait_until_us <= now->us ||
	    !shared_ticket_is_newest(now->shared, &op->token, op->claim.ticket);
}

static bool
is_any(const struct op *op, const void *what)
{
	(void)op;
	(void)what;
	return true;
}

/* Who has hung up is answered like the rest: writing fails, and nothing was given. */
static void
drop_hung_up(struct parked *p)
{
	struct epoll_event event[64];
	struct op *chain = NULL;
	int n = epoll_wait(p->epoll, event, 64, TICK_MS);

	if (n <= 0)
		return;
	pthread_mutex_lock(&p->lock);
	/* An event may be of a call that was woken meanwhile: look for it in the list. */
	for (int i = 0; i < n; i++)
		for (int stage = 1; stage <= STAGES_MAX; stage++)
			for (struct op *op = p->list[stage].first; op; op = op->claim.later)
				if (op == event[i].data.ptr) {
					unlink_op(p, op);
					op->claim.later = chain;
					chain = op;
					break;
				}
	pthread_mutex_unlock(&p->lock);
	answer_chain(chain);
}

static void
answer_poll(struct op *op)
{
	struct parked *p = op->owner;

	if (op->err.kind == ERR_NONE)
		for (int stage = 1; stage <= STAGES_MAX; stage++)
			if (counts_available(&p->counts.stage[stage]) > 0)
				parked_wake(p, stage, counts_available(&p->counts.stage[stage]));
	pthread_mutex_lock(&p->lock);
	p->polling = false;
	pthread_mutex_unlock(&p->lock);
}

/* Back-offs that end, other hosts, a wake-up that Redis lost: asked once a second, if anybody waits. */
static void
poll_counts(struct parked *p, int64_t *last_us)
{
	bool ask;

	if (clock_us() - *last_us < POLL_US)
		return;
	*last_us = clock_us();
	pthread_mutex_lock(&p->lock);
	ask = p->count > 0 && !p->polling;
	p->polling = p->polling || ask;
	pthread_mutex_unlock(&p->lock);
	if (!ask)
		return;
	memset(&p->poll, 0, sizeof(p->poll));
	p->poll.kind = OP_COUNT;
	p->poll.arrived_us = p->poll.give_up_us = clock_us();
	p->poll.owner = p;
	p->poll.answer = answer_poll;
	p->poll.arena = &p->poll_arena;
	p->poll.count = &p->counts;
	op_submit(p->tracker, &p->poll);
}

static bool
is_stopping(struct parked *p)
{
	bool stopping;

	pthread_mutex_lock(&p->lock);
	stopping = p->stopping;
	pthread_mutex_unlock(&p->lock);
	return stopping;
}

static void *
run(void *arg)
{
	struct parked *p = arg;
	int64_t last_poll_us = 0, last_look_us = 0;

	while (!is_stopping(p)) {
		struct now now;

		drop_hung_up(p);
		poll_counts(p, &last_poll_us);
		now = (struct now){clock_us(), p->tracker->shared};
		if (now.us - last_look_us < TICK_MS * 1000)
			continue;
		last_look_us = now.us;
		answer_chain(take_if(p, is_over, &now));
	}
	return NULL;
}

struct parked *
parked_start(struct tracker *t, int64_t most)
{
	struct parked *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->tracker = t;
	p->most = most;
	pthread_mutex_init(&p->lock, NULL);
	arena_init(&p->poll_arena);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll < 0 || pthread_create(&p->thread, NULL, run, p) != 0)
		abort();
	return p;
}

void
parked_stop(struct parked *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_mutex_unlock(&p->lock);
	answer_chain(take_if(p, is_any, NULL));
}

void
parked_join(struct parked *p)
{
	pthread_join(p->thread, NULL);
	close(p->epoll);
	arena_fini(&p->poll_arena);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
