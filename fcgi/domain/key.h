/*
 * key -- what somebody shows who says that a name is theirs: dct_ and 128 random bits in hex.
 *
 * It is shown once, when it is made. Kept is its hash, which tells nothing of it: the bits are random, so
 * there is nothing to guess and no salt is needed.
 *
 * Ownership	the caller's.
 * Errors	key_hash is false for what cannot be a key.
 * Source	random bits and BLAKE2b-128 by libsodium (base/random).
 */
#ifndef DOMAIN_KEY_H
#define DOMAIN_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/random.h"

#define KEY_TEXT 37 /* dct_, 32 hex digits and NUL */
#define KEY_LABEL_CHARS 64

/* A new one, as it is shown, and its hash. */
void key_new(char out[KEY_TEXT], struct uuid *hash);
/* Of a key as somebody shows it: white space around it is no part of it. */
bool key_hash(const char *s, size_t len, struct uuid *hash);

#endif
