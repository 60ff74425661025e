/*
 * words -- what a worker has and a batch needs, as people write it: "gpu, ram32".
 *
 * Errors	words_tidy passes over what is no word: whatever a worker says of itself is harmless. words_check is for
 *		people: ERR_FIELD, and err.why says what a word is.
 * Source	the same rule as split_words in sql/functions, which refuses instead.
 */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define WORDS_MOST 64
#define WORD_CHARS 32

/* a to z, digits, and not first: dot, hyphen, underscore; 32 at most. */
bool words_is_word(const char *s, size_t len);
/* For who is to be told: false when one of them is no word, or there are too many. */
bool words_check(const char *s, struct err *e);
/* As they are kept: small, each once, in order of their bytes, commas between; the first 64 of them. "": none. */
const char *words_tidy(struct arena *a, const char *s, size_t len);
/* Whether a word is among others, which are tidy. */
bool words_have(const char *words, const char *word);

#endif
