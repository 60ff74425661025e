/*
 * erasure -- what is left to do outside of the tables when somebody was erased (tracker.erase_person).
 *
 * Processes hear whose workers are gone, what is free, and that no page of before is to be shown; what Redis keeps of
 * them, what others said of their progress and quoted the name in, and all rendered pages, go; and so does what the
 * planner remembers of texts.
 *
 * Ownership	rows are the caller's: those of erase_person, whose first column is `first`.
 * Errors	ERR_AWAY: what is left in Redis goes by itself within minutes; ERR_SQL.
 */
#ifndef DOMAIN_ERASURE_H
#define DOMAIN_ERASURE_H

#include <stdbool.h>

#include "base/err.h"
#include "store/pg.h"
#include "store/redis.h"

/* How many of their workers were here. */
int erasure_gone(const struct pg_rows *rows, int first);
bool erasure_tell(struct redis *r, const char *project_id, const struct pg_rows *rows, int first,
    struct err *e) __attribute__((warn_unused_result));
bool erasure_forget_statistics(struct pg *pg, struct err *e) __attribute__((warn_unused_result));

#endif
