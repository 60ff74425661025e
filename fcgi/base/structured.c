#include "base/structured.h"

#include <string.h>

#define MARK_LEN (sizeof(STRUCTURED_MARK) - 1)

bool
structured_is_marked(const char *data, size_t len)
{
	return len >= MARK_LEN && memcmp(data, STRUCTURED_MARK, MARK_LEN) == 0;
}

/* A list or an object, or what begins like one. */
static bool
is_container(const char *s, size_t len)
{
	size_t at = 0;

	while (at < len && (s[at] == ' ' || s[at] == '\n' || s[at] == '\t' || s[at] == '\r'))
		at++;
	return at < len && (s[at] == '[' || s[at] == '{');
}

bool
structured_read(const char *data, size_t len, struct json_span *value)
{
	const char *s = data + MARK_LEN;

	if (!structured_is_marked(data, len))
		return false;
	len -= MARK_LEN;
	if (!is_container(s, len)) {
		if (len == 0 || *s != '\t')
			return false;
		s++;
		len--;
	}
	if (!json_is_valid(s, len))
		return false;
	*value = (struct json_span){s, len};
	return true;
}

const char *
structured_head(const char *value, const struct json_text *text)
{
	struct json_span ignored;

	if (*value == '[' || *value == '{')
		return STRUCTURED_MARK;
	if (*value == '"' && !structured_read(text->s, text->len, &ignored))
		return NULL;
	return STRUCTURED_MARK "\t";
}
