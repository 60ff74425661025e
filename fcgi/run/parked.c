#include "run/parked.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/random.h"
#include "domain/counts.h"

#define TICK_MS 100
#define POLL_US INT64_C(1000000) /* the slow poll behind the wake-ups */
#define LOOK_US INT64_C(20000)   /* between two looks at the counts because work appeared */
#define NEEDS_MOST                                                                                 \
	32     /* of a stage: more different needs are not told apart, and wake whoever waits */
#define BELL 0 /* nobody's number */
/*
 * What calls hold while they wait, beyond the few KiB that each of them has: long lists of results or of
 * jobs held. More of it is not kept: the call is answered instead.
 */
#define CALL_BYTES (16 * 1024)
#define BYTES_MOST (64 * 1024 * 1024)

/* A call that waits: found by its worker, and by the event that tells of a hang-up. */
struct waiting {
	struct op *op;
	struct line *line;
	struct waiting *later, *earlier; /* of the line */
	uint64_t number; /* an event may come when the call, and its memory, is gone */
	size_t bytes;
	UT_hash_handle by_token, by_number;
};

/* Those of a stage that have the same words; none is empty. */
struct line {
	uint64_t has;
	struct waiting *first, *last; /* by arrival */
	struct line *next;
};

/* What is known of work with these needs. */
struct work {
	uint64_t needs;
	uint64_t woken; /* number of its last wake-up */
	int64_t due_us; /* when some of it has its turn, because of a rate; 0 = not known */
	int64_t due_jobs;
};

struct list {
	struct line *lines;
	struct work
	    work[NEEDS_MOST]; /* the first needs nothing, and stands for those that have no room */
	int works;
};

struct parked {
	struct tracker *tracker;
	pthread_t thread;
	pthread_mutex_t lock;
	struct list
	    list[STAGES_MAX + 1]; /* of the stages; in front those who rest, whom no work wakes */
	struct waiting *by_token, *by_number;
	struct queue_entry *delayed; /* registrations and claims that came too early; in no order */
	uint64_t last_number, wakes;
	int64_t count, most;
	size_t bytes;
	int epoll, bell;
	bool stopping;
	bool polling;         /* a count is on its way */
	bool look;            /* work appeared, whose needs are to be asked for */
	struct uuid words;    /* hash of those that batches need, as last heard */
	uint64_t words_woken; /* number of the wake-up for their last change */
	struct op poll;
	struct arena poll_arena;
	struct stage_counts counts;
};

/* ---- the list; with the lock held -------------------------------------------------------------- */

/* The last that came before it: newcomers belong near the end, those that were woken in vain near the head. */
static struct waiting *
find_earlier(const struct line *l, int64_t arrived_us)
{
	struct waiting *from_end = l->last, *from_head = l->first;

	while (from_end && from_end->op->arrived_us > arrived_us) {
		if (from_head->op->arrived_us > arrived_us)
			return from_head->earlier;
		from_head = from_head->later;
		from_end = from_end->earlier;
	}
	return from_end;
}

static struct line *
get_line(struct list *list, uint64_t has)
{
	struct line *l = list->lines;

	while (l && l->has != has)
		l = l->next;
	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		abort();
	l->has = has;
	l->next = list->lines;
	list->lines = l;
	return l;
}

static void
remove_line(struct list *list, struct line *l)
{
	struct line **at = &list->lines;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	free(l);
}

static struct work *
get_work(struct list *l, uint64_t needs)
{
	if (l->works == 0)
		l->works = 1;
	for (int i = 0; i < l->works; i++)
		if (l->work[i].needs == needs)
			return &l->work[i];
	if (l->works == NEEDS_MOST)
		return &l->work[0];
	l->work[l->works] = (struct work){.needs = needs};
	return &l->work[l->works++];
}

/* Since it asked, for something that it has what is needed for, or may have. */
static bool
was_woken(const struct parked *p, const struct op *op)
{
	const struct list *l = &p->list[op->worker.stage];

	if (op->worker.unneeded > 0 && p->words_woken > op->claim.wake_seen)
		return true;
	for (int i = 0; i < l->works; i++)
		if ((l->work[i].needs & ~op->worker.has) == 0 &&
		    l->work[i].woken > op->claim.wake_seen)
			return true;
	return false;
}

static struct list *
list_of(struct parked *p, const struct op *op)
{
	return &p->list[op->status == ST_REST ? 0 : op->worker.stage];
}

