#include "web/orphan.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define TRY_US (600 * INT64_C(1000000))

struct orphan {
	struct tracker *tracker;
	struct arena arena;
	struct op op;
};

void
orphan_free(struct op *op)
{
	struct orphan *orphan = op->owner;

	arena_fini(&orphan->arena);
	free(orphan);
}

static void
bury(struct op *op)
{
	if (op->err.kind != ERR_NONE)
		log_err(LOG_WARN_, "left_undone", &op->err);
	orphan_free(op);
}

struct op *
orphan_new(struct tracker *t, enum op_kind kind)
{
	struct orphan *orphan = calloc(1, sizeof(*orphan));
	struct op *op;

	if (!orphan)
		return NULL;
	orphan->tracker = t;
	arena_init(&orphan->arena);
	op = &orphan->op;
	op->kind = kind;
	op->answer = bury;
	op->owner = orphan;
	op->arena = &orphan->arena;
	return op;
}

void
orphan_submit(struct op *op)
{
	struct orphan *orphan = op->owner;

	op->arrived_us = clock_us();
	op->give_up_us = op->arrived_us + TRY_US;
	op_submit(orphan->tracker, op);
}
