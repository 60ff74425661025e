#include "web/session.h"

#include <string.h>

#define TEXT_LEN (SESSION_TEXT - 1)

static const char hex[] = "0123456789abcdef";

static void
put_hex(char out[SESSION_TEXT], const struct uuid *bits)
{
	for (size_t i = 0; i < sizeof(bits->b); i++) {
		out[2 * i] = hex[bits->b[i] >> 4];
		out[2 * i + 1] = hex[bits->b[i] & 15];
	}
	out[TEXT_LEN] = '\0';
}

/* The two hashes are of different texts, so that neither tells of the other. */
static void
derive(struct session *s)
{
	char form[5 + TEXT_LEN] = "form ";
	struct uuid hash;

	memcpy(form + 5, s->text, TEXT_LEN);
	hash = hash_128(form, sizeof(form));
	put_hex(s->form, &hash);
	s->hash = hash_128(s->text, TEXT_LEN);
}

void
session_new(struct session *s)
{
	struct uuid bits;

	random_bytes(bits.b, sizeof(bits.b));
	put_hex(s->text, &bits);
	derive(s);
}

/* The value of the first cookie of this name. */
static const char *
find_cookie(const char *header, const char *name)
{
	size_t len = strlen(name);

	while (*header) {
		header += strspn(header, " \t;");
		if (strncmp(header, name, len) == 0 && header[len] == '=')
			return header + len + 1;
		header += strcspn(header, ";");
	}
	return NULL;
}

bool
session_read(struct session *s, const char *header, const char *name)
{
	const char *value = find_cookie(header, name);

	if (!value || strspn(value, hex) != TEXT_LEN || !strchr("; \t", value[TEXT_LEN]))
		return false;
	memcpy(s->text, value, TEXT_LEN);
	s->text[TEXT_LEN] = '\0';
	derive(s);
	return true;
}

bool
session_made(const struct session *s, const char *form, size_t len)
{
	/* Hashes of both are compared, so that the time it takes tells nothing of a token. */
	struct uuid right = hash_128(s->form, TEXT_LEN), sent = hash_128(form, len);

	return uuid_equal(&right, &sent);
}

const char *
session_cookie(struct arena *a, const char *name, const struct session *s, int life_s)
{
	return arena_printf(a, "%s=%s; Path=/; Max-Age=%d; Secure; HttpOnly; SameSite=Strict", name,
	    s ? s->text : "", s ? life_s : 0);
}
