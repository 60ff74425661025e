/* v1: workers who arrive, are heard of and leave. */
#include <inttypes.h>
#include <string.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "base/url.h"
#include "base/words.h"
#include "domain/beats.h"
#include "domain/counts.h"
#include "domain/names.h"
#include "domain/presence.h"
#include "domain/stages.h"
#include "web/authority.h"
#include "web/orphan.h"
#include "web/reply.h"
#include "web/routes.h"

#define SLOTS_MOST 1000000
#define NAME_TRIES 8 /* 655 million names: a clash is rare, eight in a row never */
#define CROWDED_LOOK_US INT64_C(5000000) /* how often it is looked whether there is room */
#define CROWDED_RETRY_S 60

static const char said_crowded[] = "Many workers of your address have brought no result yet. A new "
				   "one is welcome when some of them "
				   "have, or when they are gone; under a name with a key, at once.";

struct newcomer {
	struct uuid token; /* the token itself: it is in the answer, and nowhere else */
	char name[NAME_SIZE];
	char address[ADDRESS_TEXT];
	struct uuid key;     /* its hash */
	struct err nickname; /* why it may be no new name */
	bool speaks;         /* it says more than v1's client knows of, so it understands words */
	int tries;
};

static void
put_member(struct buf *out, const char *key, const char *value)
{
	buf_putc(out, out->len == 0 ? '{' : ',');
	json_put_text(out, key, strlen(key));
	buf_putc(out, ':');
	json_put_text(out, value, strlen(value));
}

/* False: the other end is gone. */
static bool
say_welcome(struct request *rq, const struct newcomer *new, int stage)
{
	const struct settings *settings = rq->tracker->settings;
	char token[UUID_TEXT];
	struct buf out;
	bool sent;

	uuid_text(token, &new->token);
	buf_init(&out, 0);
	put_member(&out, "token", token);
	put_member(&out, "display_name", new->name);
	put_member(&out, "project", settings->project);
	put_member(&out, "stage_name", stages_now(rq->tracker->stages)->name[stage - 1]);
	buf_printf(&out, ",\"idle_timeout\":%" PRId64 "}", settings->idle_timeout_s);
	sent =
	    reply_keep(rq, &(struct reply){.status = 200, .type = "application/json", .out = &out});
	buf_fini(&out);
	return sent;
}

/* Who asked is gone and will ask anew: a worker that nobody knows of would be counted as here for hours. */
static void
take_leave(const struct op *opened)
{
	const struct request *rq = opened->owner;
	struct op *op = orphan_new(rq->tracker, OP_CLOSE);

	if (!op)
		return;
	op->token = opened->token;
	orphan_submit(op);
}

static void
choose_name(struct op *op, struct newcomer *new)
{
	name_random(new->name);
	op->open.name = new->name;
	op->open.name_len = strlen(new->name);
}

/* Under which name we are known; who was asked for by another one would be told that. */
static const char *
own_name(struct request *rq)
{
	const char *name = strstr(rq->tracker->settings->base_url, "://");

	if (!name)
		return request_param(rq, "HTTP_HOST");
	name += strlen("://");
	return arena_dup(&rq->arena, name, strcspn(name, "/"));
}

/* The client shows it to who runs it. A name may be anything, and is cleaned of what hides in it. */
static const char *
say_no_key(struct request *rq, const struct op *op)
{
	const char *as = op->open.before ? op->open.before : op->open.nickname;
	size_t len = op->open.before ? op->open.before_len : op->open.nickname_len;
	char *shown = arena_dup(&rq->arena, as, len);

	if (nickname_is_reserved(&rq->arena, as, len, rq->tracker->settings->reserved))
		return arena_printf(&rq->arena,
		    "A key is needed, and this name belongs to nobody: take a name on "
		    "https://%s/join.",
		    own_name(rq));
	shown[text_clean(shown, len, false)] = '\0';
	return arena_printf(&rq->arena,
	    "A key of the name '%s' is needed, as in https://x:KEY@%s for the address.", shown,
	    own_name(rq));
}

/* To v1 a rule speaks by time alone: it waits, then is cut, and asks again. */
static void
wait_for_room(struct request *rq, struct op *op)
{
	const struct newcomer *new = rq->state;
	int64_t left_us = rq->arrived_us - clock_us() +
	    settings_rule_patience_s(rq->tracker->settings) * INT64_C(1000000);

	if (new->speaks)
		reply_send(rq,
		    &(struct reply){.status = 429,
			.body = said_crowded,
			.len = strlen(said_crowded),
			.retry_after_s = (int)random_jitter(CROWDED_RETRY_S, 40)});
	else if (left_us <= 0 ||
	    !rq->tracker->submit_later(
		rq->tracker, op, left_us < CROWDED_LOOK_US ? left_us : CROWDED_LOOK_US))
		reply_cut(rq);
}

