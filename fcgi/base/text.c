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
text_char_len(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	return u[0] < 0x80 ? 1 : wide_len(u, len);
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

/* The character at s, which is well-formed and n bytes long. */
static uint32_t
code_of(const unsigned char *s, size_t n)
{
	uint32_t c = n == 1 ? s[0] : s[0] & (0x7fU >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* The choice of how an emoji looks. */
static bool
is_look(uint32_t c)
{
	return c == 0xfe0e || c == 0xfe0f;
}

/* Never a character, whatever Unicode may yet hold. */
static bool
is_noncharacter(uint32_t c)
{
	return (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

/* A blank that is no space to Unicode. */
static bool
is_blank(uint32_t c)
{
	return c == 0x2800 || c == 0x1d159;
}

/*
 * Unicode's Default_Ignorable_Code_Point, among which is all that turns direction, and the format controls of
 * hieroglyphs, shorthand and music.
 */
static bool
is_invisible(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {{0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160},
	    {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f}, {0x202a, 0x202e},
	    {0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
	    {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3},
	    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && c >= ranges[i].first; i++)
		if (c <= ranges[i].last)
			return true;
	return is_noncharacter(c);
}

bool
text_has_invisible(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n;

	for (size_t i = 0; i<len; i += n> 0 ? n : 1) {
		uint32_t c;

		n = text_char_len(s + i, len - i);
		c = n > 1 ? code_of(u + i, n) : ' ';
		if ((is_invisible(c) || is_blank(c)) && !is_look(c))
			return true;
	}
	return false;
}

bool
text_is_plain(const char *s, size_t len)
{
	return text_is_utf8(s, len) && !text_has_control(s, len) && !text_has_invisible(s, len);
}

/* Whether the invisible c has a meaning between what was kept before it and what follows (0 = nothing). */
static bool
joins(uint32_t c, uint32_t before, uint32_t after)
{
	if (c == 0x200c || c == 0x200d)
		return before >= 0x80 && after >= 0x80 && !is_invisible(after);
	if (is_look(c))
		return before >= 0xa9 || (before >= '0' && before <= '9') || before == '#' ||
		    before == '*';
	return false;
}

/* Bytes of a terminal's control sequence (ECMA-48: ESC [ or U+009B, parameters, one letter), else 0. */
static size_t
sequence_len(const unsigned char *s, size_t len)
{
	size_t n = 2;

	if (len < 2 || !((s[0] == 0x1b && s[1] == '[') || (s[0] == 0xc2 && s[1] == 0x9b)))
		return 0;
	while (n < len && s[n] >= 0x20 && s[n] <= 0x3f)
		n++;
	return n < len && s[n] >= 0x40 && s[n] <= 0x7e ? n + 1 : n;
}

static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

/* Bytes of printable ASCII at s, of which most pages are. */
static size_t
plain_len(const unsigned char *s, size_t len, bool lines)
{
	size_t n = 0;

	while (
	    n < len && ((s[n] >= 0x20 && s[n] < 0x7f) || (lines && (s[n] == '\n' || s[n] == '\t'))))
		n++;
	return n;
}

size_t
text_clean(char *s, size_t len, bool lines)
{
	unsigned char *u = (unsigned char *)s;
	uint32_t before = 0;
	size_t to = 0, n;

	for (size_t i = 0; i < len; i += n) {
		size_t next;
		uint32_t c;

		n = plain_len(u + i, len - i, lines);
		if (n > 0) {
			memmove(u + to, u + i, n);
			to += n;
			before = u[to - 1];
			continue;
		}
		n = sequence_len(u + i, len - i);
		if (n > 0)
			continue;
		n = text_char_len(s + i, len - i);
		if (n == 0) {
			n = 1;
			u[to++] = '?';
			before = '?';
			continue;
		}
		c = code_of(u + i, n);
		next = i + n < len ? text_char_len(s + i + n, len - i - n) : 0;
		if (is_control(c) || is_blank(c))
			u[to++] = ' ';
		else if (!is_invisible(c) ||
		    joins(c, before, next > 0 ? code_of(u + i + n, next) : 0)) {
			memmove(u + to, u + i, n);
			to += n;
		} else
			continue;
		before = c;
	}
	return to;
}

size_t
text_odd(const char *s, size_t len, uint32_t *odd)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t i = 0, n;

	for (; i < len; i += n) {
		uint32_t c;

		n = plain_len(u + i, len - i, false);
		if (n > 0)
			continue;
		n = text_char_len(s + i, len - i);
		c = n > 0 ? code_of(u + i, n) : 0xfffd;
		if (n == 0 || is_control(c) || is_invisible(c) || is_blank(c)) {
			*odd = c;
			break;
		}
	}
	return i;
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

bool
text_to_seconds(const char *s, size_t len, int64_t *out)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	int64_t n, unit = 1;

	for (size_t i = 0; len > 0 && i < sizeof(units) / sizeof(*units); i++) {
		if (s[len - 1] == units[i].letter) {
			unit = units[i].seconds;
			len--;
			break;
		}
	}
	if (!text_to_int(s, len, INT64_MIN / unit, INT64_MAX / unit, &n))
		return false;
	*out = n * unit;
	return true;
}

/* To what a duration is rounded: no more of it is known, or of use. */
static int64_t
duration_step(int64_t s)
{
	return s >= 2 * YEAR_S ? YEAR_S
	    : s >= 10 * 86400  ? 86400
	    : s >= 86400       ? 3600
	    : s >= 600         ? 60
			       : 1;
}

void
text_duration(char *out, size_t size, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {
	    {YEAR_S, "year"}, {86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	int64_t s = seconds < 0 ? 0 : seconds, step = duration_step(s);
	size_t at = 0;

	if (s > 1000 * YEAR_S) {
		snprintf(out, size, "more than 1,000 years");
		return;
	}
	s = (s + step / 2) / step * step;
	for (size_t i = step == YEAR_S ? 0 : 1; i < 5 && at < size; i++) {
		int64_t n = s / units[i].seconds;

		s %= units[i].seconds;
		if (n > 0 || (i == 4 && at == 0))
			at += (size_t)snprintf(out + at, size - at, "%s%lld %s%s",
			    at > 0 ? " and " : "", (long long)n, units[i].name, n == 1 ? "" : "s");
	}
}

const char *
text_plural(int64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
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

bool
text_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

char *
text_trim(char *s)
{
	size_t len = strlen(s);

	while (len > 0 && text_is_space(s[len - 1]))
		len--;
	s[len] = '\0';
	while (text_is_space(*s))
		s++;
	return s;
}

int
text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
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
