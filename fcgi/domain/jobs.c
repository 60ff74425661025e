/* Claims, results and jobs that come back, as the arrays of sql/functions. */
#include <string.h>

#include "base/clock.h"
#include "domain/bundle.h"

/* Rows that were behind the hint when it was taken are found again within this. */
#define HINT_LIFE_US INT64_C(1000000)

static void
forget_old_hints(struct bundle *b)
{
	int64_t now = clock_us();

	if (now - b->hint_us < HINT_LIFE_US)
		return;
	memset(b->hint, 0, sizeof(b->hint));
	b->hint_us = now;
}

/* Is it a case for SQL's quick way, which wants them in order of token? */
static bool
is_plain_claim(const struct bundle *b)
{
	for (int i = 0; i < b->n; i++)
		if (!b->ops[i]->claim.v1)
			return false;
	return !b->careful;
}

/* One id an op: PostgreSQL takes longer to make one than to store it. */
static struct pg_array *
put_lease_ids(struct bundle *b)
{
	struct pg_array *leases = bundle_array(b, 5, PG_UUID_ARRAY);

	for (int i = 0; i < b->n; i++) {
		struct uuid id = uuid_new();

		pg_array_uuid(leases, &id);
	}
	return leases;
}

/* What claim_jobs has to know besides; how many parameters that is. */
static int
put_fleet_claims(struct bundle *b, struct pg_param *params)
{
	struct pg_array *wants = bundle_array(b, 5, PG_INT4_ARRAY),
			*v1 = bundle_array(b, 6, PG_BOOL_ARRAY),
			*hold_items = bundle_array(b, 7, PG_INT4_ARRAY),
			*hold_jobs = bundle_array(b, 8, PG_INT8_ARRAY),
			*has_holding = bundle_array(b, 9, PG_BOOL_ARRAY);

	for (int i = 0; i < b->n; i++) {
		const struct op *op = b->ops[i];

		pg_array_int4(wants, op->claim.want);
		pg_array_bool(v1, op->claim.v1);
		pg_array_bool(has_holding, op->claim.has_holding);
		for (size_t h = 0; h < op->claim.n_holding; h++) {
			pg_array_int4(hold_items, i + 1);
			pg_array_int8(hold_jobs, op->claim.holding[h]);
		}
	}
	for (int i = 0; i < 5; i++)
		params[i] = pg_array_param(&b->array[5 + i]);
	return 5;
}

static bool
claim_send(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	bool plain = is_plain_claim(b);
	struct pg_array *tokens = bundle_array(b, 0, PG_UUID_ARRAY),
			*ages = bundle_array(b, 1, PG_INT8_ARRAY),
			*calls = bundle_array(b, 2, PG_INT8_ARRAY),
			*rerun = bundle_array(b, 3, PG_BOOL_ARRAY),
			*hints = bundle_array(b, 4, PG_INT8_ARRAY);
	struct pg_param params[13];
	struct pg_scalar attempts, backoff, backoff_max;
	int n = 5;

	forget_old_hints(b);
	if (plain)
		bundle_sort(b);
	for (int i = 0; i < b->n; i++) {
		struct op *op = b->ops[i];

		bundle_add_item(b, op, 0);
		pg_array_uuid(tokens, &op->token);
		pg_array_int8(ages, bundle_age_us(op));
		pg_array_int8(calls, op->claim.call);
		pg_array_bool(rerun, op->rerun);
	}
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		pg_array_int8(hints, b->hint[stage]);
	for (int i = 0; i < n; i++)
		params[i] = pg_array_param(&b->array[i]);
	if (plain)
		params[n++] = pg_array_param(put_lease_ids(b));
	else
		n += put_fleet_claims(b, &params[n]);
	params[n++] = pg_int4_param(&attempts, (int32_t)t->settings->max_attempts);
	params[n++] = pg_int4_param(&backoff, (int32_t)t->settings->retry_backoff_s);
	params[n++] = pg_int4_param(&backoff_max, (int32_t)t->settings->retry_backoff_max_s);
	if (plain)
		return pg_send(pg,
		    "select item, status, worker, stage, job, lease, attempt, data from "
		    "tracker.claim_fresh("
		    "$1, $2, $3, $4, $5, $6, $7, $8, $9)",
		    params, n, e);
	return pg_send(pg,
	    "select item, status, worker, stage, job, lease, attempt, data from tracker.claim_jobs("
	    "tokens => $1, ages_us => $2, calls => $3, rerun => $4, hints => $5, wants => $6, v1 "
	    "=> $7, "
	    "hold_items => $8, hold_jobs => $9, has_holding => $10, max_attempts => $11, "
	    "backoff_s => $12, backoff_max_s => $13)",
	    params, n, e);
}

