/*
 * queue -- things that wait to be handled together.
 *
 * Whoever drains takes everything that waits, so a bundle is as long as the last round trip
 * made it, and a lone one waits for nobody.
 *
 * Threads	queue_put from any thread; queue_take from one.
 * Ownership	an entry belongs to the queue from put to take, then to the taker.
 * Units	patience_ms: monotonic milliseconds; -1 waits for ever.
 * Errors	queue_put returns false only when closed; the entry is then still the caller's.
 * Source	group commit of write-ahead logs.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_entry {
	struct queue_entry *next;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t some; /* signalled only when the taker sleeps */
	struct queue_entry *first, **last;
	bool asleep, closed;
};

void queue_init(struct queue *q);
void queue_fini(struct queue *q);
bool queue_put(struct queue *q, struct queue_entry *entry);
/* All that waits, oldest first, as a chain; NULL after the patience, or when closed and empty. */
struct queue_entry *queue_take(struct queue *q, int64_t patience_ms);
/* No more puts; what waits can still be taken. */
void queue_close(struct queue *q);
bool queue_is_closed(struct queue *q);

#endif
