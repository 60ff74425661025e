/*
 * fuzz_url -- any bytes as a query string and as a path part; what is encoded decodes to itself.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool so)
{
	if (!so)
		abort();
}

static void
encode_and_decode(struct arena *a, const char *s, size_t len)
{
	struct err e = ERR_INIT;
	const char *back;
	size_t back_len;
	struct buf b;

	buf_init(&b, 0);
	buf_puts(&b, "n=");
	url_encode(&b, s, len);
	must(url_query(a, b.data, "n", &back, &back_len, &e));
	must(back_len == len && memcmp(back, s, len) == 0);
	must(url_decode(a, b.data + 2, b.len - 2, &back, &back_len, &e));
	must(back_len == len && memcmp(back, s, len) == 0);
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct err e = ERR_INIT;
	const char *out;
	char quoted[64], *query;
	size_t len;

	arena_init(&a);
	query = arena_dup(&a, (const char *)data, size);
	if (url_query(&a, query, "n", &out, &len, &e) && out)
		encode_and_decode(&a, out, len);
	err_clear(&e);
	if (url_decode(&a, (const char *)data, size, &out, &len, &e)) {
		must(text_is_utf8(out, len) && strlen(out) == len);
		encode_and_decode(&a, out, len);
	}
	/* What the log shows of it is one closed quote. */
	log_quote(quoted, sizeof(quoted), (const char *)data, size);
	must(!text_has_control(quoted, strlen(quoted)));
	must(quoted[0] == '"' && strchr(quoted + 1, '"') == quoted + strlen(quoted) - 1);
	arena_fini(&a);
	return 0;
}
