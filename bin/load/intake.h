/*
 * intake -- the one transaction that brings jobs into a tracker.
 *
 *	intake_begin -> intake_put, a job at a time -> intake_commit, or intake_abort at any point
 *
 * Rows go by COPY in the binary format: no escaping here, no parsing there. Until intake_commit
 * nobody sees any of them, so a bad line at the end, a crash or Ctrl-C leaves the tracker as it
 * was. What comes in is one batch; numbers go on from the last; only one intake runs at a time (advisory
 * lock).
 *
 * With `reset` the project is emptied in the same transaction. Its tables are then locked from
 * intake_begin on, and a running tracker's calls wait until the end. Whoever reads them is waited for,
 * for a minute at most (reset_jobs).
 *
 * Ownership	begin/abort or begin/commit; each ends the transaction and frees what was begun.
 * Errors	ERR_REFUSED: there are jobs and neither append nor reset. Else as pg's: so is a name that no batch
 *		can have.
 */
#ifndef LOAD_INTAKE_H
#define LOAD_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "tool/tool.h"

enum intake_mode { INTAKE_FIRST, INTAKE_APPEND, INTAKE_RESET };

/* `as_named`: somebody chose the name, so it is taken as it is; else a taken one is made another. */
struct intake_batch {
	const char *name; /* borrowed until the end */
	bool as_named;
	int priority; /* -100 to 100 */
	bool paused;
	const char *note;  /* borrowed until the end; NULL = none */
	const char *needs; /* the same: words, commas between */
	int rate;          /* jobs a minute; 0 = as many as are asked for */
};

struct intake {
	struct tool *tool;
	struct intake_batch batch;
	int64_t first, next; /* number of the first row, and of the next */
	struct buf rows;     /* not yet sent */
	bool copying;
	bool in_doubt; /* the connection was lost while it was committed */
};

/* How many jobs the tracker has; for asking before anything begins. */
bool intake_count(struct tool *t, int64_t *jobs, struct err *e);
bool intake_begin(struct intake *in, struct tool *t, enum intake_mode mode,
    const struct intake_batch *batch, struct err *e);
bool intake_put(struct intake *in, const char *data, size_t len, struct err *e);
bool intake_commit(struct intake *in, struct err *e);
void intake_abort(struct intake *in);

#endif
