/*
 * fuzz_json -- any bytes as JSON: what the scanner takes, json-c builds, and spans and writing agree.
 *
 * Taken texts must be parsed; every text found in them, written anew, must be read as itself; and the
 * spans of a list's members must be valid texts of their own.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define SPANS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool so)
{
	if (!so)
		abort();
}

static void
write_and_read(const struct json_text *text)
{
	struct err e = ERR_INIT;
	struct json_text back;
	struct buf b;
	json *value;

	must(text_is_utf8(text->s, text->len) && strlen(text->s) == text->len);
	buf_init(&b, 0);
	json_put_text(&b, text->s, text->len);
	must(!b.failed);
	value = json_parse(b.data, b.len, &e);
	must(value && json_as_text(value, &back));
	must(back.len == text->len && memcmp(back.s, text->s, back.len) == 0);
	json_free(value);
	buf_fini(&b);
}

static void
walk(const json *value)
{
	static const char *const members[] = {"a", "d", "x", "data"};
	struct json_text text;
	int64_t n;

	json_as_int(value, &n);
	if (json_as_text(value, &text))
		write_and_read(&text);
	for (size_t i = 0; i < json_list_len(value); i++)
		walk(json_list_at(value, i));
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (json_get(value, members[i]))
			walk(json_get(value, members[i]));
}

static void
look_at_spans(const char *text, size_t len)
{
	struct json_span spans[SPANS];

	if (!json_spans(text, len, "d", "x", spans, SPANS))
		return;
	for (size_t i = 0; i < SPANS; i++)
		must(!spans[i].s || json_is_valid(spans[i].s, spans[i].len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct err e = ERR_INIT;
	json *value = json_parse(text, size, &e);

	must(json_is_valid(text, size) == !!value);
	must((e.kind == ERR_NONE) == !!value);
	if (value) {
		walk(value);
		look_at_spans(text, size);
	}
	json_free(value);
	return 0;
}
