/*
 * buf -- a growing run of bytes, with a sticky failure: twenty puts, one check at the end.
 *
 * Ownership	the caller's storage; buf_fini frees the bytes.
 * Errors	over `limit` (0 = none) or out of memory: `failed` is set and later puts do nothing. Whoever sends
 *		or shows what was put asks for it by buf_text, or looks at `failed` (lint).
 * Units	bytes. `data` always ends in a NUL that `len` does not count (once anything was put).
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data;
	size_t len, size, limit;
	bool failed;
};

void buf_init(struct buf *b, size_t limit);
void buf_fini(struct buf *b);
/* All that was put, "" where it was nothing; NULL where not all of it is there. Borrowed, until the next put. */
const char *buf_text(const struct buf *b) __attribute__((warn_unused_result));
/* Empty again, memory kept, failure forgotten. */
void buf_clear(struct buf *b);
/*
 * Makes room for `more` bytes beyond len and a NUL; NULL when failed. The caller fills, adds to len
 * and, when nothing is put afterwards, sets the NUL.
 */
char *buf_room(struct buf *b, size_t more);

void buf_put(struct buf *b, const void *bytes, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_put_int(struct buf *b, int64_t n);

/* Big-endian, as PostgreSQL's binary formats want them. */
void buf_put_be16(struct buf *b, uint16_t n);
void buf_put_be32(struct buf *b, uint32_t n);
void buf_put_be64(struct buf *b, uint64_t n);

#endif
