/*
 * fuzz_brace -- brace expansion against bash itself.
 *
 * Every input becomes a pattern over an alphabet that means nothing else to a shell; what our tree
 * makes of it must be, word for word, what a bash beside makes of it.
 *
 * Left out, since we differ on purpose or bash cannot: patterns of more than 5,000 words, a
 * backslash at the very end.
 *
 * Sources	bin/load/brace.c
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load/brace.h"

#define WORDS_MAX 5000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A line in, the number of words and the words out, a line each. */
static const char script[] = "set -f; while IFS= read -r p; do eval \"w=( $p )\";"
			     " printf '%s\\n' \"${#w[@]}\" \"${w[@]}\"; done";

static FILE *ask, *answer;

static void
start_bash(void)
{
	int to[2], from[2];

	if (pipe(to) != 0 || pipe(from) != 0)
		abort();
	if (fork() == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		close(from[0]);
		execlp("bash", "bash", "--norc", "-c", script, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	ask = fdopen(to[1], "w");
	answer = fdopen(from[0], "r");
}

static char *
read_line(void)
{
	static char *line;
	static size_t size;
	ssize_t n = getline(&line, &size, answer);

	if (n <= 0)
		abort();
	line[n - 1] = '\0';
	return line;
}

/* The separators come often, so that short inputs are interesting. */
static size_t
to_pattern(const uint8_t *data, size_t size, char *out)
{
	static const char alphabet[] = "{{{{}}}},,,,....\\-+00123459abcz_/%@";
	size_t len = size < 40 ? size : 40;

	for (size_t i = 0; i < len; i++)
		out[i] = alphabet[data[i] % (sizeof(alphabet) - 1)];
	while (len > 0 && out[len - 1] == '\\')
		len--;
	out[len] = '\0';
	return len;
}

static void
differ(const char *pattern, const char *ours, const char *theirs)
{
	fprintf(stderr, "pattern %s: ours \"%s\", bash \"%s\"\n", pattern, ours, theirs);
	abort();
}

static void
compare(struct brace *b, const char *pattern)
{
	const char *word;
	size_t len;
	long n;

	fprintf(ask, "%s\n", pattern);
	fflush(ask);
	n = strtol(read_line(), NULL, 10);
	for (long i = 0; i < n; i++) {
		const char *theirs = read_line();

		if (!brace_next(b, &word, &len))
			differ(pattern, "(the end)", theirs);
		if (strlen(theirs) != len || memcmp(theirs, word, len) != 0)
			differ(pattern, word, theirs);
	}
	if (brace_next(b, &word, &len))
		differ(pattern, word, "(the end)");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct brace b;
	char pattern[64];
	size_t len = to_pattern(data, size, pattern);

	if (!ask)
		start_bash();
	if (brace_open(&b, pattern, len, &e) && brace_count(&b) <= WORDS_MAX)
		compare(&b, pattern);
	brace_close(&b);
	return 0;
}
