#include "run/parked.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <uthash.h>

#include "base/clock.h"
#include "domain/counts.h"

#define TICK_MS 100
#define POLL_US INT64_C(1000000) /* the slow poll behind the wake-ups */
/*
 * What calls hold while they wait, beyond the few KiB that each of them has: long lists of results or of
 * jobs held. More of it is not kept: the call is answered instead.
 */
#define CALL_BYTES (16 * 1024)
#define BYTES_MOST (64 * 1024 * 1024)

/* A call's place among those that wait: found by its worker, and by the event that tells of a hang-up. */
struct place {
	struct op *op;
	struct place *later, *earlier; /* of the stage */
	uint64_t number; /* an event may come when the call, and its memory, is gone */
	size_t bytes;
	UT_hash_handle by_token, by_number;
};

struct list {
	struct place *first, *last; /* by arrival */
	uint64_t wakes;             /* how often work appeared */
};

struct parked {
	struct tracker *tracker;
	pthread_t thread;
	pthread_mutex_t lock;
	struct list list[STAGES_MAX + 1];
	struct place *by_token, *by_number;
	uint64_t last_number;
	int64_t count, most;
	size_t bytes;
	int epoll;
	bool stopping;
	bool polling; /* a count is on its way */
	struct op poll;
	struct arena poll_arena;
	struct stage_counts counts;
};

/* ---- the list; with the lock held -------------------------------------------------------------- */

/* The last that came before it: newcomers belong near the end, those that were woken in vain near the head. */
static struct place *
find_earlier(const struct list *l, int64_t arrived_us)
{
	struct place *from_end = l->last, *from_head = l->first;

	while (from_end && from_end->op->arrived_us > arrived_us) {
		if (from_head->op->arrived_us > arrived_us)
			return from_head->earlier;
		from_head = from_head->later;
		from_end = from_end->earlier;
	}
	return from_end;
}

static void
link_place(struct parked *p, struct place *at)
{
	struct list *l = &p->list[at->op->worker.stage];

	at->earlier = find_earlier(l, at->op->arrived_us);
	at->later = at->earlier ? at->earlier->later : l->first;
	*(at->earlier ? &at->earlier->later : &l->first) = at;
	*(at->later ? &at->later->earlier : &l->last) = at;
	at->number = ++p->last_number;
	HASH_ADD_KEYPTR(by_token, p->by_token, at->op->token.b, sizeof(at->op->token.b), at);
	HASH_ADD(by_number, p->by_number, number, sizeof(at->number), at);
	p->count++;
	p->bytes += at->bytes;
	stat_add(STAT_PARKED, 1);
}

/* Takes the op out; its place is gone. */
static struct op *
unlink_place(struct parked *p, struct place *at)
{
	struct op *op = at->op;
	struct list *l = &p->list[op->worker.stage];

	*(at->earlier ? &at->earlier->later : &l->first) = at->later;
	*(at->later ? &at->later->earlier : &l->last) = at->earlier;
	HASH_DELETE(by_token, p->by_token, at);
	HASH_DELETE(by_number, p->by_number, at);
	p->count--;
	p->bytes -= at->bytes;
	stat_add(STAT_PARKED, -1);
	if (op->claim.fd >= 0)
		epoll_ctl(p->epoll, EPOLL_CTL_DEL, op->claim.fd, NULL);
	free(at);
	op->claim.later = NULL;
	return op;
}

static void
watch(struct parked *p, const struct place *at)
{
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLHUP, .data.u64 = at->number};

	if (at->op->claim.fd >= 0)
		(void)epoll_ctl(p->epoll, EPOLL_CTL_ADD, at->op->claim.fd, &event);
}

/* ---- in and out -------------------------------------------------------------------------------- */

static bool
may_wait(const struct parked *p, const struct op *op)
{
	return op->claim.n_jobs == 0 && op->claim.n_dropped == 0 &&
	    (op->status == ST_NONE || op->status == ST_PAUSED) &&
	    op->claim.wait_until_us > clock_us() && op->worker.stage >= 1 &&
	    op->worker.stage <= STAGES_MAX && !p->stopping;
}

/* The limit is the whole pool's: connections do not spread evenly over its processes. */
static bool
has_room(const struct parked *p, size_t bytes)
{
	return shared_stat(p->tracker->shared, STAT_PARKED) < p->most &&
	    (bytes == 0 || p->bytes + bytes <= BYTES_MOST);
}

static size_t
bytes_of(const struct op *op)
{
	size_t bytes = op->arena ? op->arena->bytes : 0;

	return bytes > CALL_BYTES ? bytes : 0;
}

bool
parked_put(struct parked *p, struct op *op)
{
	enum { NO, CROWDED, AGAIN, PARKED } what = NO;
	struct place *at;

	if (op->claim.wait_until_us == 0)
		return false;
	at = calloc(1, sizeof(*at));
	if (!at)
		abort();
	at->op = op;
	at->bytes = bytes_of(op);
	pthread_mutex_lock(&p->lock);
	if (may_wait(p, op))
		what = op->claim.wake_seen[op->worker.stage] != p->list[op->worker.stage].wakes
		    ? AGAIN
		    : has_room(p, at->bytes) ? PARKED
					     : CROWDED;
	if (what == PARKED) {
		link_place(p, at);
		watch(p, at);
	}
	/* Afterwards it may be anybody's. */
	op->claim.crowded = what == CROWDED;
	pthread_mutex_unlock(&p->lock);
	if (what != PARKED)
		free(at);
	if (what == AGAIN)
		op_submit(p->tracker, op);
	return what == AGAIN || what == PARKED;
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
		struct op *op = unlink_place(p, l->first);

		count -= op->claim.want;
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
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		for (struct place *at = p->list[stage].first, *next; at; at = next) {
			struct op *op;

			next = at->later;
			if (!ends(at->op, what))
				continue;
			op = unlink_place(p, at);
			op->claim.later = chain;
			chain = op;
		}
	pthread_mutex_unlock(&p->lock);
	return chain;
}

void
parked_end(struct parked *p, const struct uuid *token)
{
	struct op *chain = NULL, *op;
	struct place *at;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		HASH_FIND(by_token, p->by_token, token->b, sizeof(token->b), at);
		if (!at)
			break;
		op = unlink_place(p, at);
		op->claim.later = chain;
		chain = op;
	}
	pthread_mutex_unlock(&p->lock);
	answer_chain(chain);
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
	struct op *chain = NULL, *op;
	int n = epoll_wait(p->epoll, event, 64, TICK_MS);

	pthread_mutex_lock(&p->lock);
	for (int i = 0; i < n; i++) {
		uint64_t number = event[i].data.u64;
		struct place *at;

		/* One that was woken meanwhile is not found. */
		HASH_FIND(by_number, p->by_number, &number, sizeof(number), at);
		if (!at)
			continue;
		op = unlink_place(p, at);
		op->claim.later = chain;
		chain = op;
	}
	pthread_mutex_unlock(&p->lock);
	answer_chain(chain);
}

/* Nothing will come for it any more. */
static bool
waits_in_vain(const struct op *op, const void *counts)
{
	return op->claim.patient && !counts_more_may_come(counts, op->worker.stage);
}

static void
answer_poll(struct op *op)
{
	struct parked *p = op->owner;

	if (op->err.kind == ERR_NONE) {
		for (int stage = 1; stage <= STAGES_MAX; stage++)
			if (counts_available(&p->counts.stage[stage]) > 0)
				parked_wake(p, stage, counts_available(&p->counts.stage[stage]));
		answer_chain(take_if(p, waits_in_vain, &p->counts));
	}
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
