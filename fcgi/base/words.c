#include "base/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define BETWEEN ", "

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

bool
words_is_word(const char *s, size_t len)
{
	if (len == 0 || len > WORD_CHARS || s[0] == '\0' || !strchr(letters, s[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (s[i] == '\0' || (!strchr(letters, s[i]) && !strchr(".-_", s[i])))
			return false;
	return true;
}

bool
words_check(const char *s, struct err *e)
{
	size_t n = 0;

	for (const char *at = s; *at;) {
		size_t len = strcspn(at, BETWEEN);
		char small[WORD_CHARS + 1];

		if (len > 0 && len <= WORD_CHARS)
			text_lower(small, at, len);
		if (len > WORD_CHARS || (len > 0 && !words_is_word(small, len)))
			return err_set(e, ERR_FIELD, NULL,
			    "a word is letters a to z, digits, dot, hyphen and underscore, %d at "
			    "most",
			    WORD_CHARS);
		if (len > 0 && ++n > WORDS_MOST)
			return err_set(e, ERR_FIELD, NULL, "%d words at most", WORDS_MOST);
		at += len + strspn(at + len, BETWEEN);
	}
	return true;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
is_known(const char *const *word, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word[i], what) == 0)
			return true;
	return false;
}

static const char *
join(struct arena *a, const char *const *word, size_t n)
{
	char *out = arena_alloc(a, n * (WORD_CHARS + 1) + 1), *at = out;

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			*at++ = ',';
		at = stpcpy(at, word[i]);
	}
	*at = '\0';
	return out;
}

const char *
words_tidy(struct arena *a, const char *s, size_t len)
{
	const char *word[WORDS_MOST];
	size_t n = 0;

	for (size_t i = 0; i < len && n < WORDS_MOST; i++) {
		char small[WORD_CHARS + 1];
		size_t from = i;

		while (i < len && (s[i] == '\0' || !strchr(BETWEEN, s[i])))
			i++;
		if (i - from > WORD_CHARS)
			continue;
		text_lower(small, s + from, i - from);
		small[i - from] = '\0';
		if (words_is_word(small, i - from) && !is_known(word, n, small))
			word[n++] = arena_dup(a, small, i - from);
	}
	qsort(word, n, sizeof(*word), compare);
	return join(a, word, n);
}

bool
words_have(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; *at; at += strcspn(at, ",")) {
		at += *at == ',';
		if (strcspn(at, ",") == len && strncmp(at, word, len) == 0)
			return true;
	}
	return false;
}
