/* Claims, results and jobs that come back, as the arrays of sql/functions. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "domain/bundle.h"
#include "domain/stages.h"

/* Rows that were behind the hint when it was taken are found again within this. */
#define HINT_LIFE_US INT64_C(1000000)
/* What a job whose data is read apart counts for, when bundles to come are cut. */
#define LONG_BYTES (BUNDLE_BYTES_OUT / 16.0)

static void
forget_old_hints(struct bundle *b)
{
	int64_t now = clock_us();

	if (now - b->hint_us < HINT_LIFE_US)
		return;
	memset(b->hint, 0, sizeof(b->hint));
	memset(b->due, 0, sizeof(b->due));
	b->hint_us = now;
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

static void
make_ids(struct bundle *b, size_t n)
{
	if (n > b->ids_room) {
		b->ids_room = n;
		b->ids = realloc(b->ids, n * sizeof(*b->ids));
		if (!b->ids)
			abort();
	}
	for (b->n_ids = 0; b->n_ids < n; b->n_ids++)
		b->ids[b->n_ids] = uuid_new();
	qsort(b->ids, n, sizeof(*b->ids), compare_ids);
}

/* One id for each job that may be handed out: PostgreSQL takes longer to make one than to store it. */
static struct pg_param
put_lease_ids(struct bundle *b, int i)
{
	struct pg_array *ids = bundle_array(b, i, PG_UUID_ARRAY);
	size_t n = 0;

	for (int k = 0; k < b->n; k++)
		n += (size_t)b->ops[k]->claim.want;
	make_ids(b, n);
	for (size_t k = 0; k < n; k++)
		pg_array_uuid(ids, &b->ids[k]);
	return pg_array_param(ids);
}

/* Its lease was made for this bundle; else the job was told before, and this is once more. */
static bool
is_new(const struct bundle *b, const struct job *job)
{
	return b->n_ids > 0 && bsearch(&job->lease, b->ids, b->n_ids, sizeof(*b->ids), compare_ids);
}

static struct pg_param
put_hints(struct bundle *b, int i)
{
	struct pg_array *hints = bundle_array(b, i, PG_INT8_ARRAY);
	const int64_t *parts[] = {b->hint, b->hint_batch, b->due};

	forget_old_hints(b);
	for (size_t part = 0; part < sizeof(parts) / sizeof(*parts); part++)
		for (int stage = 1; stage <= STAGES_MAX; stage++)
			pg_array_int8(hints, parts[part][stage]);
	return pg_array_param(hints);
}

/* What the claims of both protocols say: arrays 0 to 2. */
static void
put_claims(struct bundle *b)
{
	struct pg_array *tokens = bundle_array(b, 0, PG_UUID_ARRAY),
			*ages = bundle_array(b, 1, PG_INT8_ARRAY),
			*calls = bundle_array(b, 2, PG_INT8_ARRAY);

	for (int i = 0; i < b->n; i++) {
		struct op *op = b->ops[i];

		bundle_add_item(b, op, 0);
		pg_array_uuid(tokens, &op->token);
		pg_array_int8(ages, bundle_age_us(op));
		pg_array_int8(calls, op->claim.call);
	}
}

#define CLAIMED "select item, status, worker, stage, job, lease, attempt, data from tracker."

/* The quick way of SQL wants them in order of token; the long one takes any. */
static bool
claim_send_v1(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	struct pg_param params[6];
	struct pg_scalar limit;

	bundle_sort(b);
	put_claims(b);
	for (int i = 0; i < 3; i++)
		params[i] = pg_array_param(&b->array[i]);
	params[3] = put_hints(b, 3);
	params[4] = put_lease_ids(b, 4);
	params[5] = pg_int4_param(&limit, (int32_t)t->settings->answer_limit);
	if (b->careful)
		return pg_send(pg, CLAIMED "claim_held($1, $2, $3, $4, $5, $6)", params, 6, e);
	return pg_send(pg, CLAIMED "claim_fresh($1, $2, $3, $4, $5, $6)", params, 6, e);
}

static bool
claim_send_fleet(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	struct pg_array *wants = bundle_array(b, 3, PG_INT4_ARRAY),
			*rerun = bundle_array(b, 4, PG_BOOL_ARRAY),
			*has_holding = bundle_array(b, 5, PG_BOOL_ARRAY),
			*hold_ends = bundle_array(b, 6, PG_INT4_ARRAY),
			*hold_jobs = bundle_array(b, 7, PG_INT8_ARRAY),
			*slots = bundle_array(b, 10, PG_INT4_ARRAY);
	struct pg_param params[13];
	struct pg_scalar limit, most;
	size_t end = 0;

	put_claims(b);
	for (int i = 0; i < b->n; i++) {
		const struct op *op = b->ops[i];

		pg_array_int4(wants, op->claim.want);
		pg_array_int4(slots, op->claim.slots);
		pg_array_bool(rerun, op->rerun);
		pg_array_bool(has_holding, op->claim.has_holding);
		pg_array_int4(hold_ends, (int32_t)(end += op->claim.n_holding));
		for (size_t h = 0; h < op->claim.n_holding; h++)
			pg_array_int8(hold_jobs, op->claim.holding[h]);
	}
	for (int i = 0; i < 8; i++)
		params[i] = pg_array_param(&b->array[i]);
	params[8] = put_hints(b, 8);
	params[9] = put_lease_ids(b, 9);
	params[10] = pg_int4_param(&limit, (int32_t)t->settings->answer_limit);
	params[11] = pg_array_param(slots);
	params[12] = pg_int4_param(&most, (int32_t)t->settings->in_hand_most);
	return pg_send(pg,
	    CLAIMED
	    "claim_fleet(tokens => $1, ages_us => $2, calls => $3, wants => $4, "
	    "rerun => $5, has_holding => $6, hold_ends => $7, hold_jobs => $8, "
	    "hints => $9, ids => $10, answer_limit => $11, slots => $12, in_hand_most => $13)",
	    params, 13, e);
}

static bool
claim_send(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	return op_is_v1(b->ops[0]) ? claim_send_v1(t, b, pg, e) : claim_send_fleet(t, b, pg, e);
}

/* NULL: too long for its share of the answer, so it is read apart; how long is not known. */
static void
read_data(struct bundle *b, struct op *op, struct job *job, int row)
{
	op->claim.unread = op->claim.unread || pg_is_null(b->rows, row, 7);
	if (!pg_is_null(b->rows, row, 7))
		job->data = pg_text(b->rows, row, 7, &job->len);
	b->job_bytes += ((job->data ? (double)job->len : LONG_BYTES) - b->job_bytes) / 32;
}

static void
add_job(struct bundle *b, struct op *op, int row)
{
	struct job *job = arena_calloc(op->arena, 1, sizeof(*job));

	job->number = pg_int(b->rows, row, 4);
	job->stage = (int)pg_int(b->rows, row, 3);
	job->lease = pg_uuid(b->rows, row, 5);
	job->attempt = (int)pg_int(b->rows, row, 6);
	read_data(b, op, job, row);
	op->claim.n_jobs++;
	op->claim.n_new += is_new(b, job);
	*op->claim.last_job = job;
	op->claim.last_job = &job->next;
}

/* Of the jobs that it lists, those that the row names are its own. */
static void
mark_held(struct bundle *b, struct op *op, int row)
{
	size_t n = op->claim.n_holding, len;
	const char *at = pg_text(b->rows, row, 7, &len), *end = at + len;

	op->claim.n_dropped = n;
	while (at < end) {
		size_t digits = strcspn(at, ",");
		const int64_t *found = NULL;
		int64_t job;

		if (text_to_int(at, digits, 0, INT64_MAX, &job))
			found = bsearch(&job, op->claim.holding, n, sizeof(job), op_compare_jobs);
		if (found && !op->claim.held[found - op->claim.holding]) {
			op->claim.held[found - op->claim.holding] = true;
			op->claim.n_dropped--;
		}
		at += digits + 1;
	}
}

static void
note_rest(struct bundle *b, struct op *op, int row)
{
	op->claim.rests_s = (int)pg_int(b->rows, row, 4);
	op->claim.bad_row = (int)pg_int(b->rows, row, 6);
	op->claim.rest_until_us = clock_us() + op->claim.rests_s * INT64_C(1000000);
}

/* Of the whole bundle: where the next claim looks on, and what waits for its turn. */
static void
read_note(struct tracker *t, struct bundle *b, int row, enum op_status status, int stage)
{
	if (stage < 1 || stage > STAGES_MAX)
		return;
	if (status == ST_HINT) {
		b->hint[stage] = pg_int(b->rows, row, 4);
		b->hint_batch[stage] = pg_int(b->rows, row, 6);
	}
	if (status == ST_DUE)
		b->due[stage] = pg_int(b->rows, row, 4);
	if (status == ST_GATE)
		t->work_later(t, stage, (uint64_t)pg_int(b->rows, row, 2), pg_int(b->rows, row, 4),
		    pg_int(b->rows, row, 6));
}

static void
claim_row(struct tracker *t, struct bundle *b, int row)
{
	enum op_status status = op_status_of(pg_text(b->rows, row, 1, NULL));
	struct bundle_item *item = bundle_item_of(b, row);
	int stage = (int)pg_int(b->rows, row, 3);

	if (!item) {
		read_note(t, b, row, status, stage);
		return;
	}
	item->op->worker.id = pg_int(b->rows, row, 2);
	item->op->worker.stage = stage;
	if (status == ST_NONE || status == ST_PAUSED || status == ST_FULL) {
		item->op->worker.has = (uint64_t)pg_int(b->rows, row, 4);
		item->op->worker.unneeded = (int)pg_int(b->rows, row, 6);
	}
	if (status == ST_JOB)
		add_job(b, item->op, row);
	if (status == ST_REST)
		note_rest(b, item->op, row);
	if (status == ST_HELD)
		mark_held(b, item->op, row);
	else if (status == ST_ALLOWED)
		item->op->claim.allowance = (int)pg_int(b->rows, row, 6);
	else
		item->op->status = status;
}

static void
claim_read(struct tracker *t, struct bundle *b)
{
	int64_t jobs = 0;

	for (int i = 0; i < b->n; i++) {
		b->ops[i]->claim.jobs = NULL;
		b->ops[i]->claim.last_job = &b->ops[i]->claim.jobs;
		b->ops[i]->claim.n_jobs = b->ops[i]->claim.n_new = 0;
		b->ops[i]->claim.unread = false;
		b->ops[i]->claim.allowance = 0;
		b->ops[i]->claim.n_dropped = 0;
		if (b->ops[i]->claim.held)
			memset(b->ops[i]->claim.held, 0, b->ops[i]->claim.n_holding);
		b->ops[i]->status = ST_NONE;
	}
	for (int row = 0; row < pg_rows_count(b->rows); row++)
		claim_row(t, b, row);
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

/* Takes jobs out whose data is gone: they were sent back meanwhile, and the lease with them. */
static void
take_out_without_data(struct op *op)
{
	struct job **at = &op->claim.jobs;

	while (*at) {
		if ((*at)->data) {
			at = &(*at)->next;
			continue;
		}
		*at = (*at)->next;
		op->claim.n_jobs--;
	}
	op->claim.last_job = at;
}

bool
jobs_fetch(struct op *op, struct pg *pg, struct pg_rows **rows, struct err *e)
{
	struct pg_array numbers;
	struct pg_scalar stage;
	struct pg_param params[2];
	bool good;
	int row = 0;

	pg_array_init(&numbers, PG_INT8_ARRAY);
	for (const struct job *job = op->claim.jobs; job; job = job->next)
		pg_array_int8(&numbers, job->number);
	params[0] = pg_int2_param(&stage, (int16_t)op->worker.stage);
	params[1] = pg_array_param(&numbers);
	op->kind = OP_CLAIM;
	good = pg_call(pg, "select data from tracker.fetch_inputs($1, $2)", params, 2, rows, e);
	pg_array_fini(&numbers);
	if (!good)
		return false;
	for (struct job *job = op->claim.jobs; job; job = job->next) {
		job->data = pg_is_null(*rows, row, 0) ? NULL : pg_text(*rows, row, 0, &job->len);
		row++;
	}
	take_out_without_data(op);
	return true;
}

/* The job and lease of an item; no lease for "what the worker holds", and maybe a job that it must be. */
static void
put_lease(struct pg_array *jobs, struct pg_array *leases, const struct item *item)
{
	if (item->held) {
		if (item->job != 0)
			pg_array_int8(jobs, item->job);
		else
			pg_array_null(jobs);
		pg_array_null(leases);
	} else {
		pg_array_int8(jobs, item->job);
		pg_array_uuid(leases, &item->lease);
	}
}

static bool
complete_send(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	bool plain = op_is_v1(b->ops[0]) && !b->careful;
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
	const int last = stages_now(t->stages)->n;
	int64_t freed[STAGES_MAX + 2] = {0}, accepted = 0;
	struct op *op = NULL;

	for (int row = 0; row < pg_rows_count(b->rows); row++) {
		const struct item *item = read_item(b, row, &op);

		if (!item || item->status != ST_ACCEPTED)
			continue;
		accepted++;
		if (item->stage >= 1 && item->stage < last)
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
	struct pg_param params[6];

	(void)t;
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
	return pg_send(pg,
	    "select item, status, worker, stage, freed_stage from tracker.return_jobs("
	    "$1, $2, $3, $4, $5, $6)",
	    params, 6, e);
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
