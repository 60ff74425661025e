#include "run/committer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/bundle.h"
#include "run/parked.h"
#include "store/pg.h"

#define PATIENCE_MS 60000 /* for one bundle: over it the connection is dropped and made anew */
#define DEADLOCK_TRIES 20
#define AWAY_MOST 8192 /* ops that wait for PostgreSQL to come back; more are answered at once */

struct committer {
	struct tracker *tracker;
	enum desk desk;
	pthread_t thread;
	struct pg *pg;
	struct queue_entry *waiting, **last; /* taken and not in a bundle yet, oldest first */
	size_t n_waiting;
	struct bundle bundle[2]; /* one under way, one being answered */
	int now;
	struct bundle *unanswered; /* committed; its answers go out while the next one is away */
	uint32_t round;            /* marks tokens that are in the bundle being cut */
	uint32_t seen[4096];       /* by token: the round it was last put into a bundle */
};

static struct op *
op_of(struct queue_entry *entry)
{
	return (struct op *)entry;
}

static void
append(struct committer *c, struct queue_entry *chain)
{
	*c->last = chain;
	while (*c->last) {
		c->last = &(*c->last)->next;
		c->n_waiting++;
	}
}

/* A worker's ops go one a bundle (results of a fleet excepted: they name their leases). A clash only waits. */
static bool
token_is_free(struct committer *c, const struct op *op)
{
	uint32_t *mark;
	uint16_t word;

	if ((op->kind == OP_COMPLETE || op->kind == OP_RETURN) && !op->items.items[0].held)
		return true;
	memcpy(&word, op->token.b, sizeof(word));
	mark = &c->seen[word % (sizeof(c->seen) / sizeof(*c->seen))];
	if (*mark == c->round)
		return false;
	*mark = c->round;
	return true;
}

/* A newer call of the same worker has come, maybe to another process: this one ends without jobs. */
static bool
is_superseded(struct committer *c, const struct op *op)
{
	return op->kind == OP_CLAIM && op->claim.wait_until_us > 0 &&
	    !shared_ticket_is_newest(c->tracker->shared, &op->token, op->claim.ticket);
}

/* Moves what fits from the waiting list into a bundle: ops of the kind of the oldest, in order. */
static void
cut(struct committer *c, struct bundle *b)
{
	struct queue_entry **at = &c->waiting;
	size_t items = 0, bytes = 0, most = BUNDLE_ITEMS;

	c->round++;
	bundle_clear(b);
	while (*at && b->n < BUNDLE_ITEMS) {
		struct op *op = op_of(*at);
		size_t n = op_items(op), len = op_bytes(op);

		if (b->n == 0) {
			b->kind = op->kind;
			if (op->kind == OP_CLAIM)
				most = (size_t)bundle_jobs_most(b);
		}
		if (b->n > 0 && (items + n > most || bytes + len > BUNDLE_BYTES_IN))
			break;
		if (op->kind != b->kind || !token_is_free(c, op)) {
			at = &(*at)->next;
			continue;
		}
		*at = op->entry.next;
		c->n_waiting--;
		if (op->kind == OP_CLAIM && op->claim.want > (int)most)
			op->claim.want = (int)most;
		bundle_add(b, op);
		items += n;
		bytes += len;
	}
	for (at = &c->waiting; *at; at = &(*at)->next)
		;
	c->last = at;
}

static void
put_back(struct committer *c, struct bundle *b)
{
	for (int i = b->n - 1; i >= 0; i--) {
		struct op *op = b->ops[i];

		op->entry.next = c->waiting;
		if (!c->waiting)
			c->last = &op->entry.next;
		c->waiting = &op->entry;
		c->n_waiting++;
	}
	b->n = 0;
}

static void
answer(struct committer *c, struct op *op)
{
	if (op->kind == OP_CLAIM && op->err.kind == ERR_NONE && parked_put(c->tracker->parked, op))
		return;
	op->answer(op);
}

static void
answer_bundle(struct committer *c, struct bundle *b)
{
	for (int i = 0; i < b->n; i++)
		answer(c, b->ops[i]);
	bundle_clear(b);
}

static void
answer_unanswered(struct committer *c)
{
	struct bundle *b = c->unanswered;

	c->unanswered = NULL;
	if (b)
		answer_bundle(c, b);
}

/* Answers those whose patience is over, and those of whom there are too many. */
static void
give_up(struct committer *c, const struct err *away)
{
	struct queue_entry **at = &c->waiting;
	int64_t now = clock_us();
	size_t kept = 0;

	while (*at) {
		struct op *op = op_of(*at);

		if (op->give_up_us > now && kept < AWAY_MOST) {
			kept++;
			at = &op->entry.next;
			continue;
		}
		*at = op->entry.next;
		c->n_waiting--;
		op->err = *away;
		op->answer(op);
	}
	c->last = at;
}

