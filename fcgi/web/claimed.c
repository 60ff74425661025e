#include "web/claimed.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define WAIT_MOST_US (60 * INT64_C(1000000))
#define GIVE_BACK_TRY_US (600 * INT64_C(1000000))

void
claim_submit(struct tracker *t, struct op *op)
{
	t->newer_call(t, &op->token);
	op->claim.ticket = shared_ticket_take(t->shared, &op->token);
	op_submit(t, op);
}

int64_t
claim_wait_until(const struct tracker *t, int64_t arrived_us, int64_t wait_s)
{
	int64_t most_us = t->settings->idle_timeout_s * 1000000 / 2;

	if (most_us > WAIT_MOST_US)
		most_us = WAIT_MOST_US;
	if (wait_s <= 0)
		return 0;
	return arrived_us + (wait_s < most_us / 1000000 ? wait_s * 1000000 : most_us);
}

/* An op that belongs to no request: it owns the arena that it lives in. */
struct orphan {
	struct tracker *tracker;
	struct arena arena;
	struct op op;
};

static void
bury(struct op *op)
{
	struct orphan *orphan = op->owner;

	if (op->err.kind != ERR_NONE)
		log_err(LOG_WARN_, "give_back_failed", &op->err);
	arena_fini(&orphan->arena);
	free(orphan);
}

static size_t
list_leases(struct op *op, const struct op *claim)
{
	/* Only what no later call was told again: the lease names the call whose answer it was in last. */
	const char *call = arena_printf(op->arena, "%lld", (long long)claim->claim.call);
	size_t n = 0;

	for (const struct job *job = claim->claim.jobs; job; job = job->next) {
		struct item *item = &op->items.items[n];

		item->job = job->number;
		item->lease = job->lease;
		item->kind = "undelivered";
		item->data = call;
		item->len = strlen(call);
		n++;
	}
	return n;
}

/* NULL: there is nothing to give back, or no memory. */
static struct orphan *
orphan_new(struct tracker *t, const struct op *claim)
{
	struct orphan *orphan = claim->claim.n_jobs > 0 ? calloc(1, sizeof(*orphan)) : NULL;
	struct op *op;

	if (!orphan)
		return NULL;
	orphan->tracker = t;
	op = &orphan->op;
	arena_init(&orphan->arena);
	op->kind = OP_RETURN;
	op->answer = bury;
	op->owner = orphan;
	op->arena = &orphan->arena;
	op->token = claim->token;
	op->items.items =
	    arena_calloc(&orphan->arena, (size_t)claim->claim.n_jobs, sizeof(*op->items.items));
	op->items.n = list_leases(op, claim);
	return orphan;
}

static void
give_back(struct orphan *orphan)
{
	orphan->op.arrived_us = clock_us();
	orphan->op.give_up_us = orphan->op.arrived_us + GIVE_BACK_TRY_US;
	op_submit(orphan->tracker, &orphan->op);
}

void
claimed_give_back(struct tracker *t, const struct op *claim)
{
	struct orphan *orphan = orphan_new(t, claim);

	if (orphan)
		give_back(orphan);
}

static void
settle(void *arg, bool told)
{
	struct orphan *orphan = arg;

	if (told)
		bury(&orphan->op);
	else
		give_back(orphan);
}

void
claimed_give_back_unless_told(struct tracker *t, const struct op *claim, struct fcgx *fcgx)
{
	struct orphan *orphan;

	if (!fcgx_is_telling(fcgx))
		return;
	orphan = orphan_new(t, claim);
	if (orphan)
		fcgx_when_told(fcgx, settle, orphan);
}
