/*
 * shared -- the few words of memory that all processes of a pool share.
 *
 * Mapped by the master before it forks. Every word is a lone atomic, so a process that is killed
 * in the middle of anything leaves nothing half written. A clash of two tokens in one slot costs a
 * question to PostgreSQL, never a wrong answer.
 *
 * Threads	any, of any process of the pool.
 * Ownership	the master's, for ever.
 */
#ifndef DOMAIN_SHARED_H
#define DOMAIN_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

#define SHARED_GENERATIONS                                                                         \
	(1u << 16)                /* 256 KiB: 10,000 workers clash in 15 % of slots, harmlessly */
#define SHARED_TICKETS (1u << 18) /* 2 MiB */
#define SHARED_DEBTS (1u << 16)   /* 512 KiB */
/*
 * A claim that brings its worker nothing new costs as much as one that does: so it is a debt, which time pays. Up to
 * DEBT_FREE_MS nobody waits for it, and a few answers may be lost; who asks one call after the other waits for DEBT_MS.
 */
#define DEBT_MS 500
#define DEBT_FREE_MS (8 * DEBT_MS)
#define DEBT_WAIT_MOST_MS 4000 /* less than a client's time-out may be */
#define SHARED_PROCESSES                                                                           \
	128               /* twice the most of a pool: at a reload old and new run side by side */
#define SHARED_BUCKETS 16 /* of a histogram: 2^i * 250 us, the last is everything above */

enum counter {
	STAT_REQUESTS,
	STAT_REPLIES_2XX,
	STAT_REPLIES_3XX,
	STAT_REPLIES_4XX,
	STAT_REPLIES_5XX,
	STAT_CUT, /* connections closed without an answer */
	STAT_BEATS,
	STAT_CLAIMS,
	STAT_COMPLETIONS,
	STAT_RETURNS,
	STAT_OPENED,
	STAT_CLOSED,
	STAT_BUNDLES,
	STAT_BUNDLED,
	STAT_PG_AWAY,
	STAT_PG_ERRORS,
	STAT_OPS_REFUSED,
	STAT_DEADLOCKS,
	STAT_REDIS_AWAY,
	STAT_REDIS_REFUSED,
	STAT_PAGES_RENDERED,
	STAT_PARKED,    /* a gauge: parked now */
	STAT_IN_FLIGHT, /* a gauge: requests accepted and not yet answered */
	STATS
};

/* What may be well or ill: the three desks that write, a write of our own, and so on; see health.h. */
enum health_part {
	PART_CLAIM,
	PART_COMPLETE,
	PART_WORKERS,
	PART_PROBE, /* a write on behalf of nobody, when no desk has written lately */
	PART_KEEPER,
	PART_REDIS, /* beats and a write of our own; then a part for each other use of Redis, see health_of_redis */
	PART_NEWS,
	PART_LISTEN,
	PART_PRESENCE,
	PART_PROGRESS,
	PART_COPIES,
	PART_COPYING,
	PART_TELL,
	PART_ERASE,
	PARTS
};
enum server { SERVER_POSTGRES, SERVER_REDIS, SERVERS };

#define SHARED_WHY sizeof(uint64_t)

struct shared_part {
	_Atomic int64_t good_us, ill_us; /* monotonic; 0 = never, or not ill */
	_Atomic uint64_t why;            /* so many characters, in one word */
};

struct shared_process {
	struct shared_part part[PARTS];
	_Atomic int64_t stat[STATS];
	_Atomic int64_t latency_us_sum, latency_count, latency[SHARED_BUCKETS];
};

struct shared {
	int64_t made_us; /* UTC since 1970: when the pool was started */
	_Atomic uint32_t generation[SHARED_GENERATIONS];
	_Atomic uint64_t ticket[SHARED_TICKETS];
	_Atomic uint64_t debt[SHARED_DEBTS];
	_Atomic uint32_t counts_version;  /* bumped when a commit changed the counts */
	_Atomic int64_t away_us[SERVERS]; /* since when some part met it so; 0 = here */
	_Atomic int64_t told_us[SERVERS]; /* the away_us that on_event was told of; 0 = none */
	struct shared_process process[SHARED_PROCESSES];
};

/* Never NULL: ends the process when memory cannot be had. */
struct shared *shared_new(void);

/* The generation of a token's slot: changes whenever what is cached about the worker may be wrong. */
uint32_t shared_generation(struct shared *s, const struct uuid *token);
void shared_bump(struct shared *s, const struct uuid *token);

/* A ticket for a waiting call; is it still the worker's newest? */
uint64_t shared_ticket_take(struct shared *s, const struct uuid *token);
bool shared_ticket_is_newest(struct shared *s, const struct uuid *token, uint64_t ticket);

/*
 * A worker asks: for how many microseconds it has to wait. Who owes something (*owes) owes for this call too, until it is
 * forgiven, so that many at once have many turns.
 */
int64_t shared_debt_ask(struct shared *s, const struct uuid *token, int64_t now_us, bool *owes);
/* Would it have to wait? Asking costs nothing. */
bool shared_debt_is_due(struct shared *s, const struct uuid *token, int64_t now_us);
/* It asked in vain, for as much as so many calls; it was of use after all. */
void shared_debt_add(struct shared *s, const struct uuid *token, int64_t now_us, int calls);
void shared_debt_forgive(struct shared *s, const struct uuid *token);

/* The process this is, for stat_add; 0 in the master. */
void shared_enter(struct shared *s, int process);
struct shared_process *shared_mine(void);
void stat_add(enum counter what, int64_t n);
void stat_latency(int64_t us);
int64_t shared_stat(const struct shared *s, enum counter what);
void shared_latency(
    const struct shared *s, int64_t buckets[SHARED_BUCKETS], int64_t *sum_us, int64_t *count);
/* A process that died had requests in flight and calls parked, and parts that were ill: they are gone. */
void shared_forget(struct shared *s, int process);

#endif
