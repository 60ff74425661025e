#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Bytes of plain ASCII at the head of s, found eight at a time. */
static size_t
ascii_run(const unsigned char *s, size_t len)
{
	size_t i = 0;
	uint64_t word;

	while (len - i >= sizeof(word)) {
		memcpy(&word, s + i, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
		i += sizeof(word);
	}
	while (i < len && s[i] < 0x80)
		i++;
	return i;
}

static bool
is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Bytes of the character of more than one byte at s; 0 when it is ill-formed (Unicode, table 3-7). */
static size_t
wide_len(const unsigned char *s, size_t len)
{
	unsigned char c = s[0], low = 0x80, high = 0xbf;
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

	if (c < 0xc2 || c > 0xf4 || n > len)
		return 0;
	if (c == 0xe0)
		low = 0xa0; /* overlong */
	else if (c == 0xed)
		high = 0x9f; /* surrogates */
	else if (c == 0xf0)
		low = 0x90; /* overlong */
	else if (c == 0xf4)
		high = 0x8f; /* over U+10FFFF */
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (!is_tail(s[i]))
			return 0;
	return n;
}

bool
text_is_utf8(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t i = 0, n;

	for (;;) {
		i += ascii_run(u + i, len - i);
		if (i == len)
			return true;
		n = wide_len(u + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
}

size_t
text_chars(const char *s, size_t len)
{
	size_t chars = 0;

	for (size_t i = 0; i < len; i++)
		chars += !is_tail((unsigned char)s[i]);
	return chars;
}

size_t
text_cut(const char *s, size_t len, size_t chars)
{
	for (size_t i = 0; i < len; i++) {
		if (is_tail((unsigned char)s[i]))
			continue;
		if (chars == 0)
			return i;
		chars--;
	}
	return len;
}

bool
text_has_control(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	for (size_t i = 0; i < len; i++) {
		if (u[i] < 0x20 || u[i] == 0x7f)
			return true;
		if (u[i] == 0xc2 && i + 1 < len && u[i + 1] < 0xa0)
			return true;
		if (u[i] == 0xe2 && i + 2 < len && u[i + 1] == 0x80 && (u[i + 2] | 1) == 0xa9)
			return true;
	}
	return false;
}

bool
text_has_invisible(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	for (size_t i = 0; i + 2 < len; i++) {
		unsigned char b = u[i + 1], c = u[i + 2];

		if (u[i] == 0xe2 && b == 0x80 &&
		    ((c >= 0x8b && c <= 0x8f) || (c >= 0xaa && c <= 0xae)))
			return true;
		if (u[i] == 0xe2 && b == 0x81 && c >= 0xa0 && c <= 0xa9)
			return true;
		if (u[i] == 0xef && b == 0xbb && c == 0xbf)
			return true;
	}
	return false;
}

bool
text_to_int(const char *s, size_t len, int64_t min, int64_t max, int64_t *out)
{
	bool minus = len > 0 && s[0] == '-';
	int64_t n = 0;
	size_t i = minus;

	if (i == len)
		return false;
	for (; i < len; i++) {
		int digit = s[i] - '0';

		if (digit < 0 || digit > 9)
			return false;
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, minus ? -digit : digit, &n))
			return false;
	}
	if (n < min || n > max)
		return false;
	*out = n;
	return true;
}

bool
text_to_bytes(const char *s, size_t len, int64_t *out)
{
	static const char units[] = "KMGT";
	int64_t n, unit = 1;
	const char *found;

	if (len > 0 && s[len - 1] != '\0') {
		found = strchr(units, s[len - 1] & ~0x20);
		if (found && ((s[len - 1] | 0x20) >= 'a')) {
			unit = INT64_C(1) << (10 * (found - units + 1));
			len--;
		}
	}
	if (!text_to_int(s, len, 0, INT64_MAX / unit, &n))
		return false;
	*out = n * unit;
	return true;
}

void
text_duration(char *out, size_t size, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	struct {
		int64_t n;
		const char *name;
	} parts[4];
	size_t count = 0, at = 0;

	if (size == 0)
		return;
	out[0] = '\0';
	if (seconds < 0)
		seconds = 0;
	for (size_t i = 0; i < 4; i++) {
		int64_t n = seconds / units[i].seconds;

		seconds %= units[i].seconds;
		if (n > 0 || (i == 3 && count == 0)) {
			parts[count].n = n;
			parts[count++].name = units[i].name;
		}
	}
	for (size_t i = 0; i < count && at < size; i++) {
		const char *before = i == 0 ? "" : i + 1 == count ? " and " : ", ";
		int n = snprintf(out + at, size - at, "%s%lld %s%s", before, (long long)parts[i].n,
		    parts[i].name, parts[i].n == 1 ? "" : "s");

		at += n > 0 ? (size_t)n : 0;
	}
}

void
text_thousands(char *out, int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);
	size_t at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && digits[i - 1] != '-' && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
}

void
text_lower(char *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 : s[i]);
}

bool
text_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}
