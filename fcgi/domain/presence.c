#include "domain/presence.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"

#define SHARDS 16

struct entry {
	struct uuid token;
	struct worker_id worker;
	uint32_t generation;
	int64_t read_us; /* when PostgreSQL was asked */
	UT_hash_handle hh;
};

struct shard {
	pthread_mutex_t lock;
	struct entry *entries;
};

struct presence {
	struct shared *shared;
	int64_t trust_us;
	struct shard shards[SHARDS];
};

struct presence *
presence_new(struct shared *shared, int64_t refresh_us)
{
	struct presence *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->shared = shared;
	p->trust_us = refresh_us < PRESENCE_TRUST_US ? refresh_us : PRESENCE_TRUST_US;
	for (int i = 0; i < SHARDS; i++)
		pthread_mutex_init(&p->shards[i].lock, NULL);
	return p;
}

static void
remove_entry(struct shard *s, struct entry *e)
{
	HASH_DEL(s->entries, e);
	free(e);
}

void
presence_free(struct presence *p)
{
	struct entry *e, *next;

	if (!p)
		return;
	for (int i = 0; i < SHARDS; i++) {
		HASH_ITER(hh, p->shards[i].entries, e, next)
		remove_entry(&p->shards[i], e);
		pthread_mutex_destroy(&p->shards[i].lock);
	}
	free(p);
}

static struct shard *
shard_of(struct presence *p, const struct uuid *token)
{
	return &p->shards[token->b[15] % SHARDS];
}

uint64_t
presence_words(const char *words, const char *label, size_t label_len)
{
	struct uuid hash[2] = {hash_128(words ? words : "", words ? strlen(words) : 0),
	    hash_128(label ? label : "", label ? label_len : 0)};
	uint64_t said[2];

	for (int i = 0; i < 2; i++)
		memcpy(&said[i], hash[i].b, sizeof(said[i]));
	return (said[0] ^ (said[1] << 1)) | 1;
}

bool
presence_find(struct presence *p, const struct uuid *token, struct worker_id *worker)
{
	struct shard *s = shard_of(p, token);
	struct entry *e;
	bool good = false;

	pthread_mutex_lock(&s->lock);
	HASH_FIND(hh, s->entries, token, sizeof(*token), e);
	if (e && e->generation == shared_generation(p->shared, token) &&
	    clock_us() - e->read_us < p->trust_us) {
		*worker = e->worker;
		good = true;
	}
	pthread_mutex_unlock(&s->lock);
	return good;
}

/* The oldest entries go when there is no room: uthash keeps the order of insertion. */
static void
make_room(struct shard *s)
{
	while (HASH_COUNT(s->entries) >= PRESENCE_MOST / SHARDS)
		remove_entry(s, s->entries);
}

void
presence_put(struct presence *p, const struct uuid *token, uint32_t generation,
    const struct worker_id *worker)
{
	struct shard *s = shard_of(p, token);
	struct entry *e;

	pthread_mutex_lock(&s->lock);
	HASH_FIND(hh, s->entries, token, sizeof(*token), e);
	if (e)
		HASH_DEL(s->entries, e);
	else {
		make_room(s);
		e = calloc(1, sizeof(*e));
		if (!e)
			abort();
		e->token = *token;
	}
	e->worker = *worker;
	e->generation = generation;
	e->read_us = clock_us();
	HASH_ADD(hh, s->entries, token, sizeof(e->token), e);
	pthread_mutex_unlock(&s->lock);
}