static void
add_job(struct bundle *b, struct op *op, int row, enum op_status status)
{
	struct job *job = arena_calloc(op->arena, 1, sizeof(*job));

	job->number = pg_int(b->rows, row, 4);
	job->stage = (int)pg_int(b->rows, row, 3);
	job->dropped = status == ST_DROP;
	if (!job->dropped) {
		job->lease = pg_uuid(b->rows, row, 5);
		job->attempt = (int)pg_int(b->rows, row, 6);
		job->data = pg_text(b->rows, row, 7, &job->len);
		b->job_bytes += ((double)job->len - b->job_bytes) / 32;
		op->claim.n_jobs++;
	}
	*op->claim.last_job = job;
	op->claim.last_job = &job->next;
}

static void
claim_row(struct bundle *b, int row)
{
	enum op_status status = op_status_of(pg_text(b->rows, row, 1, NULL));
	struct bundle_item *item = bundle_item_of(b, row);
	int stage = (int)pg_int(b->rows, row, 3);

	if (status == ST_HINT && stage >= 1 && stage <= STAGES_MAX)
		b->hint[stage] = pg_int(b->rows, row, 4);
	if (!item)
		return;
	item->op->worker.id = pg_int(b->rows, row, 2);
	item->op->worker.stage = stage;
	if (status == ST_JOB || status == ST_DROP)
		add_job(b, item->op, row, status);
	if (status != ST_DROP)
		item->op->status = status;
}

static void
claim_read(struct tracker *t, struct bundle *b)
{
	int64_t jobs = 0;

	for (int i = 0; i < b->n; i++) {
		b->ops[i]->claim.jobs = NULL;
		b->ops[i]->claim.last_job = &b->ops[i]->claim.jobs;
		b->ops[i]->claim.n_jobs = 0;
		b->ops[i]->status = ST_NONE;
	}
	for (int row = 0; row < pg_rows_count(b->rows); row++)
		claim_row(b, row);
	for (int i = 0; i < b->n; i++) {
		/* The next beat must reach PostgreSQL: it ends "the same question". */
		if (b->ops[i]->claim.v1 && b->ops[i]->claim.n_jobs > 0)
			shared_bump(t->shared, &b->ops[i]->token);
		jobs += b->ops[i]->claim.n_jobs;
	}
	if (jobs > 0)
		tracker_counts_changed(t);
	stat_add(STAT_CLAIMS, jobs);
}

const struct bundle_kind bundle_claim = {claim_send, claim_read};

/* The job and lease of an item; both NULL for "what the worker holds". */
static void
put_lease(struct pg_array *jobs, struct pg_array *leases, const struct item *item)
{
	if (item->held) {
		pg_array_null(jobs);
		pg_array_null(leases);
	} else {
		pg_array_int8(jobs, item->job);
		pg_array_uuid(leases, &item->lease);
	}
}

/* As is_plain_claim: each is the result of what its worker holds. */
static bool
is_plain_result(const struct bundle *b)
{
	for (int i = 0; i < b->n; i++)
		if (b->ops[i]->items.n != 1 || !b->ops[i]->items.items[0].held)
			return false;
	return !b->careful;
}

static bool
complete_send(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	bool plain = is_plain_result(b);
	struct pg_array *tokens = bundle_array(b, 0, PG_UUID_ARRAY),
			*datas = bundle_array(b, 1, PG_TEXT_ARRAY),
			*hashes = bundle_array(b, 2, PG_UUID_ARRAY),
			*ages = bundle_array(b, 3, PG_INT8_ARRAY),
			*jobs = bundle_array(b, 4, PG_INT8_ARRAY),
			*leases = bundle_array(b, 5, PG_UUID_ARRAY);
	struct pg_param params[6];

	(void)t;
	if (plain)
		bundle_sort(b);
	for (int i = 0; i < b->n; i++) {
		struct op *op = b->ops[i];

		for (size_t k = 0; k < op->items.n; k++) {
			const struct item *item = &op->items.items[k];

			bundle_add_item(b, op, k);
			pg_array_uuid(tokens, &op->token);
			pg_array_text(datas, item->data, item->len);
			pg_array_uuid(hashes, &item->hash);
			pg_array_int8(ages, bundle_age_us(op));
			if (!plain)
				put_lease(jobs, leases, item);
		}
	}
	for (int i = 0; i < 6; i++)
		params[i] = pg_array_param(&b->array[i]);
	if (plain)
		return pg_send(pg,
		    "select item, status, worker, stage from tracker.complete_held($1, $2, $3, $4)",
		    params, 4, e);
	return pg_send(pg,
	    "select item, status, worker, stage from tracker.complete_jobs("
	    "tokens => $1, datas => $2, hashes => $3, ages_us => $4, jobs => $5, leases => $6)",
	    params, 6, e);
}

