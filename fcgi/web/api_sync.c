/*
 * POST /api/sync: everything that a fleet's worker has to say, and everything that it wants.
 *
 * The parts become ops in the same bundles as everybody else's. Results and returns go first, side by
 * side; when both are committed the claim follows, so that what was just released can be had at once.
 * The answer goes out when the last of them is committed. Sending the call again is safe.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/structured.h"
#include "base/text.h"
#include "base/words.h"
#include "domain/beats.h"
#include "domain/counts.h"
#include "domain/presence.h"
#include "domain/rest.h"
#include "web/claimed.h"
#include "web/reply.h"
#include "web/routes.h"

#define WANT_MOST 1000
#define WAIT_MOST_S 60
#define SLOTS_MOST 1000000
#define LIST_MOST 2000     /* items of one list: a bundle holds 2,048 */
#define HOLDING_MOST 10000 /* ten times what one call gives */
#define REASON_CHARS 500
#define RETRY_MS 5000
/* Of results and returns; more go in several ops, so that no bundle holds all, nor takes long. */
#define SLICE_BYTES (1024 * 1024)
#define SLICE_ITEMS 500
/* Where many results of unknown workers come from, so many of a call go first: the rest only if its worker is known. */
#define SOUND_ITEMS 16

/* What an item takes of a body at the least: {"job":1,"lease":"…"}, the lease a UUID. */
#define ITEM_BYTES_LEAST 56

/* An item of done, failed, flagged or released, as it was sent. */
struct said {
	const char *why; /* it could not be understood, or kept; NULL: it could */
	bool refused; /* with a why: understood, but what it says is nothing that could be kept */
	union {
		const struct item *at;
		int64_t job; /* with a why */
	};
};

static const char said_no_object[] = "the item is not an object",
		  said_no_job[] = "'job' must be an integer";

struct sync_call {
	struct uuid token;
	struct json_text progress;
	struct op done, back, claim, touch, say, count;
	struct op *
	    slice; /* of done and back: ops that are sent for them, with their items one after another */
	size_t n_slices, n_sent;
	struct said *said;
	size_t n_said;
	atomic_int pending;
	struct worker_id worker;
	struct stage_counts *counts; /* not before it is known that there is nothing */
};

static struct request *
request_of(struct op *op)
{
	return op->owner;
}

/* ---- reading ---------------------------------------------------------------------------------- */

struct said_list {
	const char *field, *kind;
};

static const struct said_list said_lists[] = {
    {"done", NULL}, {"failed", "failed"}, {"flagged", "flagged"}, {"released", "released"}};

#define SAID_LISTS (sizeof(said_lists) / sizeof(*said_lists))

static bool
read_reason(struct request *rq, struct json_span value, struct item *out)
{
	struct json_text reason = {"", 0};

	if (value.s && !request_text(rq, value, &reason))
		return false;
	out->data = reason.s;
	out->len = text_cut(reason.s, reason.len, REASON_CHARS);
	return true;
}

/* What is kept before a value; NULL: it is a text, and kept as that. */
static const char *
head_of(struct json_span value)
{
	struct json_text text = {NULL, 0};
	const char *head;
	char *room;

	if (*value.s != '"')
		return structured_head(value.s, &text);
	/* Whether a text would be read as JSON is asked of a copy, for it may be needed as it stands. */
	if (value.s[1] != *STRUCTURED_MARK && value.s[1] != '\\')
		return NULL;
	room = malloc(value.len);
	if (!room)
		abort();
	(void)scan_as_text(value, room, &text);
	head = structured_head(value.s, &text);
	free(room);
	return head;
}

/*
 * Puts a value behind its head. The mark finds room in the body, over the member's name, `,"data":` at the
 * least, when all else of the item has been read; one byte more would be too long for that.
 */
static const char *
put_head(struct request *rq, const char *head, struct json_span value)
{
	size_t len = strlen(head);
	char *kept = rq->body + (value.s - rq->body) - len;

	if (len == strlen(STRUCTURED_MARK))
		return memcpy(kept, head, len);
	kept = arena_alloc(&rq->arena, len + value.len + 1);
	memcpy(stpcpy(kept, head), value.s, value.len);
	kept[len + value.len] = '\0';
	return kept;
}

/* A text is kept as it is, what is no text behind a mark, with its bytes as they were sent. */
static void
read_data(struct request *rq, struct json_span value, struct item *out)
{
	const char *head = head_of(value);
	struct json_text text = {"", 0};

	if (!head) {
		(void)request_text(rq, value, &text);
		out->data = text.s;
		out->len = text.len;
	} else {
		out->data = put_head(rq, head, value);
		out->len = strlen(head) + value.len;
	}
	out->hash = hash_128(out->data, out->len);
}

