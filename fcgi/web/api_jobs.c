/* v1: jobs handed out, finished and flagged. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "domain/counts.h"
#include "web/claimed.h"
#include "web/reply.h"
#include "web/routes.h"

#define COUNTS_PATIENCE_US (10 * INT64_C(1000000)) /* PostgreSQL may be away just then */

static const char said_no_jobs[] =
    "Either there are no new jobs available, or there was an error whilst finding a job. "
    "Keep retrying, as jobs are dynamically created.";

static bool
say_job(struct request *rq, const struct job *job)
{
	struct buf out;
	bool sent;

	buf_init(&out, 0);
	buf_puts(&out, "{\"data\":");
	json_put_text(&out, job->data, job->len);
	buf_puts(&out, ",\"number\":");
	buf_put_int(&out, job->number);
	buf_putc(&out, '}');
	sent =
	    reply_keep(rq, &(struct reply){.status = 200, .type = "application/json", .out = &out});
	buf_fini(&out);
	return sent;
}

/*
 * The published client dies of a 403, and often of the race between jobCount and newJob: so while work may still
 * come the call is parked, then closed, which that client takes for a lost connection and asks again.
 */
struct patience {
	struct op *claim;
	struct op count;
};

static void
answer_patience(struct op *op)
{
	struct request *rq = op->owner;
	const struct patience *p = rq->state;
	struct op *claim = p->claim;
	bool more =
	    op->err.kind == ERR_NONE && counts_more_may_come(op->count, claim->worker.stage);

	free(op->count);
	if (op->err.kind != ERR_NONE)
		reply_error(rq, &op->err);
	else if (!more)
		reply_text(rq, 403, said_no_jobs);
	else if (claim->claim.wait_until_us > 0)
		reply_cut(rq);
	else {
		claim->claim.wait_until_us = claim_wait_until(
		    rq->tracker, rq->arrived_us, rq->tracker->settings->v1_patience_s);
		op_submit(rq->tracker, claim);
	}
}

/* Counts of now: what another host has loaded since would be missed by those of a moment ago. */
static void
be_patient(struct request *rq, struct op *claim)
{
	struct patience *p = rq->state;

	if (!p) {
		p = arena_calloc(&rq->arena, 1, sizeof(*p));
		p->claim = claim;
		rq->state = p;
	}
	request_init_op(rq, &p->count, OP_COUNT, answer_patience);
	p->count.give_up_us = clock_us() + COUNTS_PATIENCE_US;
	p->count.count = malloc(sizeof(*p->count.count)); /* not kept while the call is parked */
	if (!p->count.count)
		abort();
	op_submit(rq->tracker, &p->count);
}

/* Rules speak to v1 by time alone: who rests is parked, then cut, and asks again. */
static void
wait_for_rest(struct request *rq, struct op *claim)
{
	if (claim->claim.wait_until_us > 0) {
		reply_cut(rq);
		return;
	}
	claim->claim.wait_until_us = claim_wait_until(
	    rq->tracker, rq->arrived_us, settings_rule_patience_s(rq->tracker->settings));
	op_submit(rq->tracker, claim);
}

static void
answer_new_job(struct op *op)
{
	struct request *rq = op->owner;

	claim_settle(rq->tracker, op, false, 0);
	if (op->err.kind != ERR_NONE)
		reply_error(rq, &op->err);
	else if (op->claim.n_jobs == 0 && op->status == ST_UNKNOWN)
		reply_text(rq, 404, said_no_worker);
	else if (op->claim.n_jobs == 0 && op->status == ST_REST)
		wait_for_rest(rq, op);
	else if (op->claim.n_jobs == 0 && op->claim.patient)
		be_patient(rq, op);
	else if (op->claim.n_jobs == 0 && op->claim.crowded)
		reply_cut(rq);
	else if (op->claim.n_jobs == 0)
		reply_text(rq, 403, said_no_jobs);
	else {
		if (say_job(rq, op->claim.jobs))
			claimed_give_back_unless_told(rq->tracker, op, rq->fcgx);
		else
			claimed_give_back(rq->tracker, op);
		request_free(rq);
	}
}

