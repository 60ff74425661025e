#include "load/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW (256 << 10) /* a read(2): large enough that its cost is nothing a line */

static void
learn_size(struct reader *r)
{
	struct stat st;

	if (fstat(r->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		r->total = (uint64_t)st.st_size;
}

static bool
skip_mark(struct reader *r, struct err *e)
{
	while (r->end < 3 && !r->eof)
		if (!reader_more(r, e))
			return false;
	if (r->end >= 3 && memcmp(r->data, "\xEF\xBB\xBF", 3) == 0)
		reader_take(r, 3);
	return true;
}

bool
reader_open(struct reader *r, const char *path, size_t limit, struct err *e)
{
	bool in = strcmp(path, "-") == 0;

	*r = (struct reader){
	    .name = in ? "standard input" : path, .fd = STDIN_FILENO, .limit = limit};
	if (!in)
		r->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return err_set(e, ERR_INPUT, NULL, "%s: %s", path, strerror(errno));
	learn_size(r);
	return skip_mark(r, e);
}

void
reader_close(struct reader *r)
{
	if (r->fd > STDIN_FILENO)
		close(r->fd);
	free(r->data);
	r->data = NULL;
	r->fd = -1;
}

/* What was taken makes room; else the window doubles, up to the limit and one read more. */
static bool
make_room(struct reader *r, struct err *e)
{
	size_t size = r->size ? 2 * r->size : 2 * WINDOW;
	char *data;

	if (r->start > 0) {
		memmove(r->data, r->data + r->start, r->end - r->start);
		r->end -= r->start;
		r->start = 0;
	}
	if (r->size - r->end >= WINDOW)
		return true;
	if (r->end > r->limit)
		return err_set(
		    e, ERR_INPUT, NULL, "longer than %zu bytes (setting body_limit)", r->limit);
	data = realloc(r->data, size);
	if (!data)
		return err_set(e, ERR_INPUT, NULL, "out of memory");
	r->data = data;
	r->size = size;
	return true;
}

bool
reader_more(struct reader *r, struct err *e)
{
	ssize_t n;

	if (!make_room(r, e))
		return false;
	do
		n = read(r->fd, r->data + r->end, r->size - r->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, ERR_INPUT, NULL, "%s: %s", r->name, strerror(errno));
	r->eof = n == 0;
	r->end += (size_t)n;
	return true;
}

void
reader_take(struct reader *r, size_t len)
{
	r->start += len;
	r->taken += len;
}

/* Hands out data[start..start + len), and takes it with what ends it. */
static bool
hand_out(struct reader *r, size_t len, size_t ending, const char **line, size_t *out_len)
{
	*line = r->data + r->start;
	*out_len = len;
	reader_take(r, len + ending);
	return true;
}

bool
reader_line(struct reader *r, const char **line, size_t *len, struct err *e)
{
	size_t seen = 0;

	for (;;) {
		size_t have = r->end - r->start;
		const char *at = r->data + r->start;
		const char *stop = have > seen ? memchr(at + seen, '\n', have - seen) : NULL;

		if (stop)
			return hand_out(r, (size_t)(stop - at), 1, line, len);
		if (r->eof)
			break;
		seen = have;
		if (!reader_more(r, e))
			return false;
	}
	if (r->start < r->end)
		return hand_out(r, r->end - r->start, 0, line, len);
	*line = NULL;
	return true;
}
