#include "worker/say.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define SAY_MAX 2048

static enum say_level say_most = SAY_INFO;

void
say_open(enum say_level most)
{
	say_most = most;
}

static const char *
prefix_of(enum say_level level)
{
	if (level == SAY_ERROR)
		return "error: ";
	return level == SAY_WARN ? "warning: " : "";
}

void
say(enum say_level level, const char *format, ...)
{
	char line[SAY_MAX];
	struct tm tm;
	time_t now = time(NULL);
	va_list ap;
	size_t len;
	int n;

	if (level > say_most)
		return;
	localtime_r(&now, &tm);
	len = strftime(line, sizeof(line), "%H:%M:%S ", &tm);
	len += (size_t)snprintf(line + len, sizeof(line) - len, "%s", prefix_of(level));
	va_start(ap, format);
	n = vsnprintf(line + len, sizeof(line) - len - 1, format, ap);
	va_end(ap);
	if (n > 0)
		len += (size_t)n < sizeof(line) - len - 1 ? (size_t)n : sizeof(line) - len - 2;
	line[len++] = '\n';
	/* Nobody to tell when standard error is gone. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

/* Bytes of the character at s when it may be shown, else 0. */
static size_t
good_char(const char *s, size_t len)
{
	for (size_t n = 1; n <= 4 && n <= len; n++)
		if (text_is_utf8(s, n))
			return text_has_control(s, n) || text_has_invisible(s, n) ? 0 : n;
	return 0;
}

char *
say_clean(char *out, size_t size, const char *s, size_t len)
{
	size_t used = 0;

	while (len > 0 && (*s == ' ' || *s == '\t' || *s == '\r'))
		s++, len--;
	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t' || s[len - 1] == '\r'))
		len--;
	while (len > 0) {
		size_t n = good_char(s, len);
		size_t took = n > 0 ? n : 1;

		if (used + took >= size)
			break;
		if (n > 0)
			memcpy(out + used, s, n);
		else
			out[used] = *s == '\t' ? ' ' : '?';
		used += took;
		s += took;
		len -= took;
	}
	out[used] = '\0';
	return out;
}