static void
answer_new(struct op *op)
{
	struct request *rq = op->owner;
	struct newcomer *new = rq->state;

	if (op->err.kind == ERR_NONE && op->status == ST_NAME_TAKEN && ++new->tries < NAME_TRIES) {
		choose_name(op, new);
		op_submit(rq->tracker, op);
		return;
	}
	if (op->err.kind == ERR_NONE && op->status == ST_CROWDED) {
		wait_for_room(rq, op);
		return;
	}
	if (op->err.kind == ERR_NONE && op->status == ST_BANNED)
		err_set(&op->err, ERR_REFUSED,
		    arena_printf(&rq->arena, "You are banned: %s", op->open.words), "banned");
	if (op->err.kind == ERR_NONE && op->status == ST_NO_STAGE)
		err_set(&op->err, ERR_INPUT,
		    arena_printf(&rq->arena, "The worker stage '%c' is disabled.",
			stage_letter(op->open.stage)),
		    "stage disabled");
	if (op->err.kind == ERR_NONE && op->status == ST_NO_NAME)
		op->err = new->nickname;
	if (op->err.kind == ERR_NONE && op->status == ST_NO_KEY)
		err_set(&op->err, ERR_KEY, say_no_key(rq, op), "no key");
	if (op->err.kind == ERR_NONE && op->status != ST_OPENED)
		err_set(
		    &op->err, ERR_BUG, NULL, "open_workers said %s", op_status_word(op->status));
	if (op->err.kind != ERR_NONE)
		reply_error(rq, &op->err);
	else {
		if (!say_welcome(rq, new, op->open.stage))
			take_leave(op);
		request_free(rq);
	}
}

/* What runs there, for people: as the worker says, else its User-Agent. No label is ever refused. */
static void
read_label(struct request *rq, struct op *op, struct newcomer *new)
{
	struct err ignored = ERR_INIT;
	const char *said = NULL;
	size_t len = 0;

	if (url_query(&rq->arena, rq->query, "label", &said, &len, &ignored) && said)
		new->speaks = true;
	else {
		said = request_param(rq, "HTTP_USER_AGENT");
		len = strlen(said);
	}
	op->open.label = request_label(rq, said, len, &op->open.label_len);
}

/* As with the label: what is no number says nothing. */
static void
read_slots(struct request *rq, struct op *op, struct newcomer *new)
{
	struct err ignored = ERR_INIT;
	const char *said = NULL;
	size_t len = 0;
	int64_t slots;

	if (!url_query(&rq->arena, rq->query, "slots", &said, &len, &ignored) || !said)
		return;
	new->speaks = true;
	if (text_to_int(said, len, 0, SLOTS_MOST, &slots))
		op->open.slots = (int)slots;
}

/* What it has, for batches that need it. No word is ever refused. */
static const char *
read_has(struct request *rq)
{
	struct err ignored = ERR_INIT;
	const char *said = NULL;
	size_t len = 0;

	if (!url_query(&rq->arena, rq->query, "has", &said, &len, &ignored) || !said)
		return "";
	return words_tidy(&rq->arena, said, len);
}

static void
read_address(struct request *rq, struct op *op, struct newcomer *new)
{
	if (address_text(new->address, request_param(rq, "REMOTE_ADDR")))
		op->open.address = new->address;
}

/*
 * A name that somebody has already may be anything that was allowed once, so what may be no new name is
 * asked for all the same. False: nobody ever had it.
 */
static bool
read_nickname(struct request *rq, struct op *op, struct newcomer *new, struct err *e)
{
	const char *sent;
	size_t len;

	if (!req_query(rq, "nickname", &sent, &len, e))
		return false;
	if (!nickname_tidy(&rq->arena, sent, len, &op->open.nickname, &op->open.nickname_len,
		&new->nickname)) {
		if (!nickname_was_allowed(sent, len)) {
			*e = new->nickname;
			return false;
		}
		op->open.nickname = NULL;
	}
	if (op->open.nickname != sent) {
		op->open.before = sent;
		op->open.before_len = len;
	}
	op->open.look = nickname_look(&rq->arena, sent, len);
	return true;
}

static void
read_key(struct request *rq, struct op *op, struct newcomer *new)
{
	if (authority_key(request_param(rq, "HTTP_AUTHORIZATION"), &new->key))
		op->open.key = &new->key;
}

/* GET /api/new?nickname=N&stage=S[&label=L][&slots=N][&has=WORDS]
 * -> {"token","display_name","project","stage_name","idle_timeout"}; 401 when the name is somebody else's,
 * 403 who is banned, with words; with too many newcomers of its address it waits, then is cut, and hears 429 when it
 * says a label, slots or words. */
bool
api_new(struct request *rq, struct err *e)
{
	struct newcomer *new = arena_calloc(&rq->arena, 1, sizeof(*new));
	struct op *op = request_op(rq, OP_OPEN, answer_new);
	int stage;

	if (!read_nickname(rq, op, new, e) || !req_stage(rq, &stage, e))
		return false;
	rq->state = new;
	new->token = uuid_new();
	op->token = hash_128(new->token.b, sizeof(new->token.b));
	op->generation = shared_generation(rq->tracker->shared, &op->token);
	choose_name(op, new);
	op->open.stage = stage;
	read_label(rq, op, new);
	read_slots(rq, op, new);
	op->open.has = read_has(rq);
	new->speaks = new->speaks || *op->open.has != '\0';
	read_address(rq, op, new);
	read_key(rq, op, new);
	op_submit(rq->tracker, op);
	return true;
}

