#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define LINE_MAX_ 2048 /* bytes of a line with its end: under PIPE_BUF, so lines never mix */

static enum log_level most_level = LOG_INFO_;
static bool journal;

static const struct {
	const char *name;
	int sd; /* priority of syslog(3), as sd-daemon(3) prefixes it */
} levels[] = {
    [LOG_ERROR_] = {"error", 3},
    [LOG_WARN_] = {"warn", 4},
    [LOG_INFO_] = {"info", 6},
    [LOG_DEBUG_] = {"debug", 7},
};

void
log_open(enum log_level most)
{
	const char *stream = getenv("JOURNAL_STREAM");

	most_level = most;
	journal = stream && *stream;
}

/* "2026-11-23T02:30:00.123456Z" */
static void
stamp(char *out, size_t size)
{
	int64_t now = clock_wall_us();
	char seconds[32];

	clock_iso(seconds, now);
	snprintf(out, size, "%.19s.%06dZ", seconds, (int)(now % 1000000));
}

static void
write_line(const char *line, size_t len)
{
	ssize_t n;

	do
		n = write(STDERR_FILENO, line, len);
	while (n < 0 && errno == EINTR);
}

void
log_event(enum log_level level, const char *event, const char *format, ...)
{
	char line[LINE_MAX_];
	char when[40];
	char prefix[8] = "";
	va_list args;
	size_t len;
	int n;

	if (level > most_level)
		return;
	stamp(when, sizeof(when));
	if (journal)
		snprintf(prefix, sizeof(prefix), "<%d>", levels[level].sd);
	n = snprintf(line, sizeof(line), "%sts=%s level=%s pid=%ld event=%s", prefix, when,
	    levels[level].name, (long)getpid(), event);
	len = n < 0 ? 0 : (size_t)n < sizeof(line) - 2 ? (size_t)n : sizeof(line) - 2;
	if (format && *format && len < sizeof(line) - 2) {
		line[len++] = ' ';
		va_start(args, format);
		n = vsnprintf(line + len, sizeof(line) - 1 - len, format, args);
		va_end(args);
		if (n > 0)
			len += strlen(line + len);
	}
	/* Whatever was forgotten to be quoted: an event stays one line. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[len++] = '\n';
	write_line(line, len);
}

void
log_err(enum log_level level, const char *event, const struct err *e)
{
	char why[4 * sizeof(e->why) + 4];
	const char *file = e->file ? e->file : "-";

	log_quote(why, sizeof(why), e->why, strlen(e->why));
	if (e->sqlstate[0])
		log_event(level, event, "kind=%s sqlstate=%s at=%s:%d why=%s",
		    err_kind_name(e->kind), e->sqlstate, file, e->line, why);
	else
		log_event(level, event, "kind=%s at=%s:%d why=%s", err_kind_name(e->kind), file,
		    e->line, why);
}

/* Bytes of the well-formed character at s, 0 when there is none. */
static size_t
char_len(const char *s, size_t len)
{
	unsigned char c = (unsigned char)s[0];
	size_t want = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return want <= len && text_is_utf8(s, want) ? want : 0;
}

const char *
log_quote(char *out, size_t size, const char *s, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0, i = 0, n;

	if (size < 3) {
		if (size > 0)
			out[0] = '\0';
		return out;
	}
	out[at++] = '"';
	while (i < len) {
		n = char_len(s + i, len - i);
		if (n > 0 && !text_has_control(s + i, n) && s[i] != '"' && s[i] != '\\') {
			if (at + n + 2 > size)
				break;
			memcpy(out + at, s + i, n);
			at += n;
			i += n;
			continue;
		}
		if (at + 4 + 2 > size)
			break;
		out[at++] = '\\';
		out[at++] = 'x';
		out[at++] = hex[(unsigned char)s[i] >> 4];
		out[at++] = hex[(unsigned char)s[i] & 15];
		i++;
	}
	out[at++] = '"';
	out[at] = '\0';
	return out;
}

bool
log_due(_Atomic(long) *last, long every_s)
{
	long now = (long)(clock_us() / 1000000) + 1; /* never 0, which means: not yet */
	long before = atomic_load_explicit(last, memory_order_relaxed);

	if (before != 0 && now - before < every_s)
		return false;
	return atomic_compare_exchange_strong(last, &before, now);
}
