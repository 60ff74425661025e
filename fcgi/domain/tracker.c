#include "domain/tracker.h"

static const enum desk desk_of[OP_KINDS] = {
    [OP_OPEN] = DESK_WORKERS,
    [OP_TOUCH] = DESK_WORKERS,
    [OP_CLAIM] = DESK_CLAIM,
    [OP_COMPLETE] = DESK_COMPLETE,
    [OP_RETURN] = DESK_WORKERS,
    [OP_SAY] = DESK_WORKERS,
    [OP_CLOSE] = DESK_WORKERS,
    [OP_FETCH] = DESK_FETCH,
    [OP_COUNT] = DESK_READ,
    [OP_RENDER] = DESK_READ,
    [OP_ACT] = DESK_ACT,
};

void
op_submit(struct tracker *t, struct op *op)
{
	if (queue_put(&t->desk[desk_of[op->kind]], &op->entry))
		return;
	err_set(&op->err, ERR_AWAY, NULL, "the process is stopping");
	op->answer(op);
}

void
tracker_counts_changed(struct tracker *t)
{
	atomic_fetch_add(&t->shared->counts_version, 1);
}
