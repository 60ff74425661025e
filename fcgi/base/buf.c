#include "base/buf.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 512 /* bytes of the first allocation: most answers of the API fit */

void
buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf){.limit = limit};
}

void
buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.limit = b->limit};
}

const char *
buf_text(const struct buf *b)
{
	if (b->failed)
		return NULL;
	return b->data ? b->data : "";
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

static char *
fail(struct buf *b)
{
	b->failed = true;
	return NULL;
}

/* Slow half of buf_room: `need` bytes with the NUL do not fit. */
static bool
grow(struct buf *b, size_t need)
{
	size_t size = b->size < BUF_FIRST ? BUF_FIRST : b->size;
	char *data;

	while (size < need) {
		if (size > SIZE_MAX / 2)
			return false;
		size *= 2;
	}
	data = realloc(b->data, size);
	if (!data)
		return false;
	b->data = data;
	b->size = size;
	return true;
}

char *
buf_room(struct buf *b, size_t more)
{
	size_t need;

	if (b->failed)
		return NULL;
	if (__builtin_add_overflow(b->len, more, &need) || need == SIZE_MAX)
		return fail(b);
	if (b->limit > 0 && need > b->limit)
		return fail(b);
	if (need + 1 > b->size && !grow(b, need + 1))
		return fail(b);
	return b->data + b->len;
}

void
buf_put(struct buf *b, const void *bytes, size_t len)
{
	char *to = buf_room(b, len);

	if (!to)
		return;
	if (len > 0)
		memcpy(to, bytes, len);
	to[len] = '\0';
	b->len += len;
}

void
buf_puts(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

void
buf_putc(struct buf *b, char c)
{
	char *to = buf_room(b, 1);

	if (!to)
		return;
	to[0] = c;
	to[1] = '\0';
	b->len++;
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	size_t room;
	char *to = buf_room(b, 0), *again;
	int len;

	if (!to)
		return;
	room = b->size - b->len;
	va_start(args, format);
	len = vsnprintf(to, room, format, args);
	va_end(args);
	if (len < 0)
		again = fail(b);
	else /* also when it fitted into the memory: the limit may be less */
		again = buf_room(b, (size_t)len);
	if (!again) {
		*to = '\0';
		return;
	}
	if ((size_t)len >= room) {
		va_start(args, format);
		vsnprintf(again, (size_t)len + 1, format, args);
		va_end(args);
	}
	b->len += (size_t)len;
}

void
buf_put_int(struct buf *b, int64_t n)
{
	char digits[20]; /* 19 digits of INT64_MIN and its sign */
	char *p = digits + sizeof(digits);
	uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;

	do {
		*--p = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (n < 0)
		*--p = '-';
	buf_put(b, p, (size_t)(digits + sizeof(digits) - p));
}

void
buf_put_be16(struct buf *b, uint16_t n)
{
	n = htobe16(n);
	buf_put(b, &n, sizeof(n));
}

void
buf_put_be32(struct buf *b, uint32_t n)
{
	n = htobe32(n);
	buf_put(b, &n, sizeof(n));
}

void
buf_put_be64(struct buf *b, uint64_t n)
{
	n = htobe64(n);
	buf_put(b, &n, sizeof(n));
}
