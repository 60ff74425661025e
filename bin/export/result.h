/*
 * result -- one result of a stage as a line of JSON, CSV or TSV.
 *
 *	{"job":17,"stage":"b","input":…,"input_format":"text","output":…,"format":"json","who":"Ada",
 *	 "worker":"quiet-river-12","started":"2026-11-23T02:30:00.000000Z","finished":"…","attempts":1}
 *
 * Data that is kept as JSON (base/structured.h) is that JSON, its bytes untouched but for line ends
 * between its parts, which become spaces: a result is one line. All other data is a text, and a JSON
 * string of the bytes as they are kept; so is everything when `raw`. The two formats say which it is:
 * "json" or "text".
 *
 *	jsonl	an object a line
 *	csv	RFC 4180, lines end in LF; a text as it is, JSON as its text, what is missing empty
 *	tsv	likewise, with \t \n \r \\ in place of tab, LF, CR and backslash
 *
 * Ownership	borrows everything.
 * Errors	result_columns: ERR_FIELD; else the buffer's, sticky.
 */
#ifndef EXPORT_RESULT_H
#define EXPORT_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct result_text {
	const char *s; /* NULL: null */
	size_t len;
};

struct result {
	int stage;
	int64_t job, started_us, finished_us, attempts;
	struct result_text input, output, who, worker;
};

#define RESULT_COLUMNS 11 /* how many there are */

enum result_kind { RESULT_JSONL, RESULT_CSV, RESULT_TSV };

struct result_form {
	enum result_kind kind;
	bool raw;                    /* data as kept */
	bool output_only;            /* jsonl: the line is the output alone */
	int columns[RESULT_COLUMNS]; /* which, in this order */
	int n_columns;               /* 0: all */
};

/* "job,output,format". */
bool result_columns(struct result_form *form, const char *list, struct err *e);
/* The line of names before the first result; nothing for jsonl. */
void result_put_head(struct buf *b, const struct result_form *form);
void result_put(struct buf *b, const struct result *r, const struct result_form *form);

#endif
