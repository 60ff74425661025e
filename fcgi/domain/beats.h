/*
 * beats -- what workers said of themselves since the last time it was written to Redis.
 *
 * Coalesced by worker: however often one speaks, one write a period.
 *
 * Threads	beats_note from any; beats_take from one.
 * Ownership	beats_new/_free; what beats_take gives is the caller's: beats_done.
 * Units	seen_ms, progress_ms: UTC milliseconds since 1970.
 */
#ifndef DOMAIN_BEATS_H
#define DOMAIN_BEATS_H

#include <stddef.h>
#include <stdint.h>

#define PROGRESS_CHARS 255
#define BEATS_MOST 131072 /* while Redis is away: some 200 bytes each, 1 KiB with a long progress */

struct beat {
	struct beat *next;
	int64_t worker;
	int64_t seen_ms;
	int64_t progress_ms; /* 0 = said nothing */
	char *progress;
	size_t len;
};

struct beats;

struct beats *beats_new(void);
void beats_free(struct beats *b);
/* progress NULL: only heard from. Cut to PROGRESS_CHARS characters. */
void beats_note(struct beats *b, int64_t worker, const char *progress, size_t len);
/* Everything noted, as a chain; NULL when nothing was. */
struct beat *beats_take(struct beats *b);
void beats_done(struct beat *chain);
/* What could not be written is noted again, but for what was said since; BEATS_MOST workers are kept. */
void beats_put_back(struct beats *b, struct beat *chain);

#endif
