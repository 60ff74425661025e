/*
 * answers -- what PostgreSQL and Redis say to a page: made up, and another thing in every cell.
 *
 * It stands in the place of store/pg and of the calls of store/redis that pages make. A cell has the name of the column
 * that is selected: a text says this name, with marks that would be markup, a number is the name's own, so a cell
 * that is read for its neighbour shows. Who means a cell to be something says so:
 *
 *	{"read_job", 2, "state=done|leased; worker=null"}
 *
 * are two rows of tracker.read_job; `|` goes from row to row, the last one for all that follow, and `null` is NULL. Times are
 * seconds before ANSWERS_NOW_S. Of what nothing is said there is one row.
 *
 * Units	*_s: seconds; UTC since 1970.
 * Errors	two equal numbers in one row, and a function without a name, fail the test.
 */
#ifndef UNIT_ANSWERS_H
#define UNIT_ANSWERS_H

#include "base/buf.h"
#include "store/pg.h"

#define ANSWERS_NOW_S INT64_C(1795867200) /* 2026-11-28T12:00:00Z */

struct answer {
	const char *of; /* function or table of the schema tracker; NULL ends the list */
	int rows;
	const char *cells;
};

/* From now on these; what is asked is written down. */
void answers_begin(const struct answer *answers);
/* Redis says nothing, until answers_end. */
void answers_without_redis(void);
/* The clock, which stands still, goes on. */
void answers_pass_us(int64_t us);
/* "read_worker_leases(71, 100)", a line each: what was asked since, with its parameters. */
const char *answers_asked(void);
void answers_end(void);

#endif