static void
link_waiting(struct parked *p, struct waiting *at)
{
	struct line *l = get_line(list_of(p, at->op), at->op->worker.has);

	at->line = l;
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

/* Takes the op out; the rest of it is gone. */
static struct op *
unlink_waiting(struct parked *p, struct waiting *at)
{
	struct op *op = at->op;
	struct line *l = at->line;

	*(at->earlier ? &at->earlier->later : &l->first) = at->later;
	*(at->later ? &at->later->earlier : &l->last) = at->earlier;
	HASH_DELETE(by_token, p->by_token, at);
	HASH_DELETE(by_number, p->by_number, at);
	p->count--;
	p->bytes -= at->bytes;
	stat_add(STAT_PARKED, -1);
	if (op->claim.fd >= 0)
		epoll_ctl(p->epoll, EPOLL_CTL_DEL, op->claim.fd, NULL);
	if (!l->first)
		remove_line(list_of(p, op), l);
	free(at);
	op->claim.later = NULL;
	return op;
}

static void
watch(struct parked *p, const struct waiting *at)
{
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLHUP, .data.u64 = at->number};

	if (at->op->claim.fd >= 0)
		(void)epoll_ctl(p->epoll, EPOLL_CTL_ADD, at->op->claim.fd, &event);
}

/* ---- in and out -------------------------------------------------------------------------------- */

/* v1 has no words for a rest, only time; a fleet is told, and is not parked. */
static bool
rests(const struct op *op)
{
	return op->status == ST_REST && op->claim.v1;
}

