/*
 * session -- who has shown a key once is known by a cookie for a while.
 *
 * The cookie holds 128 random bits in hex; the database their hash alone. Its name begins with __Host-, so that a
 * browser takes it by https only and sends it to this host only; no script reads it, and no page of another site has it
 * sent. Every form carries a token made of the cookie: a page that did not get the form from us cannot know it.
 *
 * Ownership	the caller's; text is the arena's.
 * Errors	questions answer false.
 * Source	RFC 6265bis (cookie prefixes, SameSite); random bits and BLAKE2b-128 by libsodium (base/random).
 */
#ifndef WEB_SESSION_H
#define WEB_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/random.h"

#define SESSION_TEXT 33 /* 32 hex digits and NUL */

struct session {
	char text[SESSION_TEXT]; /* what the browser keeps */
	char form[SESSION_TEXT]; /* what forms of it carry */
	struct uuid hash;        /* what the database keeps */
};

void session_new(struct session *s);
/* From the header Cookie, by the name of a cookie; false when there is none that could be ours. */
bool session_read(struct session *s, const char *header, const char *name);
/* Whether a form of this session carried this token. */
bool session_made(const struct session *s, const char *form, size_t len);
/* The value of Set-Cookie; s NULL: that the browser shall forget it. */
const char *session_cookie(struct arena *a, const char *name, const struct session *s, int life_s);

#endif
