/*
 * place -- how far an export has come, so that it can wait for more and go on after a stop.
 *
 * Results do not come in the order of their numbers, nor are they committed in the order in which
 * they were finished. So an export goes by job number through what was there at one moment (a
 * mark), and after that asks for what came between that moment and the next, in the order of
 * finishing. A mark holds PostgreSQL's snapshot, so nothing is missed and nothing comes twice.
 *
 * A snapshot means nothing to another cluster, or to one that went back in time: after a restore
 * from a backup, or a failover, its numbers stand for other transactions. So a mark also holds whose
 * it is, and one that is not followed by the next is worth no more than its time: what was finished
 * since then comes, some of it once more.
 *
 * Ownership	all inside the struct.
 * Errors	ERR_INPUT: the file is no place of this stage, batch and project, or cannot be read or
 *		written.
 */
#ifndef EXPORT_PLACE_H
#define EXPORT_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "domain/schema.h"
#include "store/pg.h"

#define MARK_CLUSTER 96
#define PLACE_TEXT 20000     /* bytes of a file, the snapshot the most of it */
#define PLACE_SNAPSHOT 16384 /* bytes: a number of 12 digits for each of a thousand sessions */

struct mark {
	char cluster[MARK_CLUSTER]; /* system, timeline, database, table; "" = not known */
	char snapshot[PLACE_SNAPSHOT];
	int64_t since_us, till_us;
};

struct place {
	char project[SCHEMA_PROJECT_ID];
	int stage;
	int64_t first, last; /* jobs of a batch; 0: of all */
	bool by_number;      /* still going through what was there at the mark */
	int64_t after;       /* the last job number, while by_number */
	struct mark mark;
};

bool mark_take(struct mark *m, struct pg *pg, struct err *e);
/* Whether b was taken later than a, and by the same history. */
bool mark_is_followed_by(const struct mark *a, const struct mark *b);
/* The history is now another's, so all that was finished since the mark counts as new. */
void mark_move(struct mark *m, const struct mark *now);

/* A place before everything but jobs up to `after`. first and last are set, or 0. */
bool place_begin(struct place *p, struct pg *pg, int stage, int64_t after, struct err *e);
/*
 * After place_begin. *found false when there is no such file yet; *moved: the mark in it was of another
 * history, or did not say of which.
 */
bool place_read(struct place *p, const char *path, bool *found, bool *moved, struct err *e);
/* The same of a text; `origin` is named in an error. */
bool place_parse(struct place *p, const char *text, const char *origin, bool *moved, struct err *e);
/* What place_parse reads; free it. */
char *place_text(const struct place *p);
/* Replaces the file whole: written beside it, then renamed. */
bool place_write(const struct place *p, const char *path, struct err *e);

#endif
