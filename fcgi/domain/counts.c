#include "domain/counts.h"

#include <pthread.h>
#include <stddef.h>
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

void
counts_copy(struct stage_counts *out, const struct stage_counts *c)
{
	memcpy(out, c, offsetof(struct stage_counts, work));
	if (c->works == 0)
		return;
	memcpy(out->work, c->work, (size_t)c->works * sizeof(*c->work));
	memcpy(out->word, c->word, sizeof(c->word));
}

uint64_t
counts_mask(const struct stage_counts *c, const char *words)
{
	uint64_t mask = 0;

	for (int bit = 0; c->works > 0 && bit < WORDS_MOST; bit++)
		if (*c->word[bit] && words_have(words, c->word[bit]))
			mask |= UINT64_C(1) << bit;
	return mask;
}

int64_t
counts_available(const struct stage_counts *c, int stage, uint64_t has)
{
	const struct stage_count *own = &c->stage[stage];
	int64_t sum = 0;

	if (!own->present || own->paused)
		return 0;
	if (!own->gated)
		return own->ready - own->held + own->due;
	for (int i = 0; i < c->works; i++)
		if (c->work[i].stage == stage && (c->work[i].needs & ~has) == 0)
			sum += c->work[i].now;
	return sum;
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

/* What is missing of what most of the jobs need that this worker does not have. */
static bool
say_needs(const struct stage_counts *c, int stage, uint64_t has, char *out, size_t size)
{
	const struct stage_work *most = NULL;
	int64_t jobs = 0;
	char number[28], words[WORDS_TOLD * (WORD_CHARS + 2) + 24] = "", *at = words;
	int told = 0;

	for (int i = 0; i < c->works; i++) {
		const struct stage_work *w = &c->work[i];

		if (w->stage != stage || (w->needs & ~has) == 0 || w->now + w->later == 0)
			continue;
		jobs += w->now + w->later;
		if (!most || w->now + w->later > most->now + most->later)
			most = w;
	}
	if (!most)
		return false;
	for (int bit = 0; bit < WORDS_MOST; bit++)
		if (most->needs >> bit & 1 && told++ < WORDS_TOLD) {
			at = stpcpy(at, at == words ? "" : ", ");
			at = stpcpy(at, c->word[bit]);
		}
	if (told > WORDS_TOLD)
		snprintf(at, 24, " and %d more", told - WORDS_TOLD);
	text_thousands(number, jobs);
	snprintf(out, size, "Stage %c: %s %s, but %s %s.", stage_capital(stage), number,
	    text_plural(jobs, "job waits", "jobs wait"),
	    most->now + most->later < jobs ? "most of them need"
					   : text_plural(jobs, "it needs", "they need"),
	    words);
	return true;
}

/* Whose turn has not come, because of a rate. */
static bool
say_later(const struct stage_counts *c, int stage, uint64_t has, char *out, size_t size)
{
	int64_t jobs = 0, first_us = INT64_MAX;
	char number[28];

	for (int i = 0; i < c->works; i++) {
		const struct stage_work *w = &c->work[i];

		if (w->stage != stage || (w->needs & ~has) != 0 || w->later == 0)
			continue;
		jobs += w->later;
		first_us = w->later_us < first_us ? w->later_us : first_us;
	}
	if (jobs == 0)
		return false;
	text_thousands(number, jobs);
	snprintf(out, size,
	    "Stage %c: %s %s for %s turn, because of a rate: the next has it in %.1f s.",
	    stage_capital(stage), number, text_plural(jobs, "job waits", "jobs wait"),
	    text_plural(jobs, "its", "their"), (double)first_us / 1e6);
	return true;
}

static bool
say_held(int64_t jobs, char letter, char *out, size_t size)
{
	char number[28];

	text_thousands(number, jobs);
	snprintf(out, size, "Stage %c: %s %s, but the operator has paused their batch.", letter,
	    number, text_plural(jobs, "job waits", "jobs wait"));
	return true;
}

void
counts_why(const struct stage_counts *c, int stage, uint64_t has, char *out, size_t size)
{
	const struct stage_count *own = &c->stage[stage];
	int before = held_up_by(c, stage);
	char letter = stage_capital(stage);

	if (own->paused)
		snprintf(out, size, "Stage %c is paused by the operator.", letter);
	else if (counts_available(c, stage, has) > 0)
		snprintf(out, size, "Stage %c has work again: ask at once.", letter);
	else if (own->gated &&
	    (say_later(c, stage, has, out, size) || say_needs(c, stage, has, out, size)))
		return;
	else if (own->held + own->held_retry > 0 &&
	    say_held(own->held + own->held_retry, letter, out, size))
		return;
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
	else if (own->cancelled > 0)
		snprintf(out, size, "Stage %c is finished: %lld done, %lld failed, %lld cancelled.",
		    letter, (long long)own->done, (long long)own->failed,
		    (long long)own->cancelled);
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
	    c->stage[1].done + c->stage[1].failed + c->stage[1].cancelled > 0;
}

bool
counts_get(struct counts *c, struct stage_counts *out)
{
	bool good;

	pthread_mutex_lock(&c->lock);
	good = c->read_us != 0 && c->version == atomic_load(&c->shared->counts_version) &&
	    clock_us() - c->read_us < COUNTS_TRUST_US;
	if (good)
		counts_copy(out, &c->last);
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
	    .gated = pg_bool(rows, row, 8),
	    .cancelled = pg_int(rows, row, 9),
	    .held = pg_int(rows, row, 10),
	    .held_retry = pg_int(rows, row, 11),
	};
	if (stage > out->stages)
		out->stages = (int)stage;
}