/* How long the call may be parked: {"wait": seconds}, ours; the published client never sends it. */
static bool
req_wait(struct request *rq, struct op *claim, struct err *e)
{
	struct json_span wait = request_field(rq, "wait");
	int64_t seconds = 0;

	claim->claim.patient = !wait.s && rq->tracker->settings->v1_patience_s > 0;
	if (!wait.s)
		return true;
	if (!scan_as_int(wait, &seconds) || seconds < 0)
		return err_set(
		    e, ERR_FIELD, "The field 'wait' must be a number of seconds.", "wait");
	claim->claim.wait_until_us = claim_wait_until(rq->tracker, rq->arrived_us, seconds);
	return true;
}

/* POST /api/newJob {"token"} -> {"data","number"}; 404 no such worker, 403 nothing waits or may still come. */
bool
api_new_job(struct request *rq, struct err *e)
{
	struct op *op = request_op(rq, OP_CLAIM, answer_new_job);

	if (!req_token(rq, &op->token, e) || !req_wait(rq, op, e))
		return false;
	op->claim.v1 = true;
	op->claim.want = 1;
	request_free_body(rq);
	claim_submit(rq->tracker, op);
	return true;
}

static void
answer_held(struct op *op, const char *said_none)
{
	struct request *rq = op->owner;

	if (op->err.kind != ERR_NONE) {
		reply_error(rq, &op->err);
		return;
	}
	switch (op->status) {
	case ST_ACCEPTED:
	case ST_REPEAT:
		reply_text(rq, 200, "200 OK");
		break;
	case ST_NO_WORKER:
		reply_text(rq, 404, said_no_worker);
		break;
	case ST_DONE_BEFORE:
	case ST_FENCED:
		reply_text(rq, 403, "This job has already been marked as completed.");
		break;
	default:
		reply_text(rq, 403, said_none);
	}
}

static void
answer_complete(struct op *op)
{
	answer_held(op, "You do not have an open job.");
}

static struct item *
add_held_item(struct request *rq, struct op *op)
{
	struct item *item = arena_calloc(&rq->arena, 1, sizeof(*item));

	item->held = true;
	op->items.items = item;
	op->items.n = 1;
	return item;
}

/* Which job it believes to hold: of one token on two machines, a result must not go under the other's job. */
static bool
req_number(struct request *rq, int64_t *number, struct err *e)
{
	struct json_span value = request_field(rq, "number");

	if (!value.s)
		return true;
	if (!scan_as_int(value, number))
		return err_set(
		    e, ERR_FIELD, "The field 'number' must be a job's number.", "number");
	if (*number < 1)
		*number = -1; /* nobody's; 0 would mean that none was sent */
	return true;
}

/* POST /api/completeJob {"token","data"[,"number"]} -> 200 OK; 404 no such worker, 403 holds no such job. */
bool
api_complete_job(struct request *rq, struct err *e)
{
	struct op *op = request_op(rq, OP_COMPLETE, answer_complete);
	struct item *item = add_held_item(rq, op);
	struct json_text data;

	if (!req_text(rq, "data", &data, e) || !req_number(rq, &item->job, e) ||
	    !req_token(rq, &op->token, e))
		return false;
	item->data = data.s;
	item->len = data.len;
	item->hash = hash_128(data.s, data.len);
	op_submit(rq->tracker, op);
	return true;
}

static void
answer_flag(struct op *op)
{
	answer_held(op, "This worker is not currently working on a job.");
}

/* POST /api/flagInvalidData {"token"} -> 200 OK; 404 no such worker, 403 holds no job. */
bool
api_flag_invalid_data(struct request *rq, struct err *e)
{
	static const char reason[] = "flagged as invalid";
	struct op *op = request_op(rq, OP_RETURN, answer_flag);
	struct item *item = add_held_item(rq, op);

	if (!req_token(rq, &op->token, e))
		return false;
	item->kind = "flagged";
	item->data = reason;
	item->len = strlen(reason);
	op_submit(rq->tracker, op);
	return true;
}
