/*
 * place -- how far an export has come, so that it can wait for more and go on after a stop.
 *
 * Results do not come in the order of their numbers, nor are they committed in the order in which
 * they were finished. So an export goes by job number through what was there at one moment (a
 * mark), and after that asks for what came between that moment and the next, in the order of
 * finishing. A mark holds PostgreSQL's snapshot, so nothing is missed and nothing comes twice.
 *
 * Ownership	all inside the struct.
 * Errors	ERR_INPUT: the file is no place of this stage and project, or cannot be read or
 *		written.
 */
#ifndef EXPORT_PLACE_H
#define EXPORT_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "domain/schema.h"
#include "store/pg.h"

#define PLACE_SNAPSHOT 16384 /* bytes: a number of 12 digits for each of a thousand sessions */

struct mark {
	char snapshot[PLACE_SNAPSHOT];
	int64_t since_us, till_us;
};

struct place {
	char project[SCHEMA_PROJECT_ID];
	int stage;
	bool by_number; /* still going through what was there at the mark */
	int64_t after;  /* the last job number, while by_number */
	struct mark mark;
};

bool mark_take(struct mark *m, struct pg *pg, struct err *e);

/* A place before everything but jobs up to `after`. */
bool place_begin(struct place *p, struct pg *pg, int stage, int64_t after, struct err *e);
/* *found false when there is no such file yet. p->project and p->stage are set, and must agree. */
bool place_read(struct place *p, const char *path, bool *found, struct err *e);
/* Replaces the file whole: written beside it, then renamed. */
bool place_write(const struct place *p, const char *path, struct err *e);

#endif
