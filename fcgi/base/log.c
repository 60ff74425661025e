#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define LINE_MAX_ 2048 /* bytes of a line with its end: under PIPE_BUF, so lines never mix */

#define KINDS 64 /* of events that are counted; a program has some thirty */

static enum log_level most_level = LOG_INFO_;
static bool journal;

/* What was said lately under one name; a window begins with its first line. */
struct kind {
	const char *event; /* literal; NULL: free */
	int64_t since_us;
	int64_t lines, left_out;
};

/* Held for a line's time and never while waiting; a fork comes before the threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kind kinds[KINDS];

/* Standard error once more, opened so that a full pipe or a stopped terminal holds up nobody. */
static struct {
	int fd;
	dev_t dev;
	ino_t ino;
} own = {.fd = -1};

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

/* Setting O_NONBLOCK on descriptor 2 itself would set it for everybody who shares it. */
static int
own_stderr(const struct stat *st)
{
	if (own.fd >= 0 && (own.dev != st->st_dev || own.ino != st->st_ino)) {
		close(own.fd);
		own.fd = -1;
	}
	if (own.fd < 0) {
		own.fd = open(
		    "/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		own.dev = st->st_dev;
		own.ino = st->st_ino;
	}
	return own.fd;
}

/* False: nobody reads, or there is no room. */
static bool
write_line(const char *line, size_t len)
{
	struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
	struct stat st;
	ssize_t n;
	int fd;

	if (fstat(STDERR_FILENO, &st) != 0)
		return false;
	if (S_ISSOCK(st.st_mode)) /* as systemd gives it */
		return send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
	fd = S_ISREG(st.st_mode) ? STDERR_FILENO : own_stderr(&st);
	if (fd < 0 && poll(&room, 1, 0) == 1) /* another user's: the next best */
		fd = STDERR_FILENO;
	do
		n = write(fd, line, len);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)len;
}

static size_t
put_head(char *line, size_t size, enum log_level level, const char *event)
{
	char when[40], prefix[8] = "";
	int n;

	stamp(when, sizeof(when));
	if (journal)
		snprintf(prefix, sizeof(prefix), "<%d>", levels[level].sd);
	n = snprintf(line, size, "%sts=%s level=%s pid=%ld event=%s", prefix, when,
	    levels[level].name, (long)getpid(), event);
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

static struct kind *
kind_of(const char *event)
{
	for (int i = 0; i < KINDS; i++) {
		if (!kinds[i].event)
			kinds[i].event = event;
		if (strcmp(kinds[i].event, event) == 0)
			return &kinds[i];
	}
	return &kinds[KINDS - 1];
}

static bool
is_over(const struct kind *kind, int64_t now)
{
	return now - kind->since_us >= LOG_KIND_S * INT64_C(1000000);
}

static void
tell_left_out(int64_t now)
{
	char line[256];
	size_t len;

	for (int i = 0; i < KINDS && kinds[i].event; i++) {
		struct kind *kind = &kinds[i];

		if (kind->left_out == 0 || !is_over(kind, now))
			continue;
		len = put_head(line, sizeof(line), LOG_WARN_, "log_left_out");
		len += (size_t)snprintf(line + len, sizeof(line) - len, " of=%s lines=%lld\n",
		    kind->event, (long long)kind->left_out);
		if (!write_line(line, len))
			return;
		kind->left_out = 0;
	}
}

void
log_tell_left_out(void)
{
	pthread_mutex_lock(&lock);
	tell_left_out(clock_us());
	pthread_mutex_unlock(&lock);
}

/* Writes it, or counts it as left out. */
static void
write_or_count(const char *event, const char *line, size_t len)
{
	int64_t now = clock_us();
	struct kind *kind;

	pthread_mutex_lock(&lock);
	tell_left_out(now);
	kind = kind_of(event);
	if (kind->since_us == 0 || is_over(kind, now)) {
		kind->since_us = now;
		kind->lines = 0;
	}
	if (kind->lines < LOG_KIND_MOST && write_line(line, len))
		kind->lines++;
	else
		kind->left_out++;
	pthread_mutex_unlock(&lock);
}

void
log_event(enum log_level level, const char *event, const char *format, ...)
{
	char line[LINE_MAX_];
	va_list args;
	size_t len;
	int n;

	if (level > most_level)
		return;
	len = put_head(line, sizeof(line) - 1, level, event);
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
	write_or_count(event, line, len);
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
		n = text_char_len(s + i, len - i);
		if (n > 0 && !text_has_control(s + i, n) && !text_has_invisible(s + i, n) &&
		    s[i] != '"' && s[i] != '\\') {
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
