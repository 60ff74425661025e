/*
 * result -- one result of a stage as a line of JSON.
 *
 *	{"job":17,"stage":"b","input":…,"output":…,"who":"Ada","worker":"quiet-river-12",
 *	 "started":"2026-11-23T02:30:00.000000Z","finished":"…","attempts":1}
 *
 * Data that is JSON (base/structured) is that JSON, its bytes untouched but for line ends between its
 * parts, which become spaces: a result is one line. All else, and everything when `raw`, is a JSON
 * string of the bytes as they are kept.
 *
 * Ownership	borrows everything.
 * Errors	the buffer's, sticky.
 */
#ifndef EXPORT_RESULT_H
#define EXPORT_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct result_text {
	const char *s; /* NULL: null */
	size_t len;
};

struct result {
	int stage;
	int64_t job, started_us, finished_us, attempts;
	struct result_text input, output, who, worker;
};

struct result_form {
	bool raw;         /* data as kept */
	bool output_only; /* the line is the output alone */
};

void result_put(struct buf *b, const struct result *r, struct result_form form);

#endif
