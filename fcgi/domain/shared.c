#include "domain/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"

static struct shared_process nobody; /* before shared_enter, and in tests */
static struct shared_process *mine = &nobody;

struct shared *
shared_new(void)
{
	void *at = mmap(
	    NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED) {
		perror("shared memory");
		abort();
	}
	((struct shared *)at)->made_us = clock_wall_us();
	return at;
}

/* Tokens are hashes: any four bytes are as good as any others. */
static uint32_t
word_of(const struct uuid *token, size_t at)
{
	uint32_t word;

	memcpy(&word, token->b + at, sizeof(word));
	return word;
}

uint32_t
shared_generation(struct shared *s, const struct uuid *token)
{
	return atomic_load(&s->generation[word_of(token, 0) % SHARED_GENERATIONS]);
}

void
shared_bump(struct shared *s, const struct uuid *token)
{
	atomic_fetch_add(&s->generation[word_of(token, 0) % SHARED_GENERATIONS], 1);
}

/* High half: which token the slot is about; low half: a counter. */
uint64_t
shared_ticket_take(struct shared *s, const struct uuid *token)
{
	_Atomic uint64_t *slot = &s->ticket[word_of(token, 4) % SHARED_TICKETS];
	uint64_t tag = (uint64_t)word_of(token, 8) << 32;
	uint64_t old = atomic_load(slot), new;

	do
		new = tag | (uint32_t)(old + 1);
	while (!atomic_compare_exchange_weak(slot, &old, new));
	return new;
}

bool
shared_ticket_is_newest(struct shared *s, const struct uuid *token, uint64_t ticket)
{
	uint64_t now = atomic_load(&s->ticket[word_of(token, 4) % SHARED_TICKETS]);

	return now == ticket || now >> 32 != ticket >> 32;
}

/* High part: which token the slot is about; low part: until when its debts last, in monotonic ms. */
#define DEBT_TIME_BITS 48

static uint64_t
debt_of(uint32_t tag, int64_t until_ms)
{
	return (uint64_t)(tag & 0xffff) << DEBT_TIME_BITS | (uint64_t)until_ms;
}

static int64_t
debt_until(uint64_t slot, uint32_t tag)
{
	bool same = slot >> DEBT_TIME_BITS == (tag & 0xffff);

	return same ? (int64_t)(slot & ((UINT64_C(1) << DEBT_TIME_BITS) - 1)) : 0;
}

/* Adds what so many calls cost, where `only_more` to who owes something already: until when it owed before. */
static int64_t
debt_add(struct shared *s, const struct uuid *token, int64_t now, int calls, bool only_more)
{
	_Atomic uint64_t *slot = &s->debt[word_of(token, 4) % SHARED_DEBTS];
	uint32_t tag = word_of(token, 8);
	int64_t most = now + DEBT_FREE_MS + DEBT_WAIT_MOST_MS, until, then;
	uint64_t old = atomic_load(slot);

	do {
		until = debt_until(old, tag);
		if (until <= now && only_more)
			return now;
		if (until < now)
			until = now;
		then = until + calls * DEBT_MS < most ? until + calls * DEBT_MS : most;
	} while (!atomic_compare_exchange_weak(slot, &old, debt_of(tag, then)));
	return until;
}

int64_t
shared_debt_ask(struct shared *s, const struct uuid *token, int64_t now_us, bool *owes)
{
	int64_t now = now_us / 1000, until = debt_add(s, token, now, 1, true);

	*owes = until > now;
	return until - now > DEBT_FREE_MS ? (until - now - DEBT_FREE_MS) * 1000 : 0;
}

bool
shared_debt_is_due(struct shared *s, const struct uuid *token, int64_t now_us)
{
	uint64_t slot = atomic_load(&s->debt[word_of(token, 4) % SHARED_DEBTS]);

	return debt_until(slot, word_of(token, 8)) > now_us / 1000 + DEBT_FREE_MS;
}

void
shared_debt_add(struct shared *s, const struct uuid *token, int64_t now_us, int calls)
{
	(void)debt_add(s, token, now_us / 1000, calls, false);
}

void
shared_debt_forgive(struct shared *s, const struct uuid *token)
{
	_Atomic uint64_t *slot = &s->debt[word_of(token, 4) % SHARED_DEBTS];
	uint32_t tag = word_of(token, 8);
	uint64_t old = atomic_load(slot);
	int64_t until;

	do {
		until = debt_until(old, tag);
		if (until < DEBT_MS)
			return; /* it is another worker's now */
	} while (!atomic_compare_exchange_weak(slot, &old, debt_of(tag, until - DEBT_MS)));
}

void
shared_enter(struct shared *s, int process)
{
	mine = &s->process[process % SHARED_PROCESSES];
}

struct shared_process *
shared_mine(void)
{
	return mine;
}

void
stat_add(enum counter what, int64_t n)
{
	atomic_fetch_add_explicit(&mine->stat[what], n, memory_order_relaxed);
}

void
stat_latency(int64_t us)
{
	int bucket = 0;

	while (bucket < SHARED_BUCKETS - 1 && us > (INT64_C(250) << bucket))
		bucket++;
	atomic_fetch_add_explicit(&mine->latency[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&mine->latency_us_sum, us, memory_order_relaxed);
	atomic_fetch_add_explicit(&mine->latency_count, 1, memory_order_relaxed);
}

int64_t
shared_stat(const struct shared *s, enum counter what)
{
	int64_t sum = 0;

	for (int i = 0; i < SHARED_PROCESSES; i++)
		sum += atomic_load_explicit(&s->process[i].stat[what], memory_order_relaxed);
	return sum;
}

void
shared_latency(
    const struct shared *s, int64_t buckets[SHARED_BUCKETS], int64_t *sum_us, int64_t *count)
{
	memset(buckets, 0, SHARED_BUCKETS * sizeof(*buckets));
	*sum_us = *count = 0;
	for (int i = 0; i < SHARED_PROCESSES; i++) {
		for (int b = 0; b < SHARED_BUCKETS; b++)
			buckets[b] += atomic_load(&s->process[i].latency[b]);
		*sum_us += atomic_load(&s->process[i].latency_us_sum);
		*count += atomic_load(&s->process[i].latency_count);
	}
}

void
shared_forget(struct shared *s, int process)
{
	struct shared_process *p = &s->process[process % SHARED_PROCESSES];

	atomic_store(&p->stat[STAT_PARKED], 0);
	atomic_store(&p->stat[STAT_IN_FLIGHT], 0);
	for (int part = 0; part < PARTS; part++) {
		atomic_store(&p->part[part].ill_us, 0);
		atomic_store(&p->part[part].good_us, 0);
	}
}
