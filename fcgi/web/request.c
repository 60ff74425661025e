#include "web/request.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "base/url.h"
#include "web/route.h"

const char said_no_worker[] = "The server could not find this worker. Did the worker time out?";

#define LABEL_CHARS 64
#define GIVE_UP_US (50 * INT64_C(1000000)) /* v1, while PostgreSQL is away; its client asks again */
#define GIVE_UP_SOON_US INT64_C(1000000)   /* who understands a 503 hears it */

static enum method
method_of(const char *name)
{
	if (!name)
		return 0;
	if (strcmp(name, "GET") == 0)
		return GET;
	if (strcmp(name, "POST") == 0)
		return POST;
	return strcmp(name, "HEAD") == 0 ? HEAD : 0;
}

struct request *
request_new(struct tracker *t, struct fcgx *fcgx)
{
	struct request *rq = malloc(sizeof(*rq));
	const char *uri = fcgx_param(fcgx, "REQUEST_URI");

	if (!rq)
		abort();
	memset(rq, 0, offsetof(struct request, room));
	rq->tracker = t;
	rq->fcgx = fcgx;
	rq->arrived_us = clock_us();
	arena_init_room(&rq->arena, rq->room, sizeof(rq->room));
	rq->method = method_of(fcgx_param(fcgx, "REQUEST_METHOD"));
	if (!uri)
		uri = "/";
	rq->path = arena_dup(&rq->arena, uri, strcspn(uri, "?"));
	uri += strcspn(uri, "?");
	rq->query = *uri == '?' ? uri + 1 : "";
	stat_add(STAT_REQUESTS, 1);
	stat_add(STAT_IN_FLIGHT, 1);
	atomic_fetch_add(&t->in_flight, 1);
	return rq;
}

void
request_free(struct request *rq)
{
	stat_add(STAT_IN_FLIGHT, -1);
	stat_latency(clock_us() - rq->arrived_us);
	request_free_body(rq);
	arena_fini(&rq->arena);
	fcgx_done(rq->fcgx);
	atomic_fetch_sub(&rq->tracker->in_flight, 1);
	free(rq);
}

const char *
request_id(struct request *rq)
{
	if (!*rq->id)
		random_id(rq->id);
	return rq->id;
}

const char *
request_param(struct request *rq, const char *name)
{
	const char *value = fcgx_param(rq->fcgx, name);

	return value ? value : "";
}

/* Small ones live in the arena, where they cost nothing. */
#define BODY_IN_ARENA 1024

/* *len: as much as was promised; afterwards what there is. NULL: no memory. */
static char *
read_body(struct request *rq, size_t *len)
{
	size_t gathered;
	char *body = fcgx_take_body(rq->fcgx, &gathered);

	rq->body_is_ours = body || *len >= BODY_IN_ARENA;
	if (body) {
		*len = gathered < *len ? gathered : *len;
		return body;
	}
	body = rq->body_is_ours ? malloc(*len + 1) : arena_alloc(&rq->arena, *len + 1);
	if (body)
		*len = fcgx_read(rq->fcgx, body, *len);
	return body;
}

bool
request_read_body(struct request *rq, struct err *e)
{
	const char *length = request_param(rq, "CONTENT_LENGTH");
	int64_t limit =
		    (int64_t)route_body_most(rq->route, (size_t)rq->tracker->settings->body_limit),
		len = 0;

	if (*length != '\0' && !text_to_int(length, strlen(length), 0, INT64_MAX, &len))
		return err_set(e, ERR_FIELD, "Content-Length is not a number.", "content length");
	if (len > limit)
		return err_set(e, ERR_TOO_LARGE,
		    arena_printf(
			&rq->arena, "The body is over the limit of %lld bytes.", (long long)limit),
		    "%lld bytes", (long long)len);
	rq->body_len = (size_t)len;
	rq->body = read_body(rq, &rq->body_len);
	if (!rq->body)
		return err_set(e, ERR_BUSY, NULL, "no memory for a body of %lld", (long long)len);
	rq->body[rq->body_len] = '\0';
	if (rq->body_len < (size_t)len)
		return err_set(
		    e, ERR_FIELD, "The body is shorter than its Content-Length.", "body cut short");
	return true;
}

bool
request_is_by_https(struct request *rq)
{
	return strcasecmp(request_param(rq, "HTTPS"), "on") == 0 ||
	    strcasecmp(request_param(rq, "HTTP_X_FORWARDED_PROTO"), "https") == 0;
}

const char *
request_form(struct request *rq, const char *name, size_t *len)
{
	struct err ignored = ERR_INIT;
	const char *text = NULL;

	if (!url_query(&rq->arena, rq->body, name, &text, len, &ignored) || !text) {
		*len = 0;
		return "";
	}
	return text;
}

const char *
request_cell(struct request *rq, const struct pg_rows *rows, int row, int column)
{
	size_t len;
	const char *text = pg_text(rows, row, column, &len);

	return pg_is_null(rows, row, column) ? "" : arena_dup(&rq->arena, text, len);
}

void
request_free_body(struct request *rq)
{
	if (rq->body_is_ours) {
		free(rq->body);
		fcgx_body_is_free(rq->fcgx);
	}
	rq->body_is_ours = false;
	rq->body = NULL;
	rq->body_len = 0;
	memset(rq->field, 0, sizeof(rq->field));
}

