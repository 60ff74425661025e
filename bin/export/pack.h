/*
 * pack -- bytes made smaller: gzip or zstd, a page at a time.
 *
 * Each page becomes a whole of its own (a gzip member, a zstd frame); the formats allow one behind the
 * other, and gunzip and zstd read them as one. So there is no stream whose end could be missing: what
 * was written can be read, after a crash too.
 *
 * Ownership	pack_page adds to the caller's buffer.
 * Errors	false when there is no memory.
 * Source	zstd (the only file that includes it).
 */
#ifndef EXPORT_PACK_H
#define EXPORT_PACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum pack_kind { PACK_NONE, PACK_GZIP, PACK_ZSTD };

/* "gzip", "zstd". */
bool pack_find(const char *word, enum pack_kind *kind);
/* "", ".gz", ".zst". */
const char *pack_extension(enum pack_kind kind);
bool pack_page(struct buf *out, const char *bytes, size_t len, enum pack_kind kind);

#endif
