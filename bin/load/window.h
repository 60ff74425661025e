/*
 * window -- a file or standard input, seen through a window that slides over it.
 *
 * Whoever reads looks at data[start..end), takes some of it, and asks for more when that is not
 * enough. The window grows only as far as the longest piece that was asked for in one.
 *
 * Ownership	open/close, also after a failed open; bytes in the window are borrowed until the
 *		next window_more.
 * Units	bytes; `taken` counts those before the window.
 * Errors	ERR_INPUT: the file cannot be read, or a piece is longer than the limit.
 */
#ifndef LOAD_WINDOW_H
#define LOAD_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct window {
	const char *name; /* for messages */
	int fd;
	char *data;
	size_t start, end, size, limit;
	uint64_t taken;
	uint64_t total; /* of a regular file; 0 = not known */
	bool eof;
};

/* "-" is standard input. A byte order mark at the beginning is passed over. */
bool window_open(struct window *w, const char *path, size_t limit, struct err *e);
void window_close(struct window *w);
/* Adds to the window, or sets eof. */
bool window_more(struct window *w, struct err *e);
void window_take(struct window *w, size_t len);
/* The next line without its "\n"; *line NULL at the end. A last line needs no "\n". */
bool window_line(struct window *w, const char **line, size_t *len, struct err *e);

#endif
