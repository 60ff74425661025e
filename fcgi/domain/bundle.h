/*
 * bundle -- ops of one kind, sent to PostgreSQL as one call of arrays.
 *
 * bundle_send puts the ops' fields into arrays and sends; bundle_receive waits, and writes each op's
 * result. Between the two the committer is free. The call is one transaction: either
 * every op has its result after the commit, or none has.
 *
 * Threads	one, the committer's.
 * Ownership	bundle_init/_fini; ops are borrowed. Rows live until bundle_clear: results borrow from them.
 * Errors	ERR_AWAY: the commit may or may not have happened; sending the same ops again with `rerun`
 *		set is safe for every kind. ERR_SQL: nothing happened.
 */
#ifndef DOMAIN_BUNDLE_H
#define DOMAIN_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "domain/op.h"
#include "domain/tracker.h"
#include "store/pg.h"
#include "store/pg_array.h"

#define BUNDLE_ITEMS 2048 /* rows to PostgreSQL */
#define BUNDLE_BYTES_IN (2 * 1024 * 1024)
#define BUNDLE_BYTES_OUT (16 * 1024 * 1024)
#define BUNDLE_ARRAYS 12

struct bundle_item {
	struct op *op;
	size_t i; /* of the op's items */
};

struct bundle {
	enum op_kind kind;
	struct op *ops[BUNDLE_ITEMS];
	int n;
	struct bundle_item *items; /* what SQL's `item` means, from 1 */
	size_t n_items, room;
	struct pg_array array[BUNDLE_ARRAYS];
	struct pg_rows *rows;
	bool careful; /* the long way: what is quick has failed for this bundle */
	/* claims: last position taken from ready, by stage, and of which batch */
	int64_t hint[STAGES_MAX + 1], hint_batch[STAGES_MAX + 1];
	int64_t due[STAGES_MAX + 1]; /* claims: sql/functions/low_of.sql */
	int64_t hint_us;             /* claims: when the hints were last forgotten */
	double job_bytes;            /* claims: what a job's data weighed lately */
	struct uuid *ids;            /* claims: of leases, those that SQL was given; ascending */
	size_t n_ids, ids_room;
};

void bundle_init(struct bundle *b);
void bundle_fini(struct bundle *b);
/* Forgets ops and rows. */
void bundle_clear(struct bundle *b);
void bundle_add(struct bundle *b, struct op *op);
/* The most jobs that one bundle of claims may hand out, so that the answer stays under BUNDLE_BYTES_OUT. */
int bundle_jobs_most(const struct bundle *b);

bool bundle_send(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
    __attribute__((warn_unused_result));
bool bundle_receive(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
    __attribute__((warn_unused_result));

/* The data of an op of kind OP_FETCH, which was a claim, and is one again. `rows` are what it borrows from. */
bool jobs_fetch(struct op *op, struct pg *pg, struct pg_rows **rows, struct err *e)
    __attribute__((warn_unused_result));

/* A kind's part, in jobs.c and workers.c. */
struct bundle_kind {
	bool (*send)(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e);
	void (*read)(struct tracker *t, struct bundle *b); /* rows into ops; after the commit */
};
extern const struct bundle_kind bundle_claim, bundle_complete, bundle_return;
extern const struct bundle_kind bundle_open, bundle_touch, bundle_say, bundle_close;

/* Helpers for the kinds: an empty array of a type, how long an op has waited, the next place in the arrays. */
struct pg_array *bundle_array(struct bundle *b, int i, enum pg_oid oid);
int64_t bundle_age_us(const struct op *op);
void bundle_add_item(struct bundle *b, struct op *op, size_t i);
/* Ops in order of token, as the quick ways of SQL want them. */
void bundle_sort(struct bundle *b);
/* The item that a row's first column names; NULL when it names none. */
struct bundle_item *bundle_item_of(struct bundle *b, int row);

#endif
