#include "tool/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define TERMINAL_US 200000 /* between two drawings of the bar */
#define PLAIN_US 10000000  /* between two plain lines */
#define BAR 24             /* columns of the bar */

void
progress_begin(struct progress *p, const char *things, bool quiet)
{
	*p = (struct progress){
	    .things = things, .quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1};
	p->start_us = p->told_us = clock_us();
}

double
progress_seconds(const struct progress *p)
{
	return (double)(clock_us() - p->start_us) / 1e6;
}

/* "4,500,000 jobs, 612,000 a second" */
static void
put_count(char *out, size_t size, const struct progress *p, uint64_t done)
{
	char count[28], rate[28];
	double seconds = progress_seconds(p);

	text_thousands(count, (int64_t)done);
	text_thousands(rate, seconds > 0 ? (int64_t)((double)done / seconds) : 0);
	snprintf(out, size, "%s %s, %s a second", count, p->things, rate);
}

/* ", 9 seconds left"; nothing while the whole is not known. */
static void
put_left(char *out, size_t size, const struct progress *p, double share)
{
	char left[96];

	*out = '\0';
	if (share <= 0 || share > 1)
		return;
	text_duration(
	    left, sizeof(left), (int64_t)(progress_seconds(p) * (1 - share) / share + 0.5));
	snprintf(out, size, ", %s left", left);
}

static void
put_bar(char *out, double share)
{
	int full = share < 0 ? 0 : share > 1 ? BAR : (int)(share * BAR);

	memset(out, '.', BAR);
	memset(out, '#', (size_t)full);
	out[BAR] = '\0';
}

static int
terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

/* As much of it as fits in a line, for one that wraps could not be drawn over: the last to go is the share. */
static void
put_line(char *out, size_t size, size_t room, const char *count, const char *left, double share)
{
	char bar[BAR + 1];
	int percent = (int)(share * 100);

	put_bar(bar, share);
	if (share < 0)
		snprintf(out, size, "%s", count);
	else
		snprintf(out, size, "[%s] %3d%%  %s%s", bar, percent, count, left);
	if (strlen(out) > room && share >= 0)
		snprintf(out, size, "[%s] %3d%%  %s", bar, percent, count);
	if (strlen(out) > room && share >= 0)
		snprintf(out, size, "%d%%  %s%s", percent, count, left);
	if (strlen(out) > room && share >= 0)
		snprintf(out, size, "%d%%%s", percent, left);
	if (strlen(out) > room && share >= 0)
		snprintf(out, size, "%d%%", percent);
	if (strlen(out) > room)
		out[room] = '\0';
}

static void
draw(struct progress *p, const char *count, const char *left, double share)
{
	char line[256];

	put_line(line, sizeof(line), (size_t)terminal_columns() - 1, count, left, share);
	fprintf(stderr, "\r\033[K%s", line);
	p->drawn = true;
}

static void
print_plain(const struct progress *p, const char *count, const char *left, double share)
{
	(void)p;
	if (share < 0)
		fprintf(stderr, "%s\n", count);
	else
		fprintf(stderr, "%d%%: %s%s\n", (int)(share * 100), count, left);
}

void
progress_tell(struct progress *p, uint64_t done, double share)
{
	char count[96], left[128];
	int64_t now_us = clock_us();

	if (p->quiet || now_us - p->told_us < (p->terminal ? TERMINAL_US : PLAIN_US))
		return;
	p->told_us = now_us;
	put_count(count, sizeof(count), p, done);
	put_left(left, sizeof(left), p, share);
	if (p->terminal)
		draw(p, count, left, share);
	else
		print_plain(p, count, left, share);
}

void
progress_end(struct progress *p)
{
	if (p->drawn)
		fprintf(stderr, "\r\033[K");
	p->drawn = false;
}
