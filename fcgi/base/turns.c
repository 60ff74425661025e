#include "base/turns.h"

void
turns_init(struct turns *t)
{
	*t = (struct turns){.now = 0};
	for (int i = 0; i < TURNS_AHEAD; i++)
		t->round[i].last = &t->round[i].first;
}

/* The round of somebody's next one, and that it is taken. */
static uint64_t
round_of(struct turns *t, uint32_t who)
{
	uint64_t *next = &t->next[who % TURNS_PLACES], last = t->now + TURNS_AHEAD - 1, round;

	if (who == TURNS_NOBODY)
		return t->now;
	round = *next > t->now ? *next : t->now;
	if (round > last)
		round = last;
	*next = round + 1;
	return round;
}

void
turns_put(struct turns *t, struct queue_entry *entry, uint32_t who)
{
	struct turns_round *r = &t->round[round_of(t, who) % TURNS_AHEAD];

	entry->next = NULL;
	*r->last = entry;
	r->last = &entry->next;
	t->count++;
}

struct queue_entry *
turns_take(struct turns *t)
{
	struct turns_round *r = &t->round[t->now % TURNS_AHEAD];
	struct queue_entry *entry;

	if (t->count == 0)
		return NULL;
	while (!r->first)
		r = &t->round[++t->now % TURNS_AHEAD];
	entry = r->first;
	r->first = entry->next;
	if (!r->first)
		r->last = &r->first;
	entry->next = NULL;
	t->count--;
	return entry;
}
