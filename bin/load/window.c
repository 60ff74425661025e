#include "load/window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW (256 << 10) /* a read(2): large enough that its cost is nothing a line */

static void
learn_size(struct window *w)
{
	struct stat st;

	if (fstat(w->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		w->total = (uint64_t)st.st_size;
}

static bool
skip_mark(struct window *w, struct err *e)
{
	while (w->end < 3 && !w->eof)
		if (!window_more(w, e))
			return false;
	if (w->end >= 3 && memcmp(w->data, "\xEF\xBB\xBF", 3) == 0)
		window_take(w, 3);
	return true;
}

bool
window_open(struct window *w, const char *path, size_t limit, struct err *e)
{
	bool in = strcmp(path, "-") == 0;

	*w = (struct window){
	    .name = in ? "standard input" : path, .fd = STDIN_FILENO, .limit = limit};
	if (!in)
		w->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (w->fd < 0)
		return err_set(e, ERR_INPUT, NULL, "%s: %s", path, strerror(errno));
	learn_size(w);
	return skip_mark(w, e);
}

void
window_close(struct window *w)
{
	if (w->fd > STDIN_FILENO)
		close(w->fd);
	free(w->data);
	w->data = NULL;
	w->fd = -1;
}

/* What was taken makes room; else the window doubles, up to the limit and one read more. */
static bool
make_room(struct window *w, struct err *e)
{
	size_t size = w->size ? 2 * w->size : 2 * WINDOW;
	char *data;

	if (w->start > 0) {
		memmove(w->data, w->data + w->start, w->end - w->start);
		w->end -= w->start;
		w->start = 0;
	}
	if (w->size - w->end >= WINDOW)
		return true;
	if (w->end > w->limit)
		return err_set(
		    e, ERR_INPUT, NULL, "longer than %zu bytes (setting body_limit)", w->limit);
	data = realloc(w->data, size);
	if (!data)
		return err_set(e, ERR_INPUT, NULL, "out of memory");
	w->data = data;
	w->size = size;
	return true;
}

bool
window_more(struct window *w, struct err *e)
{
	ssize_t n;

	if (!make_room(w, e))
		return false;
	do
		n = read(w->fd, w->data + w->end, w->size - w->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, ERR_INPUT, NULL, "%s: %s", w->name, strerror(errno));
	w->eof = n == 0;
	w->end += (size_t)n;
	return true;
}

void
window_take(struct window *w, size_t len)
{
	w->start += len;
	w->taken += len;
}

/* Hands out data[start..start + len), and takes it with what ends it. */
static bool
hand_out(struct window *w, size_t len, size_t ending, const char **line, size_t *out_len)
{
	*line = w->data + w->start;
	*out_len = len;
	window_take(w, len + ending);
	return true;
}

bool
window_line(struct window *w, const char **line, size_t *len, struct err *e)
{
	size_t seen = 0;

	for (;;) {
		size_t have = w->end - w->start;
		const char *at = w->data + w->start;
		const char *stop = have > seen ? memchr(at + seen, '\n', have - seen) : NULL;

		if (stop)
			return hand_out(w, (size_t)(stop - at), 1, line, len);
		if (w->eof)
			break;
		seen = have;
		if (!window_more(w, e))
			return false;
	}
	if (w->start < w->end)
		return hand_out(w, w->end - w->start, 0, line, len);
	*line = NULL;
	return true;
}