/* PostgreSQL is away: what was under way may have been committed, which rerun tells. */
static void
wait_for_postgres(struct committer *c, struct bundle *b, const struct err *away)
{
	static _Atomic(long) last;
	int64_t wait_ms = pg_retry_in_ms(c->pg);

	if (log_due(&last, 60))
		log_err(LOG_WARN_, "postgres_away", away);
	stat_add(STAT_PG_AWAY, 1);
	for (int i = 0; i < b->n; i++)
		b->ops[i]->rerun = true;
	put_back(c, b);
	give_up(c, away);
	if (wait_ms > 200)
		wait_ms = 200; /* so that patience is seen to end */
	/* Sleeping on the queue would wake for each newcomer: nothing can be done for it yet. */
	clock_sleep_ms(wait_ms > 0 ? wait_ms : 10);
	append(c, queue_take(&c->tracker->desk[c->desk], 0));
}

static bool
exchange(struct committer *c, struct bundle *b, struct err *e)
{
	if (!bundle_send(c->tracker, b, c->pg, e))
		return false;
	answer_unanswered(c);
	return bundle_receive(c->tracker, b, c->pg, e);
}

/* PostgreSQL refused the bundle, and nothing of it happened: look for the op that is to blame. */
static void
halve(struct committer *c, struct bundle *b, const struct err *first)
{
	struct op *all[BUNDLE_ITEMS];
	int n = b->n;

	memcpy(all, b->ops, (size_t)n * sizeof(*all));
	stat_add(STAT_PG_ERRORS, 1);
	if (n == 1) {
		log_err(LOG_ERROR_, "op_refused", first);
		all[0]->err = *first;
		all[0]->answer(all[0]);
		bundle_clear(b);
		return;
	}
	for (int half = 0; half < 2; half++) {
		int from = half == 0 ? 0 : n / 2, to = half == 0 ? n / 2 : n;
		struct err e = ERR_INIT;

		bundle_clear(b);
		b->careful = true;
		for (int i = from; i < to; i++)
			bundle_add(b, all[i]);
		if (exchange(c, b, &e))
			answer_bundle(c, b);
		else if (e.kind == ERR_SQL)
			halve(c, b, &e);
		else {
			for (int i = 0; i < b->n; i++)
				b->ops[i]->rerun = true;
			put_back(c, b);
		}
	}
}

/* Refused once, a bundle goes the long way; refused again, op by op. */
static void
commit(struct committer *c, struct bundle *b)
{
	struct err e = ERR_INIT;

	for (int try = 0; try < DEADLOCK_TRIES; try++) {
		err_clear(&e);
		if (exchange(c, b, &e)) {
			c->unanswered = b;
			c->now = 1 - c->now;
			return;
		}
		if (e.kind != ERR_SQL || (b->careful && !pg_is_clash(&e)))
			break;
		b->careful = true;
		clock_sleep_ms(random_below(1u << (try < 6 ? try : 6)));
	}
	answer_unanswered(c);
	if (e.kind == ERR_SQL)
		halve(c, b, &e);
	else if (e.kind == ERR_AWAY)
		wait_for_postgres(c, b, &e);
	else {
		log_err(LOG_ERROR_, "bundle_failed", &e);
		for (int i = 0; i < b->n; i++)
			b->ops[i]->err = e;
		answer_bundle(c, b);
	}
}

/* Answers what needs no PostgreSQL; false when nothing is left for it. */
static bool
prepare(struct committer *c, struct bundle *b)
{
	int kept = 0;

	for (int i = 0; i < b->n; i++) {
		struct op *op = b->ops[i];

		if (is_superseded(c, op)) {
			op->status = ST_NONE;
			op->claim.wait_until_us = 0;
			op->answer(op);
			continue;
		}
		if (op->kind == OP_CLAIM)
			parked_mark(c->tracker->parked, op);
		b->ops[kept++] = op;
	}
	b->n = kept;
	return kept > 0;
}

static void *
run(void *arg)
{
	struct committer *c = arg;
	struct queue *q = &c->tracker->desk[c->desk];

	for (;;) {
		struct bundle *b = &c->bundle[c->now];

		append(c, queue_take(q, 0));
		if (!c->waiting) {
			answer_unanswered(c);
			append(c, queue_take(q, -1));
			if (!c->waiting && queue_is_closed(q))
				break;
		}
		cut(c, b);
		if (b->n > 0 && prepare(c, b))
			commit(c, b);
	}
	return NULL;
}

struct committer *
committer_start(struct tracker *t, enum desk desk)
{
	static const char *const names[DESKS] = {"claim", "complete", "workers", "read"};
	struct committer *c = calloc(1, sizeof(*c));
	struct buf name;

	if (!c)
		abort();
	c->tracker = t;
	c->desk = desk;
	c->last = &c->waiting;
	bundle_init(&c->bundle[0]);
	bundle_init(&c->bundle[1]);
	buf_init(&name, 0);
	buf_printf(&name, "tracker %s", names[desk]);
	c->pg =
	    pg_new(t->settings->postgres, name.data, "set jit = off; set search_path = tracker");
	buf_fini(&name);
	pg_set_patience(c->pg, PATIENCE_MS);
	if (pthread_create(&c->thread, NULL, run, c) != 0)
		abort();
	return c;
}

void
committer_join(struct committer *c)
{
	pthread_join(c->thread, NULL);
	bundle_fini(&c->bundle[0]);
	bundle_fini(&c->bundle[1]);
	pg_free(c->pg);
	free(c);
}
