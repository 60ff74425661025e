/*
 * fuzz_source -- the readers of jobs against the whole file at once.
 *
 * The first byte chooses the form; the rest is the file. What comes out a job at a time, through a
 * window, must be what a plain look at the whole of it gives: the same number of jobs, and of lines
 * the same text. Nothing that the strict JSON reader refuses as a whole may come through in pieces.
 *
 * Sources	bin/load/source.c bin/load/window.c bin/load/brace.c
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "load/source.h"

#define LIMIT (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* Line by line with nothing clever in it: the next line at *at, its end taken away. */
static bool
plain_line(const char *s, size_t n, size_t *at, const char **line, size_t *len)
{
	size_t from = *at, to = *at;

	if (from == n)
		return false;
	while (to < n && s[to] != '\n')
		to++;
	*at = to < n ? to + 1 : to;
	*line = s + from;
	*len = to - from - (to > from && s[to - 1] == '\r');
	return true;
}

static bool
is_blank(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r", s[i]) || s[i] == '\0')
			return false;
	return true;
}

/* The next line that is not blank. */
static bool
plain_text(const char *s, size_t n, size_t *at, const char **line, size_t *len)
{
	while (plain_line(s, n, at, line, len))
		if (!is_blank(*line, *len))
			return true;
	return false;
}

static void
check_lines(struct source *src, const char *s, size_t n)
{
	struct err e = ERR_INIT;
	const char *job, *line;
	size_t job_len, len, at = 0;

	while (source_next(src, &job, &job_len, &e) && job) {
		check(plain_text(s, n, &at, &line, &len), "a job more than lines");
		if (src->form == SOURCE_TEXT)
			check(len == job_len && memcmp(line, job, len) == 0, "another text");
	}
	if (e.kind == ERR_NONE)
		check(!plain_text(s, n, &at, &line, &len), "a line more than jobs");
}

static size_t
brackets(const char *s, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += s[i] == '[' || s[i] == '{';
	return count;
}

/* The list's own bracket counts as a depth only in the whole. */
static void
check_list(struct source *src, const char *s, size_t n)
{
	struct err e = ERR_INIT;
	const char *job = "";
	size_t len, jobs = 0;
	json *whole;

	while (job && source_next(src, &job, &len, &e))
		jobs += job ? 1 : 0;
	if (e.kind != ERR_NONE || brackets(s, n) >= JSON_DEPTH)
		return;
	whole = json_parse(s, n, &e);
	check(whole, "taken in pieces, refused as a whole");
	check(json_type(whole) == JSON_IS_LIST && json_list_len(whole) == jobs,
	    "another number of jobs");
	json_free(whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum source_form form = size ? (enum source_form)(data[0] % 3) : SOURCE_TEXT;
	const char *s = (const char *)data + 1;
	size_t n = size ? size - 1 : 0;
	struct err e = ERR_INIT;
	struct source src;
	char path[32];
	int fd = memfd_create("fuzz_source", 0);

	check(fd >= 0 && write(fd, s, n) == (ssize_t)n, "no file in memory");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check(source_open(&src, form, path, LIMIT, &e), e.why);
	src.skip_blank = true;
	if (n >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0) {
		s += 3;
		n -= 3;
	}
	if (form == SOURCE_JSON)
		check_list(&src, s, n);
	else
		check_lines(&src, s, n);
	source_close(&src);
	close(fd);
	return 0;
}
