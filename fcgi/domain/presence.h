/*
 * presence -- the workers that this process knows to be here, so that a beat costs no SQL.
 *
 * An entry is worth something while the token's shared generation is the one it was read under:
 * whatever makes a worker gone, or makes its next beat matter (a job was handed out, see "newJob is
 * safe to repeat"), bumps the generation before its answer is sent. Other hosts are told through Redis;
 * PRESENCE_TRUST_US bounds how long an entry is believed there when Redis is away.
 *
 * Threads	any.
 * Ownership	presence_new/_free.
 * Units	monotonic microseconds.
 */
#ifndef DOMAIN_PRESENCE_H
#define DOMAIN_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "domain/op.h"
#include "domain/shared.h"

#define PRESENCE_TRUST_US (10 * INT64_C(1000000))
#define PRESENCE_MOST 131072 /* entries; about 100 bytes each */

struct presence;

/* `refresh_us`: a worker not written to PostgreSQL for so long is to be asked for again. */
struct presence *presence_new(struct shared *shared, int64_t refresh_us);
void presence_free(struct presence *p);

/* What worker_id.said is for these words, which are tidy, and this label: never 0. NULL: nothing is said of it. */
uint64_t presence_words(const char *words, const char *label, size_t label_len);
/* False: not known (any more): ask PostgreSQL with OP_TOUCH. */
bool presence_find(struct presence *p, const struct uuid *token, struct worker_id *worker);
/* `generation` as read before PostgreSQL was asked. */
void presence_put(struct presence *p, const struct uuid *token, uint32_t generation,
    const struct worker_id *worker);

#endif