/* One bad item never spoils the others: it is answered "unknown", or *refused, with why. */
static const char *
read_item(struct request *rq, struct json_span item, const struct said_list *which, int64_t *job,
    struct item *out, bool *refused)
{
	enum { JOB, LEASE, WHAT, FIELDS };
	struct scan_field field[FIELDS] = {
	    {.name = "job"}, {.name = "lease"}, {.name = which->kind ? "reason" : "data"}};
	struct json_text lease;
	const struct scan_fault *fault;
	size_t at;

	if (!scan_members(item, field, FIELDS))
		return said_no_object;
	if (!scan_as_int(field[JOB].value, job))
		return said_no_job;
	if (request_field_is_doubtful(rq, which->field) &&
	    (fault = scan_fault(item.s, item.len, JSON_DEPTH + 1, &at))) {
		*refused = true;
		return fault->said;
	}
	if (!request_text(rq, field[LEASE].value, &lease) ||
	    !uuid_parse(&out->lease, lease.s, lease.len))
		return "'lease' is not one of ours";
	if (which->kind && !read_reason(rq, field[WHAT].value, out))
		return "'reason' must be a string";
	if (!which->kind && !field[WHAT].value.s)
		return "'data' is missing";
	if (!which->kind)
		read_data(rq, field[WHAT].value, out);
	out->job = *job;
	out->kind = which->kind;
	return NULL;
}

static bool
get_list(struct request *rq, const char *field, size_t most, struct json_span *list, size_t *n,
    struct err *e)
{
	*list = request_field(rq, field);
	*n = 0;
	if (!list->s)
		return true;
	if (!scan_is_list(*list))
		return err_set(e, ERR_FIELD,
		    arena_printf(&rq->arena, "The field '%s' must be a list.", field),
		    "not a list");
	*n = scan_count(*list, most);
	if (*n > most)
		return err_set(e, ERR_FIELD,
		    arena_printf(&rq->arena, "The field '%s' has over %zu items.", field, most),
		    "list too long");
	return true;
}

static void
read_list(struct request *rq, struct sync_call *call, const struct said_list *which,
    struct json_span list)
{
	struct op *op = !which->kind ? &call->done : &call->back;
	struct json_span at;

	while (scan_next(&list, &at)) {
		struct said *said = &call->said[call->n_said++];
		struct item *item = &op->items.items[op->items.n];
		int64_t job = 0;

		said->refused = false;
		said->why = read_item(rq, at, which, &job, item, &said->refused);
		if (said->why) {
			memset(item, 0, sizeof(*item));
			said->job = job;
		} else {
			said->at = item;
			op->items.n++;
		}
	}
}

/* For n items, or as many as can be understood in so many bytes; and one more, that is being read. */
static struct item *
items_room(struct request *rq, size_t n, size_t bytes)
{
	if (n > bytes / ITEM_BYTES_LEAST)
		n = bytes / ITEM_BYTES_LEAST;
	return arena_calloc(&rq->arena, n + 1, sizeof(struct item));
}

static bool
read_lists(struct request *rq, struct sync_call *call, struct err *e)
{
	struct json_span list[SAID_LISTS];
	size_t n[SAID_LISTS], all = 0, back_bytes = 0;

	for (size_t i = 0; i < SAID_LISTS; i++) {
		if (!get_list(rq, said_lists[i].field, LIST_MOST, &list[i], &n[i], e))
			return false;
		all += n[i];
		back_bytes += i > 0 ? list[i].len : 0;
	}
	call->said = arena_alloc(&rq->arena, all * sizeof(*call->said));
	call->done.items.items = items_room(rq, n[0], list[0].len);
	call->back.items.items = items_room(rq, all - n[0], back_bytes);
	for (size_t i = 0; i < SAID_LISTS; i++)
		read_list(rq, call, &said_lists[i], list[i]);
	return true;
}

/* How many of n items from `at` on go in one op: `most`, or what a slice has room for, one at the least. */
static size_t
slice_of(const struct item *at, size_t n, size_t most)
{
	size_t bytes = at[0].len, i = 1;

	while (i < n && i < most && bytes + at[i].len <= SLICE_BYTES)
		bytes += at[i++].len;
	return i;
}

