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
#include "base/words.h"
#include "domain/settings.h"
#include "domain/shared.h"
#include "store/pg.h"

#define COUNTS_TRUST_US INT64_C(250000)

struct stage_count {
	bool present, paused;
	bool gated; /* something in its line needs words or has a rate: see stage_counts.work */
	int64_t ready, retry, due, leased, done, failed, cancelled;
	int64_t held,
	    held_retry; /* how much of ready, and of retry, is of batches that are paused */
};

/* Jobs of a gated stage that need the same. */
struct stage_work {
	int stage;
	uint64_t needs;   /* bits of stage_counts.word */
	int64_t now;      /* that may be handed out at once */
	int64_t later;    /* whose turn has not come, because of a rate */
	int64_t later_us; /* when the turn of the first of these comes: from when they were read */
};

#define WORDS_TOLD 8         /* of what is needed; "and 3 more" */
#define COUNTS_WHY 512       /* bytes for counts_why: these words, 34 each, in a sentence */
#define COUNTS_WORK_MOST 128 /* as many as read_work answers */

struct stage_counts {
	int stages;
	struct stage_count stage[STAGES_MAX + 1]; /* by number, from 1 */
	int works; /* 0: nothing is gated, and what follows is not set */
	struct stage_work work[COUNTS_WORK_MOST];
	char word[WORDS_MOST][WORD_CHARS + 1]; /* by bit; "": none */
};

/* What of *c is set. */
void counts_copy(struct stage_counts *out, const struct stage_counts *c);

/* The bits of words, which are tidy (base/words.h). */
uint64_t counts_mask(const struct stage_counts *c, const char *words);

/* What a worker of the stage could take now, that has this. */
int64_t counts_available(const struct stage_counts *c, int stage, uint64_t has);

/* Why such a worker gets nothing, in plain words: "Stage B is waiting for stage A: …". */
void counts_why(const struct stage_counts *c, int stage, uint64_t has, char *out, size_t size);

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
/* Whether the stage is gated, as far as this process has heard; true when it has heard nothing. */
bool counts_is_gated(struct counts *c, int stage);

#endif
