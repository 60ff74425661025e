#include "run/reader.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "domain/bundle.h"
#include "domain/counts.h"
#include "store/pg.h"
#include "store/redis.h"
#include "web/claimed.h"
#include "web/page_cache.h"

struct reader_thread {
	pthread_t thread;
	struct reader reader;
	struct op *unanswered; /* counts that wait for PostgreSQL */
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

static void
serve(struct reader_thread *r, struct op *chain)
{
	struct op *counts = r->unanswered;

	r->unanswered = NULL;
	while (chain) {
		struct op *op = chain;

		chain = (struct op *)op->entry.next;
		if (op->kind == OP_COUNT) {
			op->entry.next = (struct queue_entry *)counts;
			counts = op;
		} else if (op->kind == OP_FETCH)
			fetch(r, op);
		else {
			op->render.render(op, &r->reader);
			op->answer(op);
		}
	}
	answer_counts(r, counts);
}

static void *
run(void *arg)
{
	struct reader_thread *r = arg;
	struct queue *q = &r->reader.tracker->desk[DESK_READ];

	for (;;) {
		struct op *chain = (struct op *)queue_take(q, r->unanswered ? 100 : -1);

		if (!chain && !r->unanswered && queue_is_closed(q))
			return NULL;
		serve(r, chain);
	}
}

struct reader_thread *
reader_start(struct tracker *t)
{
	struct reader_thread *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->reader.tracker = t;
	r->reader.pg = pg_new(t->settings->postgres, "tracker read",
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