static size_t
count_slices(const struct op *all)
{
	size_t slices = 0;

	for (size_t at = 0; at < all->items.n; slices++)
		at += slice_of(all->items.items + at, all->items.n - at, SLICE_ITEMS);
	return slices;
}

static void
put_slices(struct sync_call *call, const struct op *all, bool sound)
{
	for (size_t at = 0; at < all->items.n;) {
		struct op *slice = &call->slice[call->n_slices++];

		*slice = *all;
		slice->items.items = all->items.items + at;
		slice->items.n = slice_of(slice->items.items, all->items.n - at,
		    sound && call->n_slices == 1 ? SOUND_ITEMS : SLICE_ITEMS);
		at += slice->items.n;
	}
}

/* Whose the debts are that no worker can have: the address's. */
static struct uuid
peer_of(struct request *rq)
{
	uint32_t network = request_from(rq);

	return hash_128(&network, sizeof(network));
}

static bool
is_doubtful(struct request *rq)
{
	struct uuid peer = peer_of(rq);

	return shared_debt_is_due(rq->tracker->shared, &peer, clock_us());
}

static void
split_lists(struct request *rq, struct sync_call *call)
{
	bool sound = call->done.items.n + call->back.items.n > SOUND_ITEMS && is_doubtful(rq);

	/* One more: the first may be cut short. */
	call->slice = arena_calloc(&rq->arena,
	    count_slices(&call->done) + count_slices(&call->back) + 1, sizeof(*call->slice));
	put_slices(call, &call->done, sound);
	put_slices(call, &call->back, sound);
	call->n_sent = sound && call->n_slices > 1 ? 1 : call->n_slices;
}

static bool
read_number(struct request *rq, const char *field, int64_t most, int64_t *out, struct err *e)
{
	struct json_span value = request_field(rq, field);

	*out = 0;
	if (!value.s)
		return true;
	if (!scan_as_int(value, out) || *out < 0)
		return err_set(e, ERR_FIELD,
		    arena_printf(&rq->arena, "The field '%s' must be a number, 0 or more.", field),
		    "not a number");
	if (*out > most)
		*out = most;
	return true;
}

/* Ascending, each once: how many are left. */
static size_t
sort_jobs(int64_t *jobs, size_t n)
{
	size_t kept = 0;

	qsort(jobs, n, sizeof(*jobs), op_compare_jobs);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || jobs[kept - 1] != jobs[i])
			jobs[kept++] = jobs[i];
	return kept;
}

static bool
read_holding(struct request *rq, struct op *claim, struct err *e)
{
	struct json_span list, at;
	int64_t *jobs;
	size_t n, i = 0;

	if (!get_list(rq, "holding", HOLDING_MOST, &list, &n, e))
		return false;
	if (!list.s)
		return true;
	claim->claim.has_holding = true;
	claim->claim.holding = jobs = arena_alloc(&rq->arena, n * sizeof(*jobs));
	while (scan_next(&list, &at))
		if (!scan_as_int(at, &jobs[i++]))
			return err_set(e, ERR_FIELD,
			    "The field 'holding' must be a list of job numbers.", "holding");
	claim->claim.n_holding = n = sort_jobs(jobs, n);
	claim->claim.held = arena_calloc(&rq->arena, n, sizeof(*claim->claim.held));
	return true;
}

static bool
read_wants(struct request *rq, struct op *claim, struct err *e)
{
	int64_t want, wait, slots;

	if (!read_number(rq, "want", WANT_MOST, &want, e) ||
	    !read_number(rq, "wait", WAIT_MOST_S, &wait, e) ||
	    !read_number(rq, "slots", SLOTS_MOST, &slots, e) || !read_holding(rq, claim, e))
		return false;
	claim->claim.want = (int)want;
	claim->claim.slots = (int)slots;
	if (want > 0)
		claim->claim.wait_until_us = claim_wait_until(rq->tracker, rq->arrived_us, wait);
	return true;
}

/* ---- answering -------------------------------------------------------------------------------- */

static const char *
word_of(const struct said *said)
{
	if (said->why)
		return said->refused ? "refused" : "unknown";
	return said->at->status == ST_NO_WORKER ? "unknown" : op_status_word(said->at->status);
}