static bool
may_wait(const struct parked *p, const struct op *op)
{
	return op->claim.n_jobs == 0 && op->claim.n_dropped == 0 &&
	    (op->status == ST_NONE || op->status == ST_PAUSED || rests(op)) &&
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
	struct waiting *at;

	if (op->claim.wait_until_us == 0)
		return false;
	at = calloc(1, sizeof(*at));
	if (!at)
		abort();
	at->op = op;
	at->bytes = bytes_of(op);
	pthread_mutex_lock(&p->lock);
	if (may_wait(p, op))
		what = !rests(op) && was_woken(p, op) ? AGAIN
		    : has_room(p, at->bytes)          ? PARKED
						      : CROWDED;
	if (what == PARKED) {
		link_waiting(p, at);
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
	op->claim.wake_seen = p->wakes;
	pthread_mutex_unlock(&p->lock);
	op->generation = shared_generation(p->tracker->shared, &op->token);
}

bool
parked_delay(struct parked *p, struct op *op, int64_t after_us)
{
	bool good;

	pthread_mutex_lock(&p->lock);
	good = !p->stopping && has_room(p, 0);
	if (good) {
		op->again_us = clock_us() + after_us;
		op->entry.next = p->delayed;
		p->delayed = &op->entry;
		stat_add(STAT_PARKED, 1);
	}
	pthread_mutex_unlock(&p->lock);
	return good;
}

/* Sends those to their desk again whose time has come. */
static void
submit_delayed(struct parked *p, int64_t now_us)
{
	struct queue_entry *chain = NULL, **at = &p->delayed;

	pthread_mutex_lock(&p->lock);
	while (*at) {
		struct queue_entry *entry = *at;

		if (((struct op *)entry)->again_us > now_us) {
			at = &entry->next;
			continue;
		}
		*at = entry->next;
		entry->next = chain;
		chain = entry;
		stat_add(STAT_PARKED, -1);
	}
	pthread_mutex_unlock(&p->lock);
	while (chain) {
		struct op *op = (struct op *)chain;

		chain = chain->next;
		op_submit(p->tracker, op);
	}
}

/* Of those who have what is needed. */
static struct waiting *
find_oldest(const struct list *list, uint64_t needs)
{
	struct waiting *oldest = NULL;

	for (const struct line *l = list->lines; l; l = l->next)
		if ((needs & ~l->has) == 0 &&
		    (!oldest || l->first->op->arrived_us < oldest->op->arrived_us))
			oldest = l->first;
	return oldest;
}

/* Takes up to `count` calls out, oldest first; those of workers who asked anew end without jobs. */
static struct op *
take_oldest(struct parked *p, int stage, uint64_t needs, int64_t count)
{
	struct list *l = &p->list[stage];
	struct op *chain = NULL, **last = &chain;
	struct waiting *at;

	pthread_mutex_lock(&p->lock);
	get_work(l, needs)->woken = ++p->wakes;
	for (at = find_oldest(l, needs); count > 0 && at; at = find_oldest(l, needs)) {
		struct op *op = unlink_waiting(p, at);

		count -= op->claim.want;
		*last = op;
		last = &op->claim.later;
	}
	pthread_mutex_unlock(&p->lock);
	return chain;
}

static void
submit_chain(struct parked *p, struct op *chain)
{
	while (chain) {
		struct op *next = chain->claim.later;

		op_submit(p->tracker, chain);
		chain = next;
	}
}

void
parked_wake(struct parked *p, int stage, uint64_t needs, int64_t count)
{
	if (stage >= 1 && stage <= STAGES_MAX)
		submit_chain(p, take_oldest(p, stage, needs, count));
}

static void
ring(struct parked *p)
{
	(void)eventfd_write(p->bell, 1);
}

void
parked_wake_later(struct parked *p, int stage, uint64_t needs, int64_t after_us, int64_t count)
{
	struct work *work;

	if (stage < 1 || stage > STAGES_MAX || count <= 0)
		return;
	pthread_mutex_lock(&p->lock);
	work = get_work(&p->list[stage], needs);
	work->due_us = clock_us() + after_us;
	work->due_jobs = count;
	pthread_mutex_unlock(&p->lock);
	if (after_us < TICK_MS * 1000)
		ring(p);
}

void
parked_appeared(struct parked *p, int stage, int64_t count, bool unsure)
{
	if (!unsure && !counts_is_gated(p->tracker->counts, stage)) {
		parked_wake(p, stage, 0, count);
		return;
	}
	pthread_mutex_lock(&p->lock);
	p->look = true;
	pthread_mutex_unlock(&p->lock);
	ring(p);
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
	for (int stage = 0; stage <= STAGES_MAX; stage++)
		for (struct line *l = p->list[stage].lines, *line; l; l = line) {
			line = l->next; /* it is gone with its last call */
			for (struct waiting *at = l->first, *next; at; at = next) {
				struct op *op;

				next = at->later;
				if (!ends(at->op, what))
					continue;
				op = unlink_waiting(p, at);
				op->claim.later = chain;
				chain = op;
			}
		}
	pthread_mutex_unlock(&p->lock);
	return chain;
}

void
parked_end(struct parked *p, const struct uuid *token)
{
	struct op *chain = NULL, *op;
	struct waiting *at;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		HASH_FIND(by_token, p->by_token, token->b, sizeof(token->b), at);
		if (!at)
			break;
		op = unlink_waiting(p, at);
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

/* Or somebody ended its rest: the worker changed. */
static bool
has_rested(const struct op *op, const void *now_)
{
	const struct now *now = now_;

	return rests(op) &&
	    (op->claim.rest_until_us <= now->us ||
		shared_generation(now->shared, &op->token) != op->generation);
}

static bool
is_any(const struct op *op, const void *what)
{
	(void)op;
	(void)what;
	return true;
}

/* Not longer than a tick, and not past the next turn of something. */
static int
ms_until_due(struct parked *p)
{
	int64_t now = clock_us(), wait_us = TICK_MS * 1000;

	pthread_mutex_lock(&p->lock);
	if (p->look && !p->polling)
		wait_us = LOOK_US;
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		for (int i = 0; i < p->list[stage].works; i++) {
			int64_t due_us = p->list[stage].work[i].due_us;

			if (due_us != 0 && due_us - now < wait_us)
				wait_us = due_us > now ? due_us - now : 0;
		}
	pthread_mutex_unlock(&p->lock);
	return (int)((wait_us + 999) / 1000);
}

/* Wakes those for whose work the turn has come. */
static void
wake_due(struct parked *p)
{
	int64_t now = clock_us();

	for (int stage = 1; stage <= STAGES_MAX; stage++)
		for (int i = 0; i < NEEDS_MOST; i++) {
			struct work *work = &p->list[stage].work[i];
			int64_t count = 0;
			uint64_t needs;

			pthread_mutex_lock(&p->lock);
			needs = work->needs;
			if (i < p->list[stage].works && work->due_us != 0 && work->due_us <= now) {
				count = work->due_jobs;
				work->due_us = 0;
			}
			pthread_mutex_unlock(&p->lock);
			if (count > 0)
				parked_wake(p, stage, needs, count);
		}
}

/* Who has hung up is answered like the rest: writing fails, and nothing was given. */
static void
answer_hung_up(struct parked *p)
{
	struct epoll_event event[64];
	struct op *chain = NULL, *op;
	int n = epoll_wait(p->epoll, event, 64, ms_until_due(p));

	pthread_mutex_lock(&p->lock);
	for (int i = 0; i < n; i++) {
		uint64_t number = event[i].data.u64;
		struct waiting *at;
		eventfd_t rung;

		if (number == BELL)
			(void)eventfd_read(p->bell, &rung);
		/* One that was woken meanwhile is not found. */
		HASH_FIND(by_number, p->by_number, &number, sizeof(number), at);
		if (!at)
			continue;
		op = unlink_waiting(p, at);
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
wake_for(struct parked *p, const struct stage_work *work)
{
	if (work->now > 0)
		parked_wake(p, work->stage, work->needs, work->now);
	if (work->later > 0)
		parked_wake_later(p, work->stage, work->needs, work->later_us, 1);
}

static bool
has_unneeded(const struct op *op, const void *nothing)
{
	(void)nothing;
	return op->worker.unneeded > 0;
}

/* A word has come into use: who says words that were in none is asked anew, for it may have it. */
static void
ask_for_words(struct parked *p)
{
	struct uuid words = hash_128(p->counts.word, sizeof(p->counts.word));

	if (p->counts.works == 0 || memcmp(&words, &p->words, sizeof(words)) == 0)
		return;
	p->words = words;
	pthread_mutex_lock(&p->lock);
	p->words_woken = ++p->wakes;
	pthread_mutex_unlock(&p->lock);
	submit_chain(p, take_if(p, has_unneeded, NULL));
}

static void
answer_poll(struct op *op)
{
	struct parked *p = op->owner;
	bool look;

	if (op->err.kind == ERR_NONE) {
		ask_for_words(p);
		for (int stage = 1; stage <= STAGES_MAX; stage++)
			if (!p->counts.stage[stage].gated &&
			    counts_available(&p->counts, stage, 0) > 0)
				parked_wake(p, stage, 0, counts_available(&p->counts, stage, 0));
		for (int i = 0; i < p->counts.works; i++)
			wake_for(p, &p->counts.work[i]);
		answer_chain(take_if(p, waits_in_vain, &p->counts));
	}
	pthread_mutex_lock(&p->lock);
	p->polling = false;
	look = p->look;
	pthread_mutex_unlock(&p->lock);
	if (look)
		ring(p);
}

/*
 * Back-offs that end, other hosts, a wake-up that Redis lost: asked once a second, if anybody waits; and when
 * work appeared of which it is not known what it needs.
 */
static void
poll_counts(struct parked *p, int64_t *last_us)
{
	int64_t since_us = clock_us() - *last_us;
	bool due, ask;

	pthread_mutex_lock(&p->lock);
	due = !p->polling && since_us >= (p->look ? LOOK_US : POLL_US);
	ask = due && p->count > 0;
	p->look = p->look && !due;
	p->polling = p->polling || ask;
	pthread_mutex_unlock(&p->lock);
	if (due)
		*last_us = clock_us();
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

		answer_hung_up(p);
		wake_due(p);
		poll_counts(p, &last_poll_us);
		now = (struct now){clock_us(), p->tracker->shared};
		if (now.us - last_look_us < TICK_MS * 1000)
			continue;
		last_look_us = now.us;
		answer_chain(take_if(p, is_over, &now));
		submit_chain(p, take_if(p, has_rested, &now));
		submit_delayed(p, now.us);
	}
	return NULL;
}

struct parked *
parked_start(struct tracker *t, int64_t most)
{
	struct parked *p = calloc(1, sizeof(*p));
	struct epoll_event bell = {.events = EPOLLIN, .data.u64 = BELL};

	if (!p)
		abort();
	p->tracker = t;
	p->most = most;
	pthread_mutex_init(&p->lock, NULL);
	arena_init(&p->poll_arena);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->bell < 0 || p->epoll < 0 ||
	    epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->bell, &bell) != 0 ||
	    pthread_create(&p->thread, NULL, run, p) != 0)
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
	submit_delayed(p, INT64_MAX);
}

void
parked_join(struct parked *p)
{
	pthread_join(p->thread, NULL);
	close(p->epoll);
	close(p->bell);
	arena_fini(&p->poll_arena);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
