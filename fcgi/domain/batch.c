#include "domain/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const struct batch_kind *const kinds[OP_KINDS] = {
    [OP_OPEN] = &batch_open,
    [OP_TOUCH] = &batch_touch,
    [OP_CLAIM] = &batch_claim,
    [OP_COMPLETE] = &batch_complete,
    [OP_RETURN] = &batch_return,
    [OP_CLOSE] = &batch_close,
};

void
batch_init(struct batch *b)
{
	memset(b, 0, sizeof(*b));
	for (int i = 0; i < BATCH_ARRAYS; i++)
		pg_array_init(&b->array[i], PG_INT8_ARRAY);
}

void
batch_fini(struct batch *b)
{
	batch_clear(b);
	for (int i = 0; i < BATCH_ARRAYS; i++)
		pg_array_fini(&b->array[i]);
	free(b->items);
}

void
batch_clear(struct batch *b)
{
	pg_rows_free(b->rows);
	b->rows = NULL;
	b->careful = false;
	b->n = 0;
	b->n_items = 0;
}

void
batch_add(struct batch *b, struct op *op)
{
	b->kind = op->kind;
	b->ops[b->n++] = op;
}

int
batch_jobs_most(const struct batch *b)
{
	double most = BATCH_BYTES_OUT / (b->job_bytes + 64);

	return most < 1 ? 1 : most > BATCH_ITEMS ? BATCH_ITEMS : (int)most;
}

bool
batch_send(struct tracker *t, struct batch *b, struct pg *pg, struct err *e)
{
	b->n_items = 0;
	return kinds[b->kind]->send(t, b, pg, e);
}

bool
batch_receive(struct tracker *t, struct batch *b, struct pg *pg, struct err *e)
{
	if (!pg_receive(pg, &b->rows, e))
		return false;
	stat_add(STAT_BATCHES, 1);
	stat_add(STAT_BATCHED, b->n);
	kinds[b->kind]->read(t, b);
	return true;
}

static int
by_token(const void *a_, const void *b_)
{
	const struct op *const *a = a_, *const *b = b_;

	return memcmp((*a)->token.b, (*b)->token.b, sizeof(*a)->token.b);
}

void
batch_sort(struct batch *b)
{
	qsort(b->ops, (size_t)b->n, sizeof(*b->ops), by_token);
}

struct pg_array *
batch_array(struct batch *b, int i, enum pg_oid oid)
{
	b->array[i].oid = oid; /* changes from kind to kind where a desk serves several */
	pg_array_clear(&b->array[i]);
	return &b->array[i];
}

int64_t
batch_age_us(const struct op *op)
{
	return clock_us() - op->arrived_us;
}

void
batch_add_item(struct batch *b, struct op *op, size_t i)
{
	if (b->n_items == b->room) {
		b->room = b->room == 0 ? 256 : 2 * b->room;
		b->items = realloc(b->items, b->room * sizeof(*b->items));
		if (!b->items)
			abort();
	}
	b->items[b->n_items++] = (struct batch_item){op, i};
}

struct batch_item *
batch_item_of(struct batch *b, int row)
{
	int64_t item = pg_int(b->rows, row, 0);

	return item >= 1 && (size_t)item <= b->n_items ? &b->items[item - 1] : NULL;
}
