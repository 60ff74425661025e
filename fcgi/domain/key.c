#include "domain/key.h"

#include <string.h>

#define PREFIX "dct_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define BLANK " \t\r\n"

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

void
key_new(char out[KEY_TEXT], struct uuid *hash)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t bits[16];
	char *to = out + PREFIX_LEN;

	random_bytes(bits, sizeof(bits));
	memcpy(out, PREFIX, PREFIX_LEN);
	for (size_t i = 0; i < sizeof(bits); i++) {
		*to++ = hex[bits[i] >> 4];
		*to++ = hex[bits[i] & 15];
	}
	*to = '\0';
	*hash = hash_128(out, KEY_TEXT - 1);
}

bool
key_hash(const char *s, size_t len, struct uuid *hash)
{
	while (len > 0 && strchr(BLANK, *s) && *s)
		s++, len--;
	while (len > 0 && strchr(BLANK, s[len - 1]) && s[len - 1])
		len--;
	if (len != KEY_TEXT - 1 || memcmp(s, PREFIX, PREFIX_LEN) != 0)
		return false;
	for (size_t i = PREFIX_LEN; i < len; i++)
		if (!is_hex(s[i]))
			return false;
	*hash = hash_128(s, len);
	return true;
}
