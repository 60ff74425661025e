/* json-c has a type of the name of our function; in here it goes by another. */
#define json_type json_c_type
#include <json-c/json.h>
#undef json_type

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* json-c keeps null as a NULL pointer; here NULL means absent, so null has an address of its own. */
static char null_place;
#define NULL_VALUE ((json *)&null_place)

/* One for all, for programs have one thread: making it clears 66 levels of 40 bytes. json-c opens one for the outermost scalar too. */
static struct json_tokener *
own_tokener(void)
{
	static struct json_tokener *tokener;

	if (tokener)
		json_tokener_reset(tokener);
	else
		tokener = json_tokener_new_ex(JSON_DEPTH_AROUND + 2);
	if (!tokener)
		abort();
	return tokener;
}

json *
json_parse(const char *text, size_t len, struct err *e)
{
	struct json_tokener *tokener;
	json *value;
	bool ok;

	if (!scan_check(text, len, JSON_DEPTH_AROUND, e))
		return NULL;
	tokener = own_tokener(); /* its looser modes do not matter any more */
	value = json_tokener_parse_ex(tokener, text, (int)len);
	ok = json_tokener_get_error(tokener) == json_tokener_success;
	/* A number at the very end could go on, so json-c waits for what follows. */
	if (json_tokener_get_error(tokener) == json_tokener_continue) {
		value = json_tokener_parse_ex(tokener, "", 1);
		ok = json_tokener_get_error(tokener) == json_tokener_success;
	}
	if (!ok) {
		json_object_put(value);
		err_set(e, ERR_FIELD, "The body is not valid JSON.",
		    "json-c refuses what the scanner took, %zu bytes", len);
		return NULL;
	}
	return value ? value : NULL_VALUE;
}

void
json_free(json *value)
{
	if (value != NULL_VALUE)
		json_object_put(value);
}

enum json_type_of
json_type(const json *value)
{
	if (!value || value == NULL_VALUE)
		return JSON_IS_NULL;
	switch (json_object_get_type(value)) {
	case json_type_boolean:
		return JSON_IS_BOOL;
	case json_type_int:
		return JSON_IS_INT;
	case json_type_double:
		return JSON_IS_DOUBLE;
	case json_type_string:
		return JSON_IS_TEXT;
	case json_type_array:
		return JSON_IS_LIST;
	case json_type_object:
		return JSON_IS_OBJECT;
	case json_type_null:
		break;
	}
	return JSON_IS_NULL;
}

json *
json_get(const json *object, const char *key)
{
	json *value;

	if (json_type(object) != JSON_IS_OBJECT || !json_object_object_get_ex(object, key, &value))
		return NULL;
	return value ? value : NULL_VALUE;
}

size_t
json_list_len(const json *list)
{
	return json_type(list) == JSON_IS_LIST ? json_object_array_length(list) : 0;
}

json *
json_list_at(const json *list, size_t i)
{
	json *value;

	if (i >= json_list_len(list))
		return NULL;
	value = json_object_array_get_idx(list, i);
	return value ? value : NULL_VALUE;
}

bool
json_as_text(const json *value, struct json_text *out)
{
	if (json_type(value) != JSON_IS_TEXT)
		return false;
	/* json-c takes a value that it may write into, but does not for a string. */
	out->s = json_object_get_string((json *)(uintptr_t)value);
	out->len = (size_t)json_object_get_string_len(value);
	return true;
}

bool
json_as_int(const json *value, int64_t *out)
{
	int64_t n;

	if (json_type(value) != JSON_IS_INT)
		return false;
	/* json-c clamps: what is over INT64_MAX is over it as unsigned; INT64_MIN is refused as unclear. */
	n = json_object_get_int64(value);
	if (n == INT64_MIN || (n == INT64_MAX && json_object_get_uint64(value) != INT64_MAX))
		return false;
	*out = n;
	return true;
}

/* ---- spans ---------------------------------------------------------------------------------- */

bool
json_is_valid(const char *text, size_t len)
{
	size_t at;

	return !scan_fault(text, len, JSON_DEPTH, &at);
}

bool
json_spans(const char *text, size_t len, const char *list, const char *key, struct json_span *spans,
    size_t max)
{
	struct scan_field found = {.name = list}, member = {.name = key};
	struct json_span item;

	memset(spans, 0, max * sizeof(*spans));
	if (!scan_members((struct json_span){text, len}, &found, 1) || !scan_is_list(found.value))
		return false;
	for (size_t i = 0; i < max && scan_next(&found.value, &item); i++) {
		member.value = (struct json_span){0};
		(void)scan_members(item, &member, 1);
		spans[i] = member.value;
	}
	return true;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* The escape of one byte that cannot stand as it is; its length. */
static size_t
escape(char out[6], unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *found = c == 0 ? NULL : strchr(from, c);

	out[0] = '\\';
	if (found) {
		out[1] = to[found - from];
		return 2;
	}
	out[1] = 'u';
	out[2] = '0';
	out[3] = '0';
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

void
json_put_text(struct buf *b, const char *text, size_t len)
{
	const char *end = text + len, *run;
	char bytes[6];

	buf_putc(b, '"');
	for (;;) {
		run = scan_plain_run(text, end);
		if (run > text)
			buf_put(b, text, (size_t)(run - text));
		if (run == end)
			break;
		buf_put(b, bytes, escape(bytes, (unsigned char)*run));
		text = run + 1;
	}
	buf_putc(b, '"');
}

/* \uXXXX, twice for what is beyond U+FFFF. */
static void
put_escaped(struct buf *b, uint32_t c)
{
	if (c > 0xffff) {
		buf_printf(b, "\\u%04x", 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	buf_printf(b, "\\u%04x", c);
}

static size_t
wide_bytes(uint32_t c)
{
	return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

/* Between quotes, or a whole value, whose strings are escaped already. */
static void
put_shown(struct buf *b, const char *text, size_t len, bool raw)
{
	const char *end = text + len;

	while (text < end) {
		uint32_t odd = 0;
		size_t n = text_odd(text, (size_t)(end - text), &odd);

		for (; n > 0; n--, text++) {
			if (raw && (*text == '"' || *text == '\\'))
				buf_putc(b, '\\');
			buf_putc(b, *text);
		}
		if (text == end)
			break;
		put_escaped(b, odd);
		text += odd == 0xfffd ? 1 : wide_bytes(odd);
	}
}

void
json_put_shown(struct buf *b, const char *text, size_t len)
{
	buf_putc(b, '"');
	put_shown(b, text, len, true);
	buf_putc(b, '"');
}

void
json_put_value_shown(struct buf *b, const char *value, size_t len)
{
	put_shown(b, value, len, false);
}
