#include "web/claimed.h"

#include <string.h>

#include "base/clock.h"
#include "web/orphan.h"

#define WAIT_MOST_US (60 * INT64_C(1000000))
#define ITEMS_A_CALL 64 /* results that bring nothing cost about as much as a claim that does not */

void
submit_in_turn(struct tracker *t, struct op *op, int64_t wait_us)
{
	if (wait_us == 0 || !t->submit_later(t, op, wait_us))
		op_submit(t, op);
}

int64_t
claim_debt_wait_us(struct tracker *t, struct op *claim)
{
	if (claim->claim.asked)
		return 0;
	claim->claim.asked = true;
	return shared_debt_ask(t->shared, &claim->token, clock_us(), &claim->claim.owes);
}

void
claim_submit(struct tracker *t, struct op *op)
{
	t->newer_call(t, &op->token);
	op->claim.ticket = shared_ticket_take(t->shared, &op->token);
	submit_in_turn(t, op, claim_debt_wait_us(t, op));
}

int
claim_calls_of(size_t items)
{
	return (int)(items / ITEMS_A_CALL);
}

void
claim_settle(struct tracker *t, struct op *op, bool useful, size_t items)
{
	/* What is sent again because PostgreSQL was away is no fault of who asked. */
	bool vain = !useful && !op->rerun && op->err.kind == ERR_NONE && op->claim.n_new == 0;
	int calls = vain + claim_calls_of(items);

	if (calls > op->claim.owes)
		shared_debt_add(t->shared, &op->token, clock_us(), calls - op->claim.owes);
	else if (calls < op->claim.owes)
		shared_debt_forgive(t->shared, &op->token);
	op->claim.owes = vain;
}

int64_t
claim_wait_until(const struct tracker *t, int64_t arrived_us, int64_t wait_s)
{
	int64_t most_us = t->settings->idle_timeout_s * 1000000 / 2;

	if (most_us > WAIT_MOST_US)
		most_us = WAIT_MOST_US;
	if (wait_s <= 0)
		return 0;
	return arrived_us + (wait_s <= most_us / 1000000 ? wait_s * 1000000 : most_us);
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
static struct op *
return_of(struct tracker *t, const struct op *claim)
{
	struct op *op = claim->claim.n_jobs > 0 ? orphan_new(t, OP_RETURN) : NULL;

	if (!op)
		return NULL;
	op->token = claim->token;
	op->items.items =
	    arena_calloc(op->arena, (size_t)claim->claim.n_jobs, sizeof(*op->items.items));
	op->items.n = list_leases(op, claim);
	return op;
}

void
claimed_give_back(struct tracker *t, const struct op *claim)
{
	struct op *op = return_of(t, claim);

	if (op)
		orphan_submit(op);
}

static void
settle(void *arg, bool told)
{
	struct op *op = arg;

	if (told)
		orphan_free(op);
	else
		orphan_submit(op);
}

void
claimed_give_back_unless_told(struct tracker *t, const struct op *claim, struct fcgx *fcgx)
{
	struct op *op;

	if (!fcgx_is_telling(fcgx))
		return;
	op = return_of(t, claim);
	if (op)
		fcgx_when_told(fcgx, settle, op);
}
