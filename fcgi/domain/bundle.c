#include "domain/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const struct bundle_kind *const kinds[OP_KINDS] = {
    [OP_OPEN] = &bundle_open,
    [OP_TOUCH] = &bundle_touch,
    [OP_CLAIM] = &bundle_claim,
    [OP_COMPLETE] = &bundle_complete,
    [OP_RETURN] = &bundle_return,
    [OP_SAY] = &bundle_say,
    [OP_CLOSE] = &bundle_close,
};

void
bundle_init(struct bundle *b)
{
	memset(b, 0, sizeof(*b));
	for (int i = 0; i < BUNDLE_ARRAYS; i++)
		pg_array_init(&b->array[i], PG_INT8_ARRAY);
}

void
bundle_fini(struct bundle *b)
{
	bundle_clear(b);
	for (int i = 0; i < BUNDLE_ARRAYS; i++)
		pg_array_fini(&b->array[i]);
	free(b->items);
	free(b->ids);
}

/* What one large result took is not kept for ever. */
static void
give_memory_back(struct bundle *b)
{
	for (int i = 0; i < BUNDLE_ARRAYS; i++) {
		struct pg_array *a = &b->array[i];

		if (a->bytes.size <= BUNDLE_BYTES_IN)
			continue;
		pg_array_fini(a);
		pg_array_init(a, a->oid);
	}
}

void
bundle_clear(struct bundle *b)
{
	give_memory_back(b);
	pg_rows_free(b->rows);
	b->rows = NULL;
	b->careful = false;
	b->n = 0;
	b->n_items = 0;
}

void
bundle_add(struct bundle *b, struct op *op)
{
	b->kind = op->kind;
	b->ops[b->n++] = op;
}

int
bundle_jobs_most(const struct bundle *b)
{
	double most = BUNDLE_BYTES_OUT / (b->job_bytes + 64);

	return most < 1 ? 1 : most > BUNDLE_ITEMS ? BUNDLE_ITEMS : (int)most;
}

bool
bundle_send(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	b->n_items = 0;
	return kinds[b->kind]->send(t, b, pg, e);
}

bool
bundle_receive(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	if (!pg_receive(pg, &b->rows, e))
		return false;
	stat_add(STAT_BUNDLES, 1);
	stat_add(STAT_BUNDLED, b->n);
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
bundle_sort(struct bundle *b)
{
	qsort(b->ops, (size_t)b->n, sizeof(*b->ops), by_token);
}

struct pg_array *
bundle_array(struct bundle *b, int i, enum pg_oid oid)
{
	b->array[i].oid = oid; /* changes from kind to kind where a desk serves several */
	pg_array_clear(&b->array[i]);
	return &b->array[i];
}

int64_t
bundle_age_us(const struct op *op)
{
	return clock_us() - op->arrived_us;
}

void
bundle_add_item(struct bundle *b, struct op *op, size_t i)
{
	if (b->n_items == b->room) {
		b->room = b->room == 0 ? 256 : 2 * b->room;
		b->items = realloc(b->items, b->room * sizeof(*b->items));
		if (!b->items)
			abort();
	}
	b->items[b->n_items++] = (struct bundle_item){op, i};
}

struct bundle_item *
bundle_item_of(struct bundle *b, int row)
{
	int64_t item = pg_int(b->rows, row, 0);

	return item >= 1 && (size_t)item <= b->n_items ? &b->items[item - 1] : NULL;
}
