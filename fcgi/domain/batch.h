/*
 * batch -- ops of one kind, sent to PostgreSQL as one call of arrays.
 *
 * batch_send puts the ops' fields into arrays and sends; batch_receive waits, and writes each op's
 * result. Between the two the committer is free. The call is one transaction: either
 * every op has its result after the commit, or none has.
 *
 * Threads	one, the committer's.
 * Ownership	batch_init/_fini; ops are borrowed. Rows live until batch_clear: results borrow from them.
 * Errors	ERR_AWAY: the commit may or may not have happened; sending the same ops again with `rerun`
 *		set is safe for every kind. ERR_SQL: nothing happened.
 */
#ifndef DOMAIN_BATCH_H
#define DOMAIN_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "domain/op.h"
#include "domain/tracker.h"
#include "store/pg.h"
#include "store/pg_array.h"

#define BATCH_ITEMS 2048 /* rows to PostgreSQL */
#define BATCH_BYTES_IN (4 * 1024 * 1024)
#define BATCH_BYTES_OUT (16 * 1024 * 1024)
#define BATCH_ARRAYS 10

struct batch_item {
	struct op *op;
	size_t i; /* of the op's items */
};

struct batch {
	enum op_kind kind;
	struct op *ops[BATCH_ITEMS];
	int n;
	struct batch_item *items; /* what SQL's `item` means, from 1 */
	size_t n_items, room;
	struct pg_array array[BATCH_ARRAYS];
	struct pg_rows *rows;
	bool careful;                 /* the long way: what is quick has failed for this batch */
	int64_t hint[STAGES_MAX + 1]; /* claims: last position taken from ready, by stage */
	int64_t hint_us;              /* claims: when the hints were last forgotten */
	double job_bytes;             /* claims: what a job's data weighed lately */
};

void batch_init(struct batch *b);
void batch_fini(struct batch *b);
/* Forgets ops and rows. */
void batch_clear(struct batch *b);
void batch_add(struct batch *b, struct op *op);
/* The most jobs that one batch of claims may hand out, so that the answer stays under BATCH_BYTES_OUT. */
int batch_jobs_most(const struct batch *b);

bool batch_send(struct tracker *t, struct batch *b, struct pg *pg, struct err *e)
    __attribute__((warn_unused_result));
bool batch_receive(struct tracker *t, struct batch *b, struct pg *pg, struct err *e)
    __attribute__((warn_unused_result));

/* A kind's part, in jobs.c and workers.c. */
struct batch_kind {
	bool (*send)(struct tracker *t, struct batch *b, struct pg *pg, struct err *e);
	void (*read)(struct tracker *t, struct batch *b); /* rows into ops; after the commit */
};
extern const struct batch_kind batch_claim, batch_complete, batch_return;
extern const struct batch_kind batch_open, batch_touch, batch_close;

/* Helpers for the kinds: an empty array of a type, how long an op has waited, the next place in the arrays. */
struct pg_array *batch_array(struct batch *b, int i, enum pg_oid oid);
int64_t batch_age_us(const struct op *op);
void batch_add_item(struct batch *b, struct op *op, size_t i);
/* Ops in order of token, as the quick ways of SQL want them. */
void batch_sort(struct batch *b);
/* The item that a row's first column names; NULL when it names none. */
struct batch_item *batch_item_of(struct batch *b, int row);

#endif
