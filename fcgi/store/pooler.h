/*
 * pooler -- whether a pooler between us and PostgreSQL would give us another server in the midst.
 *
 * PgBouncer and its like lend a connection of theirs: for as long as ours lasts (session mode), or for
 * a transaction at a time. In the latter, prepared statements, settings and locks of a session are
 * somebody else's by the next call, and calls would run each other's statements. So it is found
 * out before anything depends on it.
 *
 * Threads	any; it makes a second connection for the question, and only behind a pooler.
 * Errors	ERR_REFUSED, with what to change; else as pg's.
 */
#ifndef STORE_POOLER_H
#define STORE_POOLER_H

#include <stdbool.h>

#include "base/err.h"
#include "store/pg.h"

bool pooler_check(struct pg *pg, const char *conninfo, struct err *e);

#endif
