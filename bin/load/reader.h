/*
 * reader -- a file or standard input through a window that slides over it.
 *
 * Whoever reads looks at data[start..end), takes some of it, and asks for more when that is not
 * enough. The window grows only as far as the longest piece that was asked for in one.
 *
 * Ownership	open/close, also after a failed open; bytes in the window are borrowed until the
 *		next reader_more.
 * Units	bytes; `taken` counts those before the window.
 * Errors	ERR_INPUT: the file cannot be read, or a piece is longer than the limit.
 */
#ifndef LOAD_READER_H
#define LOAD_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct reader {
	const char *name; /* for messages */
	int fd;
	char *data;
	size_t start, end, size, limit;
	uint64_t taken;
	uint64_t total; /* of a regular file; 0 = not known */
	bool eof;
};

/* "-" is standard input. A byte order mark at the beginning is passed over. */
bool reader_open(struct reader *r, const char *path, size_t limit, struct err *e);
void reader_close(struct reader *r);
/* Adds to the window, or sets eof. */
bool reader_more(struct reader *r, struct err *e);
void reader_take(struct reader *r, size_t len);
/* The next line without its "\n"; *line NULL at the end. A last line needs no "\n". */
bool reader_line(struct reader *r, const char **line, size_t *len, struct err *e);

#endif