/* A beat: what a worker says that changes nothing but when it was seen, and its progress. */
struct beat_call {
	struct json_text progress; /* s NULL: none */
	void (*say)(struct request *rq, bool here);
};

static void
take_beat(struct request *rq, const struct worker_id *worker)
{
	const struct beat_call *call = rq->state;

	beats_note(rq->tracker->beats, worker->id, call->progress.s, call->progress.len);
	stat_add(STAT_BEATS, 1);
	call->say(rq, true);
}

static void
answer_beat(struct op *op)
{
	struct request *rq = op->owner;
	const struct beat_call *call = rq->state;

	if (op->err.kind != ERR_NONE)
		reply_error(rq, &op->err);
	else if (op->status == ST_ACCEPTED)
		take_beat(rq, &op->worker);
	else
		call->say(rq, false);
}

/* Who is known here costs no SQL; the rest is asked in the next bundle. */
static void
beat(struct request *rq, const struct uuid *token)
{
	struct worker_id worker;
	struct op *op;

	if (presence_find(rq->tracker->presence, token, &worker)) {
		take_beat(rq, &worker);
		return;
	}
	op = request_op(rq, OP_TOUCH, answer_beat);
	op->token = *token;
	op->generation = shared_generation(rq->tracker->shared, token);
	op_submit(rq->tracker, op);
}

static void
say_true_or_false(struct request *rq, bool here)
{
	reply_text(rq, 200, here ? "True" : "False");
}

/* POST /api/validateWorker {"token"} -> True or False */
bool
api_validate_worker(struct request *rq, struct err *e)
{
	struct beat_call *call = arena_calloc(&rq->arena, 1, sizeof(*call));
	struct uuid token;

	call->say = say_true_or_false;
	rq->state = call;
	if (!req_token(rq, &token, e)) {
		if (e->kind != ERR_MISSING)
			return false;
		say_true_or_false(rq, false);
		return true;
	}
	beat(rq, &token);
	return true;
}

static void
say_ok_or_missing(struct request *rq, bool here)
{
	if (here)
		reply_text(rq, 200, "200 OK");
	else
		reply_text(rq, 404, said_no_worker);
}

/* POST /api/updateProgress {"token","progress"} -> 200 OK; 404 no such worker. */
bool
api_update_progress(struct request *rq, struct err *e)
{
	struct beat_call *call = arena_calloc(&rq->arena, 1, sizeof(*call));
	struct uuid token;

	call->say = say_ok_or_missing;
	rq->state = call;
	if (!req_text(rq, "progress", &call->progress, e) || !req_token(rq, &token, e))
		return false;
	beat(rq, &token);
	return true;
}

static void
answer_bye(struct op *op)
{
	struct request *rq = op->owner;

	if (op->err.kind != ERR_NONE)
		reply_error(rq, &op->err);
	else
		say_ok_or_missing(rq, op->status == ST_CLOSED);
}

/* POST /api/bye {"token"} -> 200 OK; 404 no such worker. */
bool
api_bye(struct request *rq, struct err *e)
{
	struct uuid token;
	struct op *op;

	if (!req_token(rq, &token, e))
		return false;
	op = request_op(rq, OP_CLOSE, answer_bye);
	op->token = token;
	rq->tracker->newer_call(rq->tracker, &token);
	op_submit(rq->tracker, op);
	return true;
}

struct count_call {
	int stage;
	const char *has;
};

static void
say_count(struct request *rq, const struct stage_counts *counts, const struct count_call *call)
{
	int64_t count = counts_available(counts, call->stage, counts_mask(counts, call->has));

	reply_text(rq, 200, arena_printf(&rq->arena, "%lld", (long long)count));
}

static void
answer_job_count(struct op *op)
{
	struct request *rq = op->owner;

	if (op->err.kind != ERR_NONE)
		reply_error(rq, &op->err);
	else
		say_count(rq, op->count, rq->state);
}

/* GET /api/jobCount?stage=S[&has=WORDS] -> how many jobs a worker of S that has this could take now */
bool
api_job_count(struct request *rq, struct err *e)
{
	struct stage_counts *counts = arena_alloc(&rq->arena, sizeof(*counts));
	struct count_call *call = arena_calloc(&rq->arena, 1, sizeof(*call));
	struct op *op;

	if (!req_stage(rq, &call->stage, e))
		return false;
	call->has = read_has(rq);
	if (counts_get(rq->tracker->counts, counts)) {
		say_count(rq, counts, call);
		return true;
	}
	rq->state = call;
	op = request_op(rq, OP_COUNT, answer_job_count);
	op->count = counts;
	op_submit(rq->tracker, op);
	return true;
}