static void
put_results(struct buf *out, const struct sync_call *call)
{
	buf_puts(out, "{\"results\":[");
	for (size_t i = 0; i < call->n_said; i++) {
		const struct said *said = &call->said[i];

		buf_puts(out, i == 0 ? "{\"job\":" : ",{\"job\":");
		if (said->why == said_no_object || said->why == said_no_job)
			buf_puts(out, "null");
		else
			buf_put_int(out, said->why ? said->job : said->at->job);
		buf_puts(out, ",\"status\":\"");
		buf_puts(out, word_of(said));
		buf_putc(out, '"');
		if (said->why) {
			buf_puts(out, ",\"why\":");
			json_put_text(out, said->why, strlen(said->why));
		}
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}

/* JSON goes out as such, its bytes untouched; everything else as a string. */
static void
put_data(struct buf *out, const char *data, size_t len)
{
	struct json_span value;

	if (structured_read(data, len, &value))
		buf_put(out, value.s, value.len);
	else
		json_put_text(out, data, len);
}

static void
put_job(struct buf *out, const struct job *job)
{
	char lease[UUID_TEXT];

	uuid_text(lease, &job->lease);
	buf_puts(out, "{\"job\":");
	buf_put_int(out, job->number);
	buf_printf(
	    out, ",\"lease\":\"%s\",\"stage\":\"%c\",\"data\":", lease, stage_letter(job->stage));
	put_data(out, job->data, job->len);
	buf_printf(out, ",\"attempt\":%d}", job->attempt);
}

static void
put_jobs(struct buf *out, const struct op *claim)
{
	size_t left = claim->claim.n_dropped;

	buf_puts(out, ",\"jobs\":[");
	for (const struct job *job = claim->claim.jobs; job; job = job->next) {
		put_job(out, job);
		if (job->next)
			buf_putc(out, ',');
	}
	buf_puts(out, "],\"drop\":[");
	for (size_t i = 0; left > 0; i++) {
		if (claim->claim.held[i])
			continue;
		buf_put_int(out, claim->claim.holding[i]);
		if (--left > 0)
			buf_putc(out, ',');
	}
	buf_putc(out, ']');
}

static int64_t
retry_after_ms(const struct op *claim)
{
	/* Who has waited already may ask again soon: the call itself is the wait. */
	bool waited = claim->claim.wait_until_us > 0 && !claim->claim.crowded;

	if (claim->status == ST_REST)
		return claim->claim.rests_s * INT64_C(1000);
	return random_jitter(waited && claim->status != ST_FULL ? RETRY_MS / 5 : RETRY_MS, 40);
}

/* In whole seconds up, since a client may sleep only so; 0 when there is something to do. */
static void
put_advice(struct buf *out, const struct sync_call *call)
{
	bool idle = call->claim.claim.want > 0 && call->claim.claim.n_jobs == 0;
	char why[COUNTS_WHY] = "";

	if (idle && call->claim.status == ST_UNKNOWN)
		snprintf(why, sizeof(why), "This worker is gone. Register again.");
	else if (idle && call->claim.status == ST_REST)
		rest_text(why, sizeof(why), call->claim.claim.rests_s, call->claim.claim.bad_row);
	else if (idle && call->claim.status == ST_FULL)
		rest_full_text(why, sizeof(why), call->claim.claim.allowance);
	else if (idle)
		counts_why(call->counts, call->worker.stage, call->worker.has, why, sizeof(why));
	buf_printf(out, ",\"retry_after\":%.1f,\"message\":",
	    idle ? (double)retry_after_ms(&call->claim) / 1000.0 : 0.0);
	json_put_text(out, why, strlen(why));
	if (call->claim.claim.allowance > 0)
		buf_printf(out, ",\"allowance\":%d", call->claim.claim.allowance);
	if (idle && call->claim.status == ST_REST)
		buf_puts(out, ",\"resting\":true");
	if (idle && call->claim.status != ST_UNKNOWN && call->claim.status != ST_FULL &&
	    counts_is_finished(call->counts, call->worker.stage))
		buf_puts(out, ",\"finished\":true");
	buf_putc(out, '}');
}

static void
say_all(struct request *rq, struct sync_call *call)
{
	struct buf out;
	bool sent;

	/* The claim asked the database itself; the counts may be from before the pause. */
	if (call->counts && call->claim.status == ST_PAUSED)
		call->counts->stage[call->worker.stage].paused = true;
	buf_init(&out, 0);
	put_results(&out, call);
	put_jobs(&out, &call->claim);
	put_advice(&out, call);
	sent =
	    reply_keep(rq, &(struct reply){.status = 200, .type = "application/json", .out = &out});
	buf_fini(&out);
	if (sent)
		claimed_give_back_unless_told(rq->tracker, &call->claim, rq->fcgx);
	else
		claimed_give_back(rq->tracker, &call->claim);
	request_free(rq);
}

static void
answer_count(struct op *op)
{
	struct request *rq = request_of(op);

	if (op->err.kind != ERR_NONE)
		reply_error(rq, &op->err);
	else
		say_all(rq, rq->state);
}

/* The reason why there is nothing is made of counts, which may have to be asked for. */
static void
say_with_reason(struct request *rq, struct sync_call *call)
{
	if (call->claim.claim.n_jobs > 0 || call->claim.claim.want == 0 ||
	    call->claim.status == ST_UNKNOWN) {
		say_all(rq, call);
		return;
	}
	call->counts = arena_alloc(&rq->arena, sizeof(*call->counts));
	if (counts_get(rq->tracker->counts, call->counts)) {
		say_all(rq, call);
		return;
	}
	call->count.count = call->counts;
	op_submit(rq->tracker, &call->count);
}

static void
note_beat(struct request *rq, struct sync_call *call)
{
	if (call->worker.id != 0)
		beats_note(
		    rq->tracker->beats, call->worker.id, call->progress.s, call->progress.len);
}

static bool
any_item_known(const struct sync_call *call)
{
	for (size_t i = 0; i < call->n_said; i++)
		if (!call->said[i].why && call->said[i].at->status != ST_NO_WORKER)
			return true;
	return false;
}

/* Of the whole call, whatever it asked of PostgreSQL. */
static void
settle(struct request *rq, struct sync_call *call)
{
	bool useful = false;
	size_t in_vain = 0;

	for (size_t i = 0; i < call->n_said; i++) {
		if (call->said[i].why)
			continue;
		if (call->said[i].at->status == ST_ACCEPTED)
			useful = true;
		else
			in_vain++;
	}
	if (call->claim.claim.asked)
		claim_settle(rq->tracker, &call->claim, useful, in_vain);
	if (!useful && in_vain > 0 && !any_item_known(call)) {
		struct uuid peer = peer_of(rq);

		shared_debt_add(rq->tracker->shared, &peer, clock_us(), claim_calls_of(in_vain));
	}
}

static void
answer_claim(struct op *op)
{
	struct request *rq = request_of(op);
	struct sync_call *call = rq->state;

	settle(rq, call);
	if (op->err.kind != ERR_NONE) {
		reply_error(rq, &op->err);
		return;
	}
	if (op->status == ST_UNKNOWN && !any_item_known(call)) {
		reply_text(rq, 404, said_no_worker);
		return;
	}
	if (op->status != ST_UNKNOWN) {
		call->worker = op->worker;
		note_beat(rq, call);
	}
	say_with_reason(rq, call);
}

static void
answer_touch(struct op *op)
{
	struct request *rq = request_of(op);
	struct sync_call *call = rq->state;

	settle(rq, call);
	if (op->err.kind != ERR_NONE)
		reply_error(rq, &op->err);
	else if (op->status != ST_ACCEPTED && !any_item_known(call))
		reply_text(rq, 404, said_no_worker);
	else {
		call->worker = op->worker;
		note_beat(rq, call);
		say_all(rq, call);
	}
}

/* What it says that it has is known: now the claim, or, with nothing wanted, only the greeting. */
static void
go_on(struct request *rq, struct sync_call *call)
{
	if (call->claim.claim.want > 0 || call->claim.claim.has_holding)
		claim_submit(rq->tracker, &call->claim);
	else if (presence_find(rq->tracker->presence, &call->token, &call->worker)) {
		settle(rq, call);
		note_beat(rq, call);
		say_all(rq, call);
	} else
		op_submit(rq->tracker, &call->touch);
}

static void
answer_say(struct op *op)
{
	struct request *rq = request_of(op);

	if (op->err.kind != ERR_NONE)
		reply_error(rq, &op->err);
	else
		go_on(rq, rq->state); /* a worker that is gone hears it there */
}

/* Results and returns are committed: now what it has, which most say every time, and which seldom changes. */
static void
note_words(struct request *rq, struct sync_call *call)
{
	const struct op *say = &call->say;
	struct worker_id known;

	request_free_body(rq);
	if ((!say->say.has && !say->say.label) ||
	    (presence_find(rq->tracker->presence, &call->token, &known) &&
		known.said == presence_words(say->say.has, say->say.label, say->say.label_len))) {
		go_on(rq, call);
		return;
	}
	call->say.generation = shared_generation(rq->tracker->shared, &call->token);
	op_submit(rq->tracker, &call->say);
}

static void
submit_slices(struct request *rq, struct sync_call *call, size_t from, size_t to, int64_t wait_us)
{
	/* Whoever submits the last op no longer owns the request, nor what is in it. */
	struct tracker *t = rq->tracker;
	struct op *slice = call->slice;

	call->n_sent = to;
	atomic_init(&call->pending, (int)(to - from));
	for (size_t i = from; i < to; i++)
		submit_in_turn(t, &slice[i], wait_us);
}

/* The rest, when the first have shown that the worker is known; false: none of it is sent. */
static bool
send_rest(struct request *rq, struct sync_call *call)
{
	if (call->n_sent == call->n_slices)
		return false;
	if (call->slice[0].items.items[0].status != ST_NO_WORKER) {
		submit_slices(rq, call, call->n_sent, call->n_slices, 0);
		return true;
	}
	for (size_t i = call->n_sent; i < call->n_slices; i++)
		for (size_t k = 0; k < call->slice[i].items.n; k++)
			call->slice[i].items.items[k].status = ST_NO_WORKER;
	return false;
}

static void
answer_items(struct op *op)
{
	struct request *rq = request_of(op);
	struct sync_call *call = rq->state;

	if (atomic_fetch_sub(&call->pending, 1) > 1)
		return;
	for (size_t i = 0; i < call->n_sent; i++)
		if (call->slice[i].err.kind != ERR_NONE) {
			reply_error(rq, &call->slice[i].err);
			return;
		}
	if (!send_rest(rq, call))
		note_words(rq, call);
}

static void
start(struct request *rq, struct sync_call *call)
{
	if (call->n_slices == 0)
		note_words(rq, call);
	else
		submit_slices(
		    rq, call, 0, call->n_sent, claim_debt_wait_us(rq->tracker, &call->claim));
}

/* A copy, for the call may wait without its body. */
static bool
read_progress(struct request *rq, struct json_span value, struct json_text *progress)
{
	if (!request_text(rq, value, progress))
		return false;
	progress->len = text_cut(progress->s, progress->len, PROGRESS_CHARS);
	progress->s = arena_dup(&rq->arena, progress->s, progress->len);
	return true;
}

/* A copy, for the call may wait without its body. No word is ever refused. */
static bool
read_has(struct request *rq, struct sync_call *call, struct err *e)
{
	struct json_span value = request_field(rq, "has");
	struct json_text text;

	if (!value.s)
		return true;
	if (!request_text(rq, value, &text))
		return err_set(e, ERR_FIELD,
		    "The field 'has' must be a string of words with commas between.", "has");
	call->say.say.has = words_tidy(&rq->arena, text.s, text.len);
	return true;
}

static bool
read_label(struct request *rq, struct sync_call *call, struct err *e)
{
	struct json_span value = request_field(rq, "label");
	struct json_text text;

	if (!value.s)
		return true;
	if (!request_text(rq, value, &text))
		return err_set(e, ERR_FIELD, "The field 'label' must be a string.", "label");
	call->say.say.label = request_label(rq, text.s, text.len, &call->say.say.label_len);
	return true;
}

bool
api_sync(struct request *rq, struct err *e)
{
	struct sync_call *call = arena_calloc(&rq->arena, 1, sizeof(*call));
	struct json_span progress = request_field(rq, "progress");

	rq->state = call;
	request_init_op(rq, &call->done, OP_COMPLETE, answer_items);
	request_init_op(rq, &call->back, OP_RETURN, answer_items);
	request_init_op(rq, &call->claim, OP_CLAIM, answer_claim);
	request_init_op(rq, &call->touch, OP_TOUCH, answer_touch);
	request_init_op(rq, &call->say, OP_SAY, answer_say);
	request_init_op(rq, &call->count, OP_COUNT, answer_count);
	if (progress.s && !read_progress(rq, progress, &call->progress))
		return err_set(e, ERR_FIELD, "The field 'progress' must be a string.", "progress");
	if (!read_has(rq, call, e) || !read_label(rq, call, e) || !req_token(rq, &call->token, e) ||
	    !read_lists(rq, call, e) || !read_wants(rq, &call->claim, e))
		return false;
	call->done.token = call->back.token = call->claim.token = call->touch.token =
	    call->say.token = call->token;
	split_lists(rq, call);
	call->touch.generation = shared_generation(rq->tracker->shared, &call->token);
	rq->tracker->newer_call(rq->tracker, &call->token);
	start(rq, call);
	return true;
}
