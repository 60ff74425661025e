#include "run/committer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/bundle.h"
#include "domain/health.h"
#include "run/parked.h"
#include "store/pg.h"
#include "store/sqlstate.h"

#define PATIENCE_MS                                                                                \
	25000 /* for one bundle: over it the connection is dropped and made anew, twice in v1's patience */
#define CLASH_TRIES 20
#define REFUSED_TRIES 3 /* in company, before it is halved; and alone, before it is given up */
#define NAP_MIN_MS 100  /* between tries of what is refused, doubling */
#define NAP_MAX_MS 1000
#define NAP_SHARE 25 /* jitter, in percent */
#define HOLD_MS 50   /* how often claims that may not go look whether they may */
#define LOOK_MS 1000 /* how often an idle desk that was refused looks whether it still is */
#define LOOK_PATIENCE_MS 5000 /* nobody waits for it, and a table that is locked is to be told of */
#define IDLE_MS 5000          /* nothing was completed in the whole pool: would it be? */
#define PROBE_US                                                                                   \
	INT64_C(1000000)        /* so long one write of our own speaks for the halves of a bundle */
#define PROBE_ROOM (256 * 1024) /* bytes that must find room, so that results will */
#define DEADLOCK "40P01"
/*
 * An op of more items, or of more bytes, is bulky: others do not wait behind two bundles of these, and while they wait
 * such a bundle has BULK_SHARE items at most: a row of no use takes PostgreSQL 50 us.
 */
#define BULK_ITEMS 128
#define BULK_SHARE 512
#define BULK_BYTES (512 * 1024)
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
	bool ill;            /* PostgreSQL did not take what was sent last */
	enum op_kind ill_of; /* of such ops it was */
	bool waited;         /* something of the bundle under way was put back */
	bool was_bulk;       /* the bundle that was cut last */
	int64_t nap_ms;
	int64_t probed_us;
	struct err probe;          /* of the last write of our own */
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

static bool
is_bulk(const struct op *op)
{
	return op_items(op) > BULK_ITEMS || op_bytes(op) > BULK_BYTES;
}

static bool
all_are_bulk(const struct committer *c)
{
	for (struct queue_entry *at = c->waiting; at; at = at->next)
		if (!is_bulk(op_of(at)))
			return false;
	return true;
}

/* After a bulky bundle come the others, if there are: so nobody waits for more than one that came before. */
static bool
is_bulks_turn(const struct committer *c, bool all)
{
	return c->was_bulk ? all : c->waiting && is_bulk(op_of(c->waiting));
}

/*
 * Moves what fits from the waiting list into a bundle, in order: ops of the kind and protocol of the oldest
 * of those, bulky ones or others, whose turn it is.
 */
