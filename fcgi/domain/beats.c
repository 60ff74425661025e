#include "domain/beats.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/text.h"

/* An entry is a beat that can be found by its worker. */
struct entry {
	struct beat beat; /* first: a chain of beats is a chain of entries */
	UT_hash_handle hh;
};

struct beats {
	pthread_mutex_t lock;
	struct entry *entries;
};

struct beats *
beats_new(void)
{
	struct beats *b = calloc(1, sizeof(*b));

	if (!b)
		abort();
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

void
beats_free(struct beats *b)
{
	if (!b)
		return;
	beats_done(beats_take(b));
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static struct entry *
find_or_add(struct beats *b, int64_t worker)
{
	struct entry *e;

	HASH_FIND(hh, b->entries, &worker, sizeof(worker), e);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		abort();
	e->beat.worker = worker;
	HASH_ADD(hh, b->entries, beat.worker, sizeof(e->beat.worker), e);
	return e;
}

static void
keep_progress(struct beat *beat, const char *progress, size_t len, int64_t now_ms)
{
	char *copy;

	len = text_cut(progress, len, PROGRESS_CHARS);
	copy = realloc(beat->progress, len + 1);
	if (!copy)
		return;
	memcpy(copy, progress, len);
	copy[len] = '\0';
	beat->progress = copy;
	beat->len = len;
	beat->progress_ms = now_ms;
}

void
beats_note(struct beats *b, int64_t worker, const char *progress, size_t len)
{
	int64_t now_ms = clock_wall_us() / 1000;
	struct entry *e;

	pthread_mutex_lock(&b->lock);
	e = find_or_add(b, worker);
	e->beat.seen_ms = now_ms;
	if (progress)
		keep_progress(&e->beat, progress, len, now_ms);
	pthread_mutex_unlock(&b->lock);
}

struct beat *
beats_take(struct beats *b)
{
	struct beat *chain = NULL;
	struct entry *all, *e, *next;

	pthread_mutex_lock(&b->lock);
	all = b->entries;
	b->entries = NULL;
	pthread_mutex_unlock(&b->lock);
	HASH_ITER(hh, all, e, next)
	{
		e->beat.next = chain;
		chain = &e->beat;
	}
	HASH_CLEAR(hh, all);
	return chain;
}

/* What a worker said last counts; it may have been heard since without saying anything. */
static void
keep_older(struct beat *newer, struct beat *older)
{
	if (newer->progress || !older->progress)
		return;
	newer->progress = older->progress;
	newer->len = older->len;
	newer->progress_ms = older->progress_ms;
	older->progress = NULL;
}

void
beats_put_back(struct beats *b, struct beat *chain)
{
	struct beat *beat, *next, *left = NULL;

	pthread_mutex_lock(&b->lock);
	for (beat = chain; beat; beat = next) {
		struct entry *e = (struct entry *)beat, *newer;

		next = beat->next;
		HASH_FIND(hh, b->entries, &beat->worker, sizeof(beat->worker), newer);
		if (!newer && HASH_COUNT(b->entries) < BEATS_MOST) {
			HASH_ADD(hh, b->entries, beat.worker, sizeof(e->beat.worker), e);
			continue;
		}
		if (newer)
			keep_older(&newer->beat, beat);
		beat->next = left;
		left = beat;
	}
	pthread_mutex_unlock(&b->lock);
	beats_done(left);
}

void
beats_done(struct beat *chain)
{
	while (chain) {
		struct beat *next = chain->next;

		free(chain->progress);
		free(chain);
		chain = next;
	}
}
