#include "export/pack.h"

#include <string.h>
#include <zstd.h>

#include "base/gzip.h"

#define ZSTD_LEVEL 3 /* zstd's own default */

static const struct {
	const char *word, *extension;
} kinds[] = {
    [PACK_NONE] = {"none", ""}, [PACK_GZIP] = {"gzip", ".gz"}, [PACK_ZSTD] = {"zstd", ".zst"}};

bool
pack_find(const char *word, enum pack_kind *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].word, word) == 0) {
			*kind = (enum pack_kind)i;
			return true;
		}
	}
	return false;
}

const char *
pack_extension(enum pack_kind kind)
{
	return kinds[kind].extension;
}

static bool
put_zstd(struct buf *out, const char *bytes, size_t len)
{
	size_t most = ZSTD_compressBound(len), n;
	char *room = buf_room(out, most);

	if (!room)
		return false;
	n = ZSTD_compress(room, most, bytes, len, ZSTD_LEVEL);
	if (ZSTD_isError(n))
		return false;
	out->len += n;
	return true;
}

bool
pack_page(struct buf *out, const char *bytes, size_t len, enum pack_kind kind)
{
	if (len == 0)
		return true;
	switch (kind) {
	case PACK_GZIP:
		return gzip_put(out, bytes, len);
	case PACK_ZSTD:
		return put_zstd(out, bytes, len);
	case PACK_NONE:
		break;
	}
	buf_put(out, bytes, len);
	return !out->failed;
}