static void
cut(struct committer *c, struct bundle *b)
{
	struct queue_entry **at = &c->waiting;
	size_t items = 0, bytes = 0, most = BUNDLE_ITEMS;
	bool v1 = false, all = all_are_bulk(c), bulk = is_bulks_turn(c, all);
	size_t share = bulk && !all ? BULK_SHARE : BUNDLE_ITEMS;

	c->was_bulk = bulk;
	c->round++;
	bundle_clear(b);
	while (*at && b->n < BUNDLE_ITEMS) {
		struct op *op = op_of(*at);
		size_t n = op_items(op), len = op_bytes(op);

		if (is_bulk(op) != bulk) {
			at = &(*at)->next;
			continue;
		}
		if (b->n == 0) {
			b->kind = op->kind;
			v1 = op_is_v1(op);
			if (op->kind == OP_CLAIM)
				most = (size_t)bundle_jobs_most(b);
		}
		if (b->n > 0 &&
		    (items + n > (most < share ? most : share) || bytes + len > BUNDLE_BYTES_IN))
			break;
		if (op->kind != b->kind || op_is_v1(op) != v1 || !token_is_free(c, op)) {
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
	if (op->kind == OP_CLAIM && op->err.kind == ERR_NONE) {
		if (parked_put(c->tracker->parked, op))
			return;
		if (op->claim.unread) {
			op->kind = OP_FETCH;
			op_submit(c->tracker, op);
			return;
		}
	}
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

/*
 * Answers those whose patience is over, and those of whom there are too many: to them PostgreSQL is away, whatever
 * it said. Of which kind a refusal is tells whose fault it would be, and it is none of theirs.
 */
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
		op->err.kind = ERR_AWAY;
		op->answer(op);
	}
	c->last = at;
}

/* ---- whether PostgreSQL takes what this desk writes ---------------------------------------------- */

static const enum health_part part_of[DESKS] = {
    [DESK_CLAIM] = PART_CLAIM,
    [DESK_COMPLETE] = PART_COMPLETE,
    [DESK_WORKERS] = PART_WORKERS,
};

static void
note_good(struct committer *c)
{
	c->ill = false;
	c->nap_ms = NAP_MIN_MS;
	health_good(c->tracker->shared, part_of[c->desk]);
}

static void
note_ill(struct committer *c, const struct err *why)
{
	c->ill = true;
	health_ill(c->tracker->shared, part_of[c->desk], why, why->sqlstate);
}

/*
 * A write of our own that goes where all ops' writes go, and began no earlier than since_us: it tells an op that PostgreSQL cannot take from a
 * PostgreSQL that takes none.
 */
static bool
takes_writes(struct committer *c, int64_t since_us, struct err *e)
{
	struct pg_scalar room;
	struct pg_param param = pg_int4_param(&room, PROBE_ROOM);
	struct pg_rows *rows = NULL;

	if (c->probed_us < since_us) {
		c->probed_us = clock_us();
		c->probe = ERR_INIT;
		(void)!pg_call(
		    c->pg, "select tracker.probe_write($1)", &param, 1, &rows, &c->probe);
		pg_rows_free(rows);
	}
	if (c->probe.kind == ERR_NONE)
		return true;
	*e = c->probe;
	return false;
}

/* What goes elsewhere than what was refused says nothing of it: then a write of our own does. */
static void
note_taken(struct committer *c, const struct bundle *b)
{
	struct err e = ERR_INIT;

	if (!c->ill || b->kind == c->ill_of || takes_writes(c, clock_us() - PROBE_US, &e))
		note_good(c);
}

/* PostgreSQL is away, or takes no writes. What was under way may have been committed, which rerun tells. */
static void
wait_for_postgres(struct committer *c, struct bundle *b, const struct err *away)
{
	int64_t wait_ms = pg_retry_in_ms(c->pg);

	note_ill(c, away);
	if (b->n > 0)
		c->ill_of = b->kind;
	stat_add(STAT_PG_AWAY, 1);
	for (int i = 0; i < b->n; i++)
		b->ops[i]->rerun = true;
	put_back(c, b);
	c->waited = true;
	give_up(c, away);
	if (away->kind == ERR_SQL) {
		wait_ms = random_jitter(c->nap_ms, NAP_SHARE);
		c->nap_ms = c->nap_ms * 2 > NAP_MAX_MS ? NAP_MAX_MS : c->nap_ms * 2;
	} else if (wait_ms > 200)
		wait_ms = 200; /* so that patience is seen to end */
	/* Sleeping on the queue would wake for each newcomer: nothing can be done for it yet. */
	clock_sleep_ms(wait_ms > 0 ? wait_ms : 10);
	append(c, queue_take(&c->tracker->desk[c->desk], 0));
}

/* ---- a bundle on its way ------------------------------------------------------------------------- */

static bool
exchange(struct committer *c, struct bundle *b, struct err *e)
{
	if (!bundle_send(c->tracker, b, c->pg, e))
		return false;
	answer_unanswered(c);
	if (!bundle_receive(c->tracker, b, c->pg, e)) {
		if (strcmp(e->sqlstate, DEADLOCK) == 0)
			stat_add(STAT_DEADLOCKS, 1);
		return false;
	}
	return true;
}

/*
 * Sends a bundle until it is taken or was refused so many times, the long way after the first. Clashes with
 * somebody else hardly count. False with ERR_SQL: nothing of it happened.
 */
static bool
insist(struct committer *c, struct bundle *b, int tries, struct err *e)
{
	int clashes = 0;

	for (int refused = 0;;) {
		enum sqlstate_blame blame;

		err_clear(e);
		if (exchange(c, b, e))
			return true;
		if (e->kind != ERR_SQL)
			return false;
		b->careful = true;
		blame = sqlstate_blame(e->sqlstate);
		if (blame == BLAME_CLASH && clashes < CLASH_TRIES) {
			clock_sleep_ms(random_below(1u << (clashes < 6 ? clashes : 6)));
			clashes++;
			continue;
		}
		if (++refused == tries)
			return false;
		if (blame != BLAME_CALL)
			clock_sleep_ms(random_jitter(NAP_MIN_MS * refused, NAP_SHARE));
	}
}

static void settle(struct committer *c, struct bundle *b, struct err *e);

/* Each half of what was refused in company: whoever is to blame ends up alone. */
static void
halve(struct committer *c, struct bundle *b)
{
	struct op *all[BUNDLE_ITEMS];
	int n = b->n;

	memcpy(all, b->ops, (size_t)n * sizeof(*all));
	for (int half = 0; half < 2; half++) {
		int from = half == 0 ? 0 : n / 2, to = half == 0 ? n / 2 : n;
		struct err e = ERR_INIT;

		bundle_clear(b);
		b->careful = true;
		for (int i = from; i < to; i++)
			bundle_add(b, all[i]);
		if (insist(c, b, b->n == 1 ? REFUSED_TRIES : 1, &e))
			answer_bundle(c, b);
		else
			settle(c, b, &e);
	}
}

static void
cut_off(struct bundle *b, const struct err *why)
{
	struct op *op = b->ops[0];

	log_err(LOG_ERROR_, "op_refused", why);
	stat_add(STAT_OPS_REFUSED, 1);
	op->err = *why;
	op->answer(op);
	bundle_clear(b);
}

/* Nothing of it happened, and it is not known to be any op's own fault. */
static void
settle_refused(struct committer *c, struct bundle *b, struct err *e)
{
	if (e->kind == ERR_AWAY || e->kind == ERR_SQL) {
		wait_for_postgres(c, b, e);
		return;
	}
	log_err(LOG_ERROR_, "bundle_failed", e);
	for (int i = 0; i < b->n; i++)
		b->ops[i]->err = *e;
	answer_bundle(c, b);
}

static bool
may_be_own(const struct err *e)
{
	return e->kind == ERR_SQL && sqlstate_may_be_own(e->sqlstate);
}

/*
 * An op that was refused alone, and then a write of our own passed: it has its tries once more, for what kept it
 * off may have ended between the two. Only what is refused between two writes that pass is given up.
 */
static void
judge_alone(struct committer *c, struct bundle *b, struct err *e)
{
	if (insist(c, b, REFUSED_TRIES, e))
		answer_bundle(c, b);
	else if (may_be_own(e) && takes_writes(c, clock_us(), e))
		cut_off(b, e);
	else
		settle_refused(c, b, e);
}

/* What becomes of a bundle that PostgreSQL did not take. */
static void
settle(struct committer *c, struct bundle *b, struct err *e)
{
	int64_t now = clock_us();

	if (e->kind == ERR_SQL)
		stat_add(STAT_PG_ERRORS, 1);
	if (!may_be_own(e) || !takes_writes(c, b->n == 1 ? now : now - PROBE_US, e))
		settle_refused(c, b, e);
	else if (b->n == 1)
		judge_alone(c, b, e);
	else
		halve(c, b);
}

static void
commit(struct committer *c, struct bundle *b)
{
	struct err e = ERR_INIT;

	if (insist(c, b, REFUSED_TRIES, &e)) {
		note_taken(c, b);
		c->unanswered = b;
		c->now = 1 - c->now;
		return;
	}
	answer_unanswered(c);
	c->waited = false;
	settle(c, b, &e);
	/* What passed of it says nothing while the rest must wait. */
	if (!c->waited)
		note_taken(c, b);
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

/* Jobs that are handed out while results cannot be stored would be done in vain. */
static bool
must_wait(struct committer *c)
{
	struct err away = ERR_INIT;

	if (c->desk != DESK_CLAIM || health_stores_results(c->tracker->shared))
		return false;
	err_set(&away, ERR_AWAY, NULL, "results cannot be stored");
	answer_unanswered(c);
	give_up(c, &away);
	clock_sleep_ms(HOLD_MS);
	return true;
}

/* Has a result been stored lately, or a trial of one, here or in another process? */
static bool
stored_lately(const struct committer *c)
{
	struct health health;

	health_read(c->tracker->shared, PART_COMPLETE, &health);
	return clock_us() - health.good_us < IDLE_MS * INT64_C(1000);
}

/* Would a small result be, and is there room on the disks? Its few bytes are no answer to that. */
static bool
would_be_stored(struct committer *c)
{
	struct err ignored = ERR_INIT;

	return pg_call(
	    c->pg, "select tracker.probe_write(32), tracker.probe_room()", NULL, 0, NULL, &ignored);
}

/* Nothing waits, so nothing would tell whether PostgreSQL takes writes, or takes them again. */
static void
look(struct committer *c)
{
	struct err e = ERR_INIT;

	if (!c->ill && (c->desk != DESK_COMPLETE || stored_lately(c)))
		return;
	pg_set_patience(c->pg, LOOK_PATIENCE_MS);
	if ((!c->ill && would_be_stored(c)) || takes_writes(c, clock_us() - PROBE_US, &e))
		note_good(c);
	else
		note_ill(c, &e);
	pg_set_patience(c->pg, PATIENCE_MS);
}

/* How long an idle desk waits for ops before it looks. */
static int64_t
rest_ms(struct committer *c)
{
	if (c->ill)
		return LOOK_MS;
	return c->desk == DESK_COMPLETE ? random_jitter(IDLE_MS, NAP_SHARE) : -1;
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
			append(c, queue_take(q, rest_ms(c)));
			if (!c->waiting && queue_is_closed(q))
				break;
			if (!c->waiting)
				look(c);
		}
		if (must_wait(c))
			continue;
		cut(c, b);
		if (b->n > 0 && prepare(c, b))
			commit(c, b);
	}
	return NULL;
}

struct committer *
committer_start(struct tracker *t, enum desk desk)
{
	static const char *const names[] = {"claim", "complete", "workers"};
	struct committer *c = calloc(1, sizeof(*c));
	char name[32];

	if (!c)
		abort();
	c->tracker = t;
	c->desk = desk;
	c->last = &c->waiting;
	bundle_init(&c->bundle[0]);
	bundle_init(&c->bundle[1]);
	snprintf(name, sizeof(name), "tracker %s", names[desk]);
	c->pg = pg_new(t->settings->postgres, name, "set jit = off; set search_path = tracker");
	pg_must_write(c->pg);
	pg_set_patience(c->pg, PATIENCE_MS);
	c->nap_ms = NAP_MIN_MS;
	c->probed_us = clock_us() - PROBE_US;
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