/* What else a body holds is passed over. One bad item of a list shall not spoil the others. */
static const struct scan_field fields[] = {{.name = "token"}, {.name = "data"},
    {.name = "progress"}, {.name = "number"}, {.name = "wait"}, {.name = "want"}, {.name = "slots"},
    {.name = "has"}, {.name = "label"}, {.name = "holding"}, {.name = "done", .lenient = true},
    {.name = "failed", .lenient = true}, {.name = "flagged", .lenient = true},
    {.name = "released", .lenient = true}};

_Static_assert(sizeof(fields) / sizeof(*fields) == REQUEST_FIELDS, "request.h counts them");

bool
request_scan_json(struct request *rq, struct err *e)
{
	memcpy(rq->field, fields, sizeof(fields));
	return scan_fields(rq->body, rq->body_len, rq->field, REQUEST_FIELDS, e);
}

bool
request_check_form(struct request *rq, struct err *e)
{
	if (memchr(rq->body, 0, rq->body_len))
		return err_set(e, ERR_FIELD, "The form has a NUL character.", "a NUL in a form");
	return true;
}

static const struct scan_field *
find_field(const struct request *rq, const char *name)
{
	for (size_t i = 0; i < REQUEST_FIELDS; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &rq->field[i];
	abort(); /* one that is not in the list would never be found */
}

struct json_span
request_field(struct request *rq, const char *name)
{
	return find_field(rq, name)->value;
}

bool
request_field_is_doubtful(struct request *rq, const char *name)
{
	return find_field(rq, name)->doubtful;
}

bool
request_text(struct request *rq, struct json_span value, struct json_text *out)
{
	return value.s && scan_as_text(value, rq->body + (value.s - rq->body), out);
}

const char *
request_label(struct request *rq, const char *said, size_t len, size_t *label_len)
{
	char *label = arena_dup(&rq->arena, said, len);

	*label_len = text_cut(label, text_clean(label, len, false), LABEL_CHARS);
	return label;
}

/* Told apart from every other call of the database: a random start for the process, then counted. */
static int64_t
call_id(void)
{
	static atomic_uint_fast64_t next;
	uint_fast64_t none = 0, start;

	if (atomic_load(&next) == 0) {
		random_bytes(&start, sizeof(start));
		atomic_compare_exchange_strong(&next, &none, start | 1);
	}
	return (int64_t)atomic_fetch_add(&next, 1);
}

void
request_init_op(struct request *rq, struct op *op, enum op_kind kind, void (*answer)(struct op *op))
{
	op->kind = kind;
	op->arrived_us = rq->arrived_us;
	op->give_up_us =
	    rq->arrived_us + (rq->route->away == AWAY_CUT ? GIVE_UP_US : GIVE_UP_SOON_US);
	op->answer = answer;
	op->owner = rq;
	op->arena = &rq->arena;
	if (kind == OP_CLAIM) {
		op->claim.fd = fcgx_fd(rq->fcgx);
		op->claim.call = call_id();
	}
}

uint32_t
request_from(struct request *rq)
{
	return address_network(request_param(rq, "REMOTE_ADDR"));
}

struct op *
request_op(struct request *rq, enum op_kind kind, void (*answer)(struct op *op))
{
	struct op *op = arena_calloc(&rq->arena, 1, sizeof(*op));

	request_init_op(rq, op, kind, answer);
	return op;
}

bool
req_text(struct request *rq, const char *field, struct json_text *out, struct err *e)
{
	struct json_span value = request_field(rq, field);

	if (!value.s)
		return err_set(e, ERR_FIELD,
		    arena_printf(&rq->arena, "The field '%s' is missing.", field), "field missing");
	if (!request_text(rq, value, out))
		return err_set(e, ERR_FIELD,
		    arena_printf(&rq->arena, "The field '%s' must be a string.", field),
		    "field of the wrong type");
	return true;
}

bool
req_token(struct request *rq, struct uuid *hash, struct err *e)
{
	struct json_text token;
	struct uuid uuid;

	if (!req_text(rq, "token", &token, e))
		return false;
	if (!uuid_parse(&uuid, token.s, token.len))
		return err_set(e, ERR_MISSING, said_no_worker, "token is no UUID");
	*hash = hash_128(uuid.b, sizeof(uuid.b));
	return true;
}

bool
req_query(struct request *rq, const char *name, const char **out, size_t *len, struct err *e)
{
	if (!url_query(&rq->arena, rq->query, name, out, len, e)) {
		e->kind = ERR_FIELD;
		e->said = arena_printf(&rq->arena, "The parameter '%s' is not valid.", name);
		return false;
	}
	if (!*out)
		return err_set(e, ERR_FIELD,
		    arena_printf(&rq->arena, "The parameter '%s' is missing.", name),
		    "parameter missing");
	return true;
}

bool
req_stage(struct request *rq, int *stage, struct err *e)
{
	const char *letter;
	size_t len;

	if (!req_query(rq, "stage", &letter, &len, e))
		return false;
	*stage = len == 1 ? stage_number(*letter) : 0;
	if (*stage == 0) {
		char *shown = arena_dup(&rq->arena, letter, len);

		shown[text_clean(shown, len, false)] = '\0';
		return err_set(e, ERR_INPUT,
		    arena_printf(&rq->arena,
			"Invalid worker stage: '%s'. Choose from 'a'/'b'/'c'/'d'/'e'.", shown),
		    "no such stage");
	}
	return true;
}