static bool
read_works(struct pg *pg, struct stage_counts *out, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(pg, "select stage, needs, now, later, after_us from tracker.read_work()", NULL,
		0, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows) && i < COUNTS_WORK_MOST; i++)
		out->work[out->works++] = (struct stage_work){
		    .stage = (int)pg_int(rows, i, 0),
		    .needs = (uint64_t)pg_int(rows, i, 1),
		    .now = pg_int(rows, i, 2),
		    .later = pg_int(rows, i, 3),
		    .later_us = pg_int(rows, i, 4),
		};
	pg_rows_free(rows);
	return true;
}

static bool
read_words(struct pg *pg, struct stage_counts *out, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(pg, "select \"bit\", word from tracker.read_words()", NULL, 0, &rows, e))
		return false;
	memset(out->word, 0, sizeof(out->word));
	for (int i = 0; i < pg_rows_count(rows); i++) {
		int64_t bit = pg_int(rows, i, 0);

		if (bit >= 0 && bit < WORDS_MOST)
			snprintf(out->word[bit], sizeof(out->word[bit]), "%s",
			    pg_text(rows, i, 1, NULL));
	}
	pg_rows_free(rows);
	return true;
}

static bool
is_any_gated(const struct stage_counts *c)
{
	for (int stage = 1; stage <= c->stages; stage++)
		if (c->stage[stage].gated)
			return true;
	return false;
}

bool
counts_is_gated(struct counts *c, int stage)
{
	bool gated;

	pthread_mutex_lock(&c->lock);
	gated = c->read_us == 0 || c->last.stage[stage].gated;
	pthread_mutex_unlock(&c->lock);
	return gated;
}

bool
counts_read(struct counts *c, struct pg *pg, struct stage_counts *out, struct err *e)
{
	/* The version from before the question: a commit meanwhile makes the answer old at once. */
	uint32_t version = atomic_load(&c->shared->counts_version);
	struct pg_rows *rows = NULL;

	if (!pg_call(pg,
		"select stage, paused, ready, retry, due, leased, done, failed, gated, cancelled, "
		"held, held_retry from tracker.read_counts()",
		NULL, 0, &rows, e))
		return false;
	memset(out, 0, offsetof(struct stage_counts, work));
	for (int i = 0; i < pg_rows_count(rows); i++)
		read_stage(rows, i, out);
	pg_rows_free(rows);
	if (is_any_gated(out) && (!read_works(pg, out, e) || !read_words(pg, out, e)))
		return false;
	pthread_mutex_lock(&c->lock);
	counts_copy(&c->last, out);
	c->version = version;
	c->read_us = clock_us();
	pthread_mutex_unlock(&c->lock);
	return true;
}
