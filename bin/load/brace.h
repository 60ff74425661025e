/*
 * brace -- brace expansion as bash does it, a word at a time.
 *
 *	brace_open(&b, "s3://b/{00..99}.{tar,zip}", len, &e);
 *	while (brace_next(&b, &word, &len)) ...
 *	brace_close(&b);
 *
 * The pattern becomes a tree (its size is the pattern's), and a word is one setting of it: like
 * the wheels of a mileage counter, the rightmost turns fastest. So ten million words cost no more
 * memory than one.
 *
 *	{a,b,c}		each of them, which may hold braces again
 *	{1..9} {9..1}	numbers, up or down; {1..9..2} in steps; {01..10} padded with zeros
 *	{a..e}		letters (ASCII)
 *	\		takes the meaning from the next character, and is dropped
 *
 * Braces without an unescaped comma or a right sequence stay as they are, as in bash. Empty words
 * are passed over, as bash drops them. Unlike bash: quotes, `$` and spaces are plain characters;
 * a sequence may have more than 2^31 terms; a backslash made by {Z..a} is a backslash.
 *
 * Ownership	open/close, also after a failed open; a word is borrowed until the next call.
 * Errors	ERR_INPUT: longer than BRACE_MAX, or nested deeper than BRACE_DEPTH.
 * Source	the bash manual, "Brace Expansion"; what it leaves open was found by asking bash
 *		(tests/fuzz/fuzz_brace.c).
 */
#ifndef LOAD_BRACE_H
#define LOAD_BRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define BRACE_MAX 65536
#define BRACE_DEPTH 200

struct brace_word;

struct brace {
	struct arena arena;
	struct brace_word *root;
	struct buf word;
	bool started;
};

bool brace_open(struct brace *b, const char *pattern, size_t len, struct err *e);
void brace_close(struct brace *b);
bool brace_next(struct brace *b, const char **word, size_t *len);
/* How many words, empty ones too; UINT64_MAX when there are more than that. */
uint64_t brace_count(const struct brace *b);

#endif
