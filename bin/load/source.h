/*
 * source -- where jobs come from: lines of text, lines of JSON, one JSON list, a brace pattern.
 *
 * A source yields one job after the other, checked and in the form in which the tracker keeps it:
 *
 *	text		as it is: UTF-8 without NUL; of a line, without its end (LF or CRLF)
 *	list, object	"<!json!>" and its exact bytes
 *
 * Numbers, true, false and null are no jobs. A text that itself begins with "<!json!>" means JSON
 * to every worker, so it is taken only when base/structured reads JSON in it, and refused otherwise.
 * A JSON list is read an element at a time; blank lines are refused unless skip_blank.
 *
 * Ownership	open/close, also after a failed open; a job's bytes are borrowed until the next
 *		call.
 * Errors	ERR_INPUT; `why` begins with the name of the file and the line, or the element's
 *		number and its offset in bytes.
 */
#ifndef LOAD_SOURCE_H
#define LOAD_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "load/brace.h"
#include "load/window.h"

enum source_form { SOURCE_TEXT, SOURCE_JSON_LINES, SOURCE_JSON, SOURCE_BRACE };

struct source {
	enum source_form form;
	bool skip_blank;
	size_t limit;         /* bytes of one job */
	struct window window; /* all but brace */
	struct brace brace;
	struct buf job;  /* a job that does not lie in the window as it is */
	uint64_t number; /* number of the line or element, from 1 */
	uint64_t offset; /* where the element began */
	bool begun;      /* the list's bracket was read */
};

/* `what` is a path, "-", or the pattern. */
bool source_open(
    struct source *s, enum source_form form, const char *what, size_t limit, struct err *e);
void source_close(struct source *s);
/* *data NULL at the end. */
bool source_next(struct source *s, const char **data, size_t *len, struct err *e);

#endif