/* The result of one item; NULL when the row names none. */
static struct item *
read_item(struct bundle *b, int row, struct op **op)
{
	struct bundle_item *at = bundle_item_of(b, row);
	struct item *item;

	if (!at)
		return NULL;
	*op = at->op;
	item = &at->op->items.items[at->i];
	item->status = op_status_of(pg_text(b->rows, row, 1, NULL));
	item->stage = (int)pg_int(b->rows, row, 3);
	if (!pg_is_null(b->rows, row, 2)) {
		at->op->worker.id = pg_int(b->rows, row, 2);
		at->op->worker.stage = item->stage;
	}
	at->op->status = item->status;
	return item;
}

static void
tell_of_work(struct tracker *t, const int64_t freed[STAGES_MAX + 2])
{
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		if (freed[stage] > 0)
			t->work_appeared(t, stage, freed[stage]);
}

static void
complete_read(struct tracker *t, struct bundle *b)
{
	int64_t freed[STAGES_MAX + 2] = {0}, accepted = 0;
	struct op *op = NULL;

	for (int row = 0; row < pg_rows_count(b->rows); row++) {
		const struct item *item = read_item(b, row, &op);

		if (!item || item->status != ST_ACCEPTED)
			continue;
		accepted++;
		if (item->stage >= 1 && item->stage < t->settings->stages)
			freed[item->stage + 1]++;
	}
	stat_add(STAT_COMPLETIONS, accepted);
	if (accepted == 0)
		return;
	tracker_counts_changed(t);
	tell_of_work(t, freed);
}

const struct bundle_kind bundle_complete = {complete_send, complete_read};

static bool
return_send(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	struct pg_array *tokens = bundle_array(b, 0, PG_UUID_ARRAY),
			*jobs = bundle_array(b, 1, PG_INT8_ARRAY),
			*leases = bundle_array(b, 2, PG_UUID_ARRAY),
			*kinds = bundle_array(b, 3, PG_TEXT_ARRAY),
			*reasons = bundle_array(b, 4, PG_TEXT_ARRAY),
			*ages = bundle_array(b, 5, PG_INT8_ARRAY);
	struct pg_param params[10];
	struct pg_scalar attempts, flags, backoff, backoff_max;

	for (int i = 0; i < b->n; i++) {
		struct op *op = b->ops[i];

		for (size_t k = 0; k < op->items.n; k++) {
			const struct item *item = &op->items.items[k];

			bundle_add_item(b, op, k);
			pg_array_uuid(tokens, &op->token);
			put_lease(jobs, leases, item);
			pg_array_text(kinds, item->kind, strlen(item->kind));
			pg_array_text(reasons, item->data, item->len);
			pg_array_int8(ages, bundle_age_us(op));
		}
	}
	for (int i = 0; i < 6; i++)
		params[i] = pg_array_param(&b->array[i]);
	params[6] = pg_int4_param(&attempts, (int32_t)t->settings->max_attempts);
	params[7] = pg_int4_param(&flags, (int32_t)t->settings->flag_limit);
	params[8] = pg_int4_param(&backoff, (int32_t)t->settings->retry_backoff_s);
	params[9] = pg_int4_param(&backoff_max, (int32_t)t->settings->retry_backoff_max_s);
	return pg_send(pg,
	    "select item, status, worker, stage, freed_stage from tracker.return_jobs("
	    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	    params, 10, e);
}

static void
return_read(struct tracker *t, struct bundle *b)
{
	int64_t freed[STAGES_MAX + 2] = {0}, accepted = 0;
	struct op *op = NULL;

	for (int row = 0; row < pg_rows_count(b->rows); row++) {
		const struct item *item = read_item(b, row, &op);
		int64_t stage = pg_int(b->rows, row, 4);

		if (!item || item->status != ST_ACCEPTED)
			continue;
		accepted++;
		if (stage >= 1 && stage <= STAGES_MAX)
			freed[stage]++;
	}
	stat_add(STAT_RETURNS, accepted);
	if (accepted == 0)
		return;
	tracker_counts_changed(t);
	tell_of_work(t, freed);
}

const struct bundle_kind bundle_return = {return_send, return_read};
