#include "web/authority.h"

#include <string.h>
#include <strings.h>

#include "domain/key.h"

#define BASIC_MOST 1024 /* bytes of user and password: whoever needs more has no key of ours */

static int
digit_of(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* How many bytes were written; out has room for 3/4 of len. */
static size_t
decode(char *out, const char *s, size_t len)
{
	unsigned bits = 0, n = 0;
	size_t to = 0;

	for (size_t i = 0; i < len && digit_of(s[i]) >= 0; i++) {
		bits = (bits << 6 | (unsigned)digit_of(s[i])) & 0xffffff;
		n += 6;
		if (n >= 8) {
			n -= 8;
			out[to++] = (char)(bits >> n & 0xff);
		}
	}
	return to;
}

/* What follows the scheme, or NULL when it is another one. */
static const char *
after_scheme(const char *header, const char *scheme)
{
	size_t len = strlen(scheme);

	if (strncasecmp(header, scheme, len) != 0 || header[len] != ' ')
		return NULL;
	header += len;
	return header + strspn(header, " ");
}

bool
authority_key(const char *header, struct uuid *hash)
{
	const char *bearer = after_scheme(header, "Bearer"), *basic = after_scheme(header, "Basic");
	char both[BASIC_MOST];
	const char *colon;
	size_t len;

	if (bearer)
		return key_hash(bearer, strlen(bearer), hash);
	if (!basic || strlen(basic) / 4 * 3 + 3 > sizeof(both))
		return false;
	len = decode(both, basic, strlen(basic));
	colon = memchr(both, ':', len);
	return colon && key_hash(colon + 1, len - (size_t)(colon + 1 - both), hash);
}
