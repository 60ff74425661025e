#include "run/reader.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "base/turns.h"
#include "domain/bundle.h"
#include "domain/counts.h"
#include "store/pg.h"
#include "store/redis.h"
#include "web/claimed.h"
#include "web/page_cache.h"

struct reader_thread {
	pthread_t thread;
	struct reader reader;
	enum desk desk;
	struct op *unanswered; /* counts that wait for PostgreSQL */
	struct turns waiting;  /* all else */
};

/*
 * Everybody who asked for the counts before they were read gets the same. They are asked for without any value
 * of a client's, so whatever PostgreSQL refuses is no call's own fault: it is asked again.
 */
static void
answer_counts(struct reader_thread *r, struct op *chain)
{
	struct stage_counts counts;
	struct err e = ERR_INIT;
	bool good = chain && counts_read(r->reader.tracker->counts, r->reader.pg, &counts, &e);

	while (chain) {
		struct op *op = chain;

		chain = (struct op *)op->entry.next;
		if (good)
			counts_copy(op->count, &counts);
		else if (e.kind != ERR_BUG && op->give_up_us > clock_us()) {
			op->entry.next = (struct queue_entry *)r->unanswered;
			r->unanswered = op;
			continue;
		} else
			op->err = e;
		op->answer(op);
	}
}

/* Long data is read for one claim at a time, however many were answered in one bundle. */
static void
fetch(struct reader_thread *r, struct op *op)
{
	struct pg_rows *rows = NULL;

	if (!jobs_fetch(op, r->reader.pg, &rows, &op->err))
		claimed_give_back(r->reader.tracker, op);
	op->answer(op);
	pg_rows_free(rows);
}

/* Counts are answered at once, all else one after the other, and of pages one of everybody in turn. */
static void
take(struct reader_thread *r, struct op *chain)
{
	struct op *counts = r->unanswered;

	r->unanswered = NULL;
	while (chain) {
		struct op *op = chain;

		chain = (struct op *)op->entry.next;
		op->entry.next = NULL;
		if (op->kind == OP_COUNT) {
			op->entry.next = (struct queue_entry *)counts;
			counts = op;
		} else
			turns_put(&r->waiting, &op->entry,
			    op->kind == OP_FETCH ? TURNS_NOBODY : op->render.from);
	}
	answer_counts(r, counts);
}

static void
serve_next(struct reader_thread *r)
{
	struct op *op = (struct op *)turns_take(&r->waiting);

	if (!op)
		return;
	if (op->kind == OP_FETCH)
		fetch(r, op);
	else {
		op->render.render(op, &r->reader);
		op->answer(op);
	}
}

static void *
run(void *arg)
{
	struct reader_thread *r = arg;
	struct queue *q = &r->reader.tracker->desk[r->desk];

	if (r->desk == DESK_FETCH)
		thread_be_modest();
	for (;;) {
		int64_t patience_ms = r->waiting.count > 0 ? 0 : r->unanswered ? 100 : -1;
		struct op *chain = (struct op *)queue_take(q, patience_ms);

		if (!chain && r->waiting.count == 0 && !r->unanswered && queue_is_closed(q))
			return NULL;
		take(r, chain);
		serve_next(r);
	}
}

struct reader_thread *
reader_start(struct tracker *t, enum desk desk)
{
	static const char *const name_of[DESKS] = {[DESK_READ] = "tracker read",
	    [DESK_FETCH] = "tracker fetch",
	    [DESK_ACT] = "tracker act"};
	struct reader_thread *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->reader.tracker = t;
	r->desk = desk;
	turns_init(&r->waiting);
	r->reader.pg = pg_new(t->settings->postgres, name_of[desk],
	    "set jit = off; set search_path = tracker; set statement_timeout = '10s'");
	r->reader.redis = redis_new(t->settings->redis);
	pg_set_patience(r->reader.pg, READER_PATIENCE_MS);
	if (pthread_create(&r->thread, NULL, run, r) != 0)
		abort();
	return r;
}

void
reader_join(struct reader_thread *r)
{
	pthread_join(r->thread, NULL);
	pg_free(r->reader.pg);
	redis_free(r->reader.redis);
	free(r);
}
