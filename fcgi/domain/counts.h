/*
 * counts -- how many jobs are where, by stage, as PostgreSQL last said.
 *
 * Believed while no commit of this pool has changed the counts since (shared counts_version), and
 * at most COUNTS_TRUST_US: loaders, other hosts and the passing of a back-off say nothing.
 *
 * Threads	any.
 */
#ifndef DOMAIN_COUNTS_H
#define DOMAIN_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "domain/settings.h"
#include "domain/shared.h"
#include "store/pg.h"

#define COUNTS_TRUST_US INT64_C(250000)

struct stage_count {
	bool present, paused;
	int64_t ready, retry, due, leased, done, failed;
};

struct stage_counts {
	int stages;
	struct stage_count stage[STAGES_MAX + 1]; /* by number, from 1 */
};

/* What a worker of the stage could take now. */
int64_t counts_available(const struct stage_count *c);

/* Why a worker of the stage gets nothing, in plain words: "Stage B is waiting for stage A: …". */
void counts_why(const struct stage_counts *c, int stage, char *out, size_t size);

/* Something of the stage waits, paused or not, or is in hand, or is still in a stage before it. */
bool counts_more_may_come(const struct stage_counts *c, int stage);

/* Jobs were loaded, and nothing of them is left to do in the stage or can come to it. */
bool counts_is_finished(const struct stage_counts *c, int stage);

struct counts;

struct counts *counts_new(struct shared *shared);
void counts_free(struct counts *c);
/* False: ask PostgreSQL. */
bool counts_get(struct counts *c, struct stage_counts *out);
/* Asks PostgreSQL, remembers and answers. */
bool counts_read(struct counts *c, struct pg *pg, struct stage_counts *out, struct err *e);

#endif
