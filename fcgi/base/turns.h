/*
 * turns -- things that wait for one server, a thing of everybody in turn.
 *
 * Who has many waiting gets one served each time that everybody else who waits got one: whoever comes waits for what
 * is under way and for one of each of the others, however many these have. Within a round the oldest goes first.
 *
 * Threads	its caller's, one at a time.
 * Ownership	an entry belongs to the turns from put to take, then to the taker.
 * Units	who: any number; TURNS_NOBODY waits for what is in the round already, and for nothing else. Two
 *		numbers may share a place by chance, and then have their turns together.
 * Source	start-time fair queueing, with equal costs.
 */
#ifndef BASE_TURNS_H
#define BASE_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"

#define TURNS_NOBODY 0
#define TURNS_AHEAD                                                                                \
	64 /* rounds; who has more than so many waiting has the rest of them in the last */
#define TURNS_PLACES 1024

struct turns {
	struct turns_round {
		struct queue_entry *first, **last;
	} round[TURNS_AHEAD];        /* of round n: n % TURNS_AHEAD */
	uint64_t now;                /* the round that is served */
	uint64_t next[TURNS_PLACES]; /* by who: the first round in which they have none yet */
	size_t count;
};

void turns_init(struct turns *t);
void turns_put(struct turns *t, struct queue_entry *entry, uint32_t who);
/* Whose turn it is; NULL when nothing waits. */
struct queue_entry *turns_take(struct turns *t);

#endif
