/*
 * arena -- memory with the lifetime of a request.
 *
 * Ownership	everything got from an arena is freed by arena_fini, all at once.
 * Threads	one at a time.
 * Errors	memory that cannot be had ends the process: arena_* never return NULL.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	char *next, *end;           /* free room of the newest block */
	size_t bytes;               /* of all blocks */
};

void arena_init(struct arena *a);
/* Begins in the caller's own room, aligned for any type, which must live as long: small needs cost no malloc. */
void arena_init_room(struct arena *a, void *room, size_t size);
void arena_fini(struct arena *a);

/* Aligned for any type; not cleared. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull));
/* Cleared; count * size is checked for overflow. */
void *arena_calloc(struct arena *a, size_t count, size_t size)
    __attribute__((malloc, returns_nonnull));
/* A copy that ends in NUL. */
char *arena_dup(struct arena *a, const char *text, size_t len) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));

#endif
