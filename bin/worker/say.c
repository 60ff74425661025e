#include "worker/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define SAY_MAX 2048
#define CLEAR_LINE "\r\033[K"

static enum say_level say_most = SAY_INFO;
static bool status_shown;

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

/* Nobody is to be told when standard error is gone. */
static bool
put(const char *bytes, size_t len)
{
	return write(STDERR_FILENO, bytes, len) >= 0;
}

static void
clear_status(void)
{
	if (status_shown)
		put(CLEAR_LINE, strlen(CLEAR_LINE));
	status_shown = false;
}

void
say(enum say_level level, const char *format, ...)
{
	char text[SAY_MAX - 64], line[SAY_MAX];
	struct tm tm;
	time_t now = time(NULL);
	va_list ap;
	size_t len;

	if (level > say_most)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	localtime_r(&now, &tm);
	len = strftime(line, sizeof(line), "%H:%M:%S ", &tm);
	len += (size_t)snprintf(line + len, sizeof(line) - len, "%s", prefix_of(level));
	say_clean(line + len, sizeof(line) - len - 1, text, strlen(text));
	len += strlen(line + len);
	line[len++] = '\n';
	clear_status();
	put(line, len);
}

/* What may take two columns, as from U+1100 on, counts for two: a line too short is better than one too long. */
static size_t
columns_of(const char *s, size_t len)
{
	unsigned char lead = (unsigned char)s[0];

	return len > 3 ||
		(len == 3 && (lead > 0xe1 || (lead == 0xe1 && (unsigned char)s[1] >= 0x84)))
	    ? 2
	    : 1;
}

/* Bytes of the longest prefix that takes no more than so many columns. */
static size_t
fit(const char *s, size_t columns)
{
	size_t at = 0, len, taken = 0;

	while (s[at] != '\0') {
		len = text_char_len(s + at, strlen(s + at));
		len = len == 0 ? 1 : len;
		taken += columns_of(s + at, len);
		if (taken > columns)
			break;
		at += len;
	}
	return at;
}

bool
say_has_status(void)
{
	return say_most >= SAY_INFO && isatty(STDERR_FILENO);
}

void
say_status(const char *text)
{
	struct winsize window = {.ws_col = 0};
	char line[SAY_MAX];
	size_t columns;

	clear_status();
	if (*text == '\0' || !say_has_status())
		return;
	ioctl(STDERR_FILENO, TIOCGWINSZ, &window);
	columns = window.ws_col > 1 ? window.ws_col - 1U : 79;
	say_clean(line, sizeof(line), text, strlen(text));
	put(line, fit(line, columns));
	status_shown = true;
}

bool
say_raw(const char *bytes, size_t len)
{
	clear_status();
	return put(bytes, len);
}

/* The longest prefix of at most `most` bytes that does not end within a character. */
static size_t
cut_at_char(const char *s, size_t len, size_t most)
{
	if (len <= most)
		return len;
	len = most;
	while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	return len;
}

char *
say_clean(char *out, size_t size, const char *s, size_t len)
{
	size_t from = 0;

	while (len > 0 && text_is_space(*s))
		s++, len--;
	len = cut_at_char(s, len, size - 1);
	memcpy(out, s, len);
	len = text_clean(out, len, false);
	while (len > 0 && text_is_space(out[len - 1]))
		len--;
	while (from < len && text_is_space(out[from]))
		from++;
	memmove(out, out + from, len - from);
	out[len - from] = '\0';
	return out;
}
