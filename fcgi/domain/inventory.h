/*
 * inventory -- what there is in the schema tracker, so that what is missing is noticed.
 *
 * tracker.migration says which files were applied, and says so still where a restore stopped half way,
 * or somebody dropped a table. So a migration, in its own transaction, also writes down what it leaves
 * behind: tables, columns, indexes, constraints, functions. Every start and migration looks whether
 * all of it is there; more is nobody's fault.
 *
 * Threads	one at a time on a connection.
 * Errors	ERR_REFUSED, with some of what is missing and what to do; else as pg's.
 */
#ifndef DOMAIN_INVENTORY_H
#define DOMAIN_INVENTORY_H

#include <stdbool.h>

#include "base/err.h"
#include "store/pg.h"
#include "store/pg_array.h"

/* Makes the list, empty, where there is none. */
bool inventory_prepare(struct pg *pg, struct err *e);
/* Writes down what there is now; in the caller's transaction. */
bool inventory_record(struct pg *pg, struct err *e);
/* *listed false: nothing was ever written down here, so nothing could be compared. */
bool inventory_check(struct pg *pg, bool *listed, struct err *e);
/* Without a list: that these tables exist, named without their schema. */
bool inventory_check_tables(struct pg *pg, struct pg_array *names, struct err *e);

#endif
