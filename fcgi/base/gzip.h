/*
 * gzip -- bytes made smaller for the wire, and who wants them so.
 *
 * The same bytes always give the same result, so a tag of the one is a tag of the other.
 *
 * Ownership	the buffer is the caller's.
 * Errors	gzip_put answers false when there is no memory or the buffer failed; what it holds then
 *		is no gzip.
 * Source	zlib (the only file that includes it); RFC 1952; RFC 9110, 12.5.3.
 */
#ifndef BASE_GZIP_H
#define BASE_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The bytes, compressed as one whole gzip file, behind what the buffer holds. */
bool gzip_put(struct buf *out, const void *bytes, size_t len);
/* Does this Accept-Encoding ("" = none was sent) rather have gzip than the bytes as they are? */
bool gzip_is_wanted(const char *accept_encoding);

#endif
