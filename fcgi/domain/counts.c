#include "domain/counts.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

struct counts {
	struct shared *shared;
	pthread_mutex_t lock;
	uint32_t version;
	int64_t read_us;
	struct stage_counts last;
};

struct counts *
counts_new(struct shared *shared)
{
	struct counts *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->shared = shared;
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void
counts_free(struct counts *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c);
}

int64_t
counts_available(const struct stage_count *c)
{
	return c->present && !c->paused ? c->ready + c->due : 0;
}

static int64_t
unfinished(const struct stage_count *c)
{
	return c->ready + c->retry + c->leased;
}

/* The nearest earlier stage that still has something to do; 0 = none. */
static int
held_up_by(const struct stage_counts *c, int stage)
{
	for (int s = stage - 1; s >= 1; s--)
		if (unfinished(&c->stage[s]) > 0)
			return s;
	return 0;
}

void
counts_why(const struct stage_counts *c, int stage, char *out, size_t size)
{
	const struct stage_count *own = &c->stage[stage];
	int before = held_up_by(c, stage);
	char letter = stage_capital(stage);

	if (own->paused)
		snprintf(out, size, "Stage %c is paused by the operator.", letter);
	else if (own->ready + own->due > 0)
		snprintf(out, size, "Stage %c has work again: ask at once.", letter);
	else if (before > 0)
		snprintf(out, size, "Stage %c is waiting for stage %c: 0 open, %lld in stage %c.",
		    letter, stage_capital(before), (long long)unfinished(&c->stage[before]),
		    stage_capital(before));
	else if (own->retry > 0)
		snprintf(out, size, "Stage %c: %lld %s for the next attempt, %lld %s in hand.",
		    letter, (long long)own->retry,
		    text_plural(own->retry, "job waits", "jobs wait"), (long long)own->leased,
		    text_plural(own->leased, "is", "are"));
	else if (own->leased == 1)
		snprintf(
		    out, size, "Stage %c: the last job is in the hands of another worker.", letter);
	else if (own->leased > 0)
		snprintf(out, size,
		    "Stage %c: the last %lld jobs are in the hands of other workers.", letter,
		    (long long)own->leased);
	else if (own->done + own->failed > 0)
		snprintf(out, size, "Stage %c is finished: %lld done, %lld failed.", letter,
		    (long long)own->done, (long long)own->failed);
	else
		snprintf(out, size, "No jobs are loaded yet.");
}

bool
counts_more_may_come(const struct stage_counts *c, int stage)
{
	return unfinished(&c->stage[stage]) > 0 || held_up_by(c, stage) > 0;
}

bool
counts_is_finished(const struct stage_counts *c, int stage)
{
	return stage > 0 && !counts_more_may_come(c, stage) &&
	    c->stage[1].done + c->stage[1].failed > 0;
}

bool
counts_get(struct counts *c, struct stage_counts *out)
{
	bool good;

	pthread_mutex_lock(&c->lock);
	good = c->read_us != 0 && c->version == atomic_load(&c->shared->counts_version) &&
	    clock_us() - c->read_us < COUNTS_TRUST_US;
	if (good)
		*out = c->last;
	pthread_mutex_unlock(&c->lock);
	return good;
}

static void
read_stage(const struct pg_rows *rows, int row, struct stage_counts *out)
{
	int64_t stage = pg_int(rows, row, 0);

	if (stage < 1 || stage > STAGES_MAX)
		return;
	out->stage[stage] = (struct stage_count){
	    .present = true,
	    .paused = pg_bool(rows, row, 1),
	    .ready = pg_int(rows, row, 2),
	    .retry = pg_int(rows, row, 3),
	    .due = pg_int(rows, row, 4),
	    .leased = pg_int(rows, row, 5),
	    .done = pg_int(rows, row, 6),
	    .failed = pg_int(rows, row, 7),
	};
	if (stage > out->stages)
		out->stages = (int)stage;
}

bool
counts_read(struct counts *c, struct pg *pg, struct stage_counts *out, struct err *e)
{
	/* The version from before the question: a commit meanwhile makes the answer old at once. */
	uint32_t version = atomic_load(&c->shared->counts_version);
	struct pg_rows *rows = NULL;

	if (!pg_call(pg,
		"select stage, paused, ready, retry, due, leased, done, failed from "
		"tracker.read_counts()",
		NULL, 0, &rows, e))
		return false;
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < pg_rows_count(rows); i++)
		read_stage(rows, i, out);
	pg_rows_free(rows);
	pthread_mutex_lock(&c->lock);
	c->last = *out;
	c->version = version;
	c->read_us = clock_us();
	pthread_mutex_unlock(&c->lock);
	return true;
}
