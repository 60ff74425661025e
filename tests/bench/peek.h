/*
 * peek -- looks into JSON text without building anything from it.
 *
 * Values are pointers to their first byte. Every function takes the end of the text and answers
 * NULL (or false) for text that is cut or is no JSON, and for a NULL value; strings are compared
 * and copied as written, escapes and all, which is right for the names, uuids and statuses that the
 * driver looks for.
 */
#ifndef BENCH_PEEK_H
#define BENCH_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of a member of the object at `object`. */
const char *peek_member(const char *object, const char *end, const char *name);
/* The first value of an array, and the one after `value`; NULL when there is none. */
const char *peek_first(const char *array, const char *end);
const char *peek_next(const char *value, const char *end);
bool peek_text(const char *value, const char *end, char *text, size_t size);
bool peek_int(const char *value, const char *end, int64_t *number);
bool peek_is(const char *value, const char *end, const char *text);

#endif
