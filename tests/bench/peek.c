#include "peek.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

static const char *
skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : NULL;
}

/* The byte behind a value. Brackets are counted, not matched: the server is no adversary. */
static const char *
skip_value(const char *p, const char *end)
{
	int depth = 0;

	while ((p = skip_space(p, end)) < end) {
		if (*p == '"') {
			if (!(p = skip_string(p, end)))
				return NULL;
		} else if (*p == '{' || *p == '[') {
			if (++depth > DEPTH_MAX)
				return NULL;
			p++;
		} else if (*p == '}' || *p == ']') {
			if (--depth < 0)
				return NULL;
			p++;
		} else if (depth > 0 && (*p == ',' || *p == ':')) {
			p++;
		} else {
			size_t word = strcspn(p, ",:]}[{ \n\r\t\"");

			if (word == 0)
				return NULL;
			p += word;
		}
		if (depth == 0)
			return p <= end ? p : NULL;
	}
	return NULL;
}

const char *
peek_member(const char *object, const char *end, const char *name)
{
	size_t len = strlen(name);
	const char *p;

	if (!object || (p = skip_space(object, end)) >= end || *p != '{')
		return NULL;
	p = skip_space(p + 1, end);
	while (p < end && *p == '"') {
		const char *key = p + 1, *after = skip_string(p, end);
		bool same;

		if (!after)
			return NULL;
		same = (size_t)(after - 1 - key) == len && memcmp(key, name, len) == 0;
		p = skip_space(after, end);
		if (p >= end || *p != ':')
			return NULL;
		p = skip_space(p + 1, end);
		if (same)
			return p < end ? p : NULL;
		if (!(p = skip_value(p, end)))
			return NULL;
		p = skip_space(p, end);
		if (p >= end || *p != ',')
			return NULL;
		p = skip_space(p + 1, end);
	}
	return NULL;
}

const char *
peek_first(const char *array, const char *end)
{
	const char *p;

	if (!array || (p = skip_space(array, end)) >= end || *p != '[')
		return NULL;
	p = skip_space(p + 1, end);
	return p < end && *p != ']' ? p : NULL;
}

const char *
peek_next(const char *value, const char *end)
{
	const char *p = skip_value(value, end);

	if (!p)
		return NULL;
	p = skip_space(p, end);
	if (p >= end || *p != ',')
		return NULL;
	p = skip_space(p + 1, end);
	return p < end ? p : NULL;
}

bool
peek_text(const char *value, const char *end, char *text, size_t size)
{
	const char *after;
	size_t len;

	if (!value || *value != '"' || !(after = skip_string(value, end)))
		return false;
	len = (size_t)(after - value) - 2;
	if (len >= size)
		return false;
	memcpy(text, value + 1, len);
	text[len] = '\0';
	return true;
}

bool
peek_int(const char *value, const char *end, int64_t *number)
{
	char *after;

	/* The text is followed by a NUL wherever the driver keeps one, so strtoll stops. */
	if (!value || value >= end || (*value != '-' && (*value < '0' || *value > '9')))
		return false;
	*number = strtoll(value, &after, 10);
	return after <= end;
}

bool
peek_is(const char *value, const char *end, const char *text)
{
	size_t len = strlen(text);

	return value && (size_t)(end - value) >= len + 2 && *value == '"' &&
	    memcmp(value + 1, text, len) == 0 && value[len + 1] == '"';
}
