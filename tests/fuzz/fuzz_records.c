/*
 * fuzz_records -- any bytes as FastCGI records: in pieces of any length they come to the same end.
 *
 * Sources	fcgi/web/records.c
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "web/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool so)
{
	if (!so)
		abort();
}

/* Where it ended. */
static size_t
read_in_steps(struct records *r, const char *bytes, size_t len, size_t step)
{
	size_t at = 0, params = 0, body = 0;

	records_begin(r);
	while (at < len && r->state == RECORDS_MORE) {
		size_t most = len - at < step ? len - at : step, n;
		struct records_piece piece;

		n = records_take(r, bytes + at, most, &piece);
		must(n > 0 && n <= most);
		must(piece.len <= n);
		at += n;
		params += piece.kind == PIECE_PARAMS ? piece.len : 0;
		body += piece.kind == PIECE_BODY ? piece.len : 0;
	}
	must(params == r->params && body == r->body);
	must(params <= RECORDS_PARAMS_MOST || r->state == RECORDS_BROKEN);
	return at;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records whole, steps;
	size_t at, step = size > 0 ? 1 + data[size - 1] % 16 : 1, end;

	at = read_in_steps(&whole, (const char *)data, size, size);
	end = read_in_steps(&steps, (const char *)data, size, step);
	must(whole.state == steps.state);
	if (whole.state == RECORDS_WHOLE)
		must(at == end && whole.params == steps.params && whole.body == steps.body);
	return 0;
}
