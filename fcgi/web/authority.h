/*
 * authority -- the key that a request carries in its header Authorization.
 *
 * HTTP Basic, as the published client sends it when its URL is https://x:KEY@tracker.example: the password is
 * the key, the user is ignored. Or Bearer. What is neither, or holds no key, is as no header at all: who
 * needs a key hears that then.
 *
 * Ownership	the caller's; the key itself is nowhere afterwards.
 * Source	RFC 7617 (Basic), RFC 6750 (Bearer), RFC 4648 (base 64).
 */
#ifndef WEB_AUTHORITY_H
#define WEB_AUTHORITY_H

#include <stdbool.h>

#include "base/random.h"

bool authority_key(const char *header, struct uuid *hash);

#endif
