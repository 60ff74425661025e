#include "base/url.h"

#include <string.h>

#include "base/text.h"

/*
 * The byte at *s, decoded, and *s moved behind it; -1 when malformed or NUL. `plus`: + is a space.
 */
static int
next_byte(const char **s, const char *end, bool plus)
{
	const char *p = *s;
	int high, low;

	*s = p + 1;
	if (*p == '+' && plus)
		return ' ';
	if (*p == '\0')
		return -1;
	if (*p != '%')
		return (unsigned char)*p;
	if (end - p < 3)
		return -1;
	high = text_hex_digit(p[1]);
	low = text_hex_digit(p[2]);
	*s = p + 3;
	if (high < 0 || low < 0 || (high | low) == 0)
		return -1;
	return high << 4 | low;
}

static bool
decode(struct arena *a, const char *s, size_t len, bool plus, const char **out, size_t *out_len,
    struct err *e)
{
	const char *end = s + len;
	char *to = arena_alloc(a, len + 1);
	size_t n = 0;
	int c;

	while (s < end) {
		c = next_byte(&s, end, plus);
		if (c < 0)
			return err_set(e, ERR_INPUT, "The address has a malformed percent escape.",
			    "malformed percent escape or NUL");
		to[n++] = (char)c;
	}
	to[n] = '\0';
	if (!text_is_utf8(to, n))
		return err_set(e, ERR_INPUT, "The address is not valid UTF-8.",
		    "percent-decoded text is no UTF-8");
	*out = to;
	*out_len = n;
	return true;
}

/* A name may itself be escaped; one that is malformed is nobody's name. */
static bool
is_named(const char *s, const char *end, const char *name)
{
	int c;

	for (; s < end && *name; name++) {
		c = next_byte(&s, end, true);
		if (c != (unsigned char)*name)
			return false;
	}
	return s == end && !*name;
}

bool
url_query(struct arena *a, const char *query, const char *name, const char **out, size_t *len,
    struct err *e)
{
	const char *s = query, *end, *equals, *value;

	*out = NULL;
	*len = 0;
	for (; s; s = *end ? end + 1 : NULL) {
		end = strchrnul(s, '&');
		equals = memchr(s, '=', (size_t)(end - s));
		if (!is_named(s, equals ? equals : end, name))
			continue;
		value = equals ? equals + 1 : end;
		return decode(a, value, (size_t)(end - value), true, out, len, e);
	}
	return true;
}

bool
url_decode(
    struct arena *a, const char *s, size_t len, const char **out, size_t *out_len, struct err *e)
{
	return decode(a, s, len, false, out, out_len, e);
}

static bool
is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '-' || c == '.' || c == '_' || c == '~';
}

void
url_encode(struct buf *b, const char *s, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t start = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		char escape[3] = {'%', hex[c >> 4], hex[c & 15]};

		if (is_unreserved(s[i]))
			continue;
		buf_put(b, s + start, i - start);
		buf_put(b, escape, sizeof(escape));
		start = i + 1;
	}
	buf_put(b, s + start, len - start);
}
