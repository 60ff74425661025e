/*
 * stages -- what the pipeline's stages are called: as the database says, which may change while we run.
 *
 * The settings propose names for a new database (schema_propose_stages); what the database says then
 * goes with the settings to every process, whose keeper looks each second whether it still does.
 *
 * Threads	stages_now from any; stages_take from one.
 * Ownership	stages_new/_free. Lists of before are kept until then, so that whoever reads one may go on: a
 *		KiB for each change that an operator makes.
 * Errors	stages_read: those of pg_call.
 */
#ifndef DOMAIN_STAGES_H
#define DOMAIN_STAGES_H

#include <stdbool.h>

#include "base/err.h"
#include "domain/stage.h"
#include "store/pg.h"

#define STAGE_NAME_BYTES (64 * 4) /* 64 characters */

struct stage_names {
	int n;
	char name[STAGES_MAX][STAGE_NAME_BYTES + 1]; /* A is [0]; "" from n on */
};

/* Another at the end. Longer names are cut between two characters. False: there are STAGES_MAX. */
bool stage_names_add(struct stage_names *names, const char *name);
bool stage_names_same(const struct stage_names *a, const struct stage_names *b);
/* "A", "B": quoted, for people and for the log. Cut to size. Returns out. */
const char *stage_names_text(char *out, size_t size, const struct stage_names *names);

struct stages;

struct stages *stages_new(const struct stage_names *first);
void stages_free(struct stages *s);
/* Never NULL; stays as it is until stages_free. */
const struct stage_names *stages_now(const struct stages *s);
/* From now on these; false: they are already. */
bool stages_take(struct stages *s, const struct stage_names *names);

/* What the database says; out->n is 0 in a database that no tracker has started with. */
bool stages_read(struct pg *pg, struct stage_names *out, struct err *e);

#endif
