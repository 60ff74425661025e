#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bytes follow the head, which is therefore as aligned as they must be. */
struct arena_block {
	_Alignas(max_align_t) struct arena_block *older;
};

/* With malloc's own head still two pages: a v1 call needs less than one of them. */
#define BLOCK_ROOM (8192 - sizeof(struct arena_block) - 16)
#define ALIGN _Alignof(max_align_t)

static void
die(void)
{
	static const char text[] = "out of memory\n";

	fputs(text, stderr);
	abort();
}

void
arena_init(struct arena *a)
{
	*a = (struct arena){0};
}

void
arena_init_room(struct arena *a, void *room, size_t size)
{
	*a = (struct arena){.next = room, .end = (char *)room + size};
}

void
arena_fini(struct arena *a)
{
	struct arena_block *block, *older;

	for (block = a->blocks; block; block = older) {
		older = block->older;
		free(block);
	}
	arena_init(a);
}

/* What is large gets a block of its own behind the newest, whose room stays in use. */
static void *
alloc_large(struct arena *a, size_t size)
{
	struct arena_block *block = malloc(sizeof(*block) + size);

	if (!block)
		die();
	a->bytes += size;
	if (a->blocks) {
		block->older = a->blocks->older;
		a->blocks->older = block;
	} else {
		block->older = NULL;
		a->blocks = block;
	}
	return block + 1;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *block;
	char *bytes;

	if (size > SIZE_MAX / 2)
		die();
	size = size == 0 ? ALIGN : (size + ALIGN - 1) & ~(ALIGN - 1);
	if (size > (size_t)(a->end - a->next)) {
		if (size > BLOCK_ROOM / 2)
			return alloc_large(a, size);
		block = malloc(sizeof(*block) + BLOCK_ROOM);
		if (!block)
			die();
		block->older = a->blocks;
		a->blocks = block;
		a->bytes += BLOCK_ROOM;
		a->next = (char *)(block + 1);
		a->end = a->next + BLOCK_ROOM;
	}
	bytes = a->next;
	a->next += size;
	return bytes;
}

void *
arena_calloc(struct arena *a, size_t count, size_t size)
{
	size_t total;
	void *bytes;

	if (__builtin_mul_overflow(count, size, &total))
		die();
	bytes = arena_alloc(a, total);
	memset(bytes, 0, total);
	return bytes;
}

char *
arena_dup(struct arena *a, const char *text, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		die();
	copy = arena_alloc(a, len + 1);
	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *
arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		len = 0;
	text = arena_alloc(a, (size_t)len + 1);
	text[0] = '\0';
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}
