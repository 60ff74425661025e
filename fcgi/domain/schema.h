/*
 * schema -- the shape of the database: files that are applied once, and the set of functions.
 *
 * DIR/schema/NNN_name.sql go forward only, in the order of their numbers. All of
 * DIR/functions/NAME.sql is put in place again when anything in it changed, or a step was taken.
 * An upgrade is one transaction: all of it or nothing. tracker.migration keeps what was applied, with
 * the BLAKE2b-256 of its text; the functions are its number 0. What it left in place is listed too
 * (inventory.h), so that a database that lost some of it is refused. DIR is the setting sql_dir.
 *
 * To change a table: add a file with the next number. Never edit one that a tracker may have
 * applied: every start compares the sums and refuses. The tracker of before goes on through an
 * upgrade and until its reload: a function that it calls keeps its parameters and its columns, and
 * what must change gets another name beside it.
 *
 * Threads	one at a time on a connection.
 * Errors	ERR_REFUSED when files and database do not belong together, with what to do about
 *		it; ERR_INPUT for files that cannot be read or are misnamed; ERR_SQL, `why` begins
 *		with the file's name.
 */
#ifndef DOMAIN_SCHEMA_H
#define DOMAIN_SCHEMA_H

#include <stdbool.h>

#include "base/err.h"
#include "domain/settings.h"
#include "store/pg.h"

/* Everything applied is what the files say, and nothing is left to apply. Changes nothing. */
bool schema_check(struct pg *pg, const struct settings *s, struct err *e);

/*
 * Applies what is missing, then proposes the stages of the settings (propose_stages). One at a time
 * by an advisory lock; a second one waits, and then finds nothing to do. Tables that somebody has in
 * hand are waited for, a minute or so; trackers at work hold their calls back meanwhile, two seconds
 * at a time. `say` hears a line a step; it may be NULL. *changed (may be NULL) tells whether there was anything to do.
 */
bool schema_migrate(struct pg *pg, const struct settings *s, void (*say)(const char *line),
    bool *changed, struct err *e);

/*
 * Proposes the stages that the settings name: the database takes them as long as no jobs were loaded and no
 * operator changed them by a command. *out (may be NULL): the stages as they are from now on.
 */
bool schema_propose_stages(
    struct pg *pg, const struct settings *s, struct stage_names *out, struct err *e);
/* Puts down when work that came back is tried again: the tracker's settings, for the functions that ask. */
bool schema_settle_policy(struct pg *pg, const struct settings *s, struct err *e);

/* The database's own name for itself: prefix of all that it keeps elsewhere. */
#define SCHEMA_PROJECT_ID 64
bool schema_project_id(struct pg *pg, char id[SCHEMA_PROJECT_ID], struct err *e);

#endif
