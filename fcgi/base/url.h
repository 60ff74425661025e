/*
 * url -- query strings and paths.
 *
 * Errors	malformed percent escapes, NUL and text that is no UTF-8 are refused (ERR_INPUT).
 * Ownership	decoded text is the arena's.
 * Source	RFC 3986; application/x-www-form-urlencoded for `+`.
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* The first `name` of a query string, decoded; *out NULL when absent. */
bool url_query(struct arena *a, const char *query, const char *name, const char **out, size_t *len,
    struct err *e);
/* Decodes percent escapes of a path part (no `+`). */
bool url_decode(
    struct arena *a, const char *s, size_t len, const char **out, size_t *out_len, struct err *e);
/* Everything but unreserved characters percent-encoded. */
void url_encode(struct buf *b, const char *s, size_t len);

#endif
