/*
 * request -- one HTTP request on its way through the house.
 *
 * It owns its FastCGI request, its arena and its answer. No thread waits with it: its ops carry it
 * from the acceptor to a committer, and whoever has the answer writes it and frees the request.
 *
 * Threads	one at a time.
 * Ownership	request_new/_free; everything found in it lives in its arena or its body.
 * Errors	req_*: ERR_FIELD naming the field, ERR_MISSING for a token that is none.
 * Units	*_us: monotonic microseconds.
 */
#ifndef WEB_REQUEST_H
#define WEB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/random.h"
#include "base/scan.h"
#include "domain/op.h"
#include "domain/tracker.h"
#include "store/pg.h"
#include "web/fcgx.h"

enum method { GET = 1, POST = 2, HEAD = 4 };

struct route;

#define REQUEST_FIELDS 14 /* that some call has: request.c names them */

/* What a v1 call takes of its arena without its data: 0.6 to 1.0 KB (measured), so that it needs no block. */
#define REQUEST_ROOM 1280

struct request {
	struct tracker *tracker;
	struct fcgx *fcgx;
	struct arena arena;
	enum method method;
	const char *path;  /* as sent, still percent-encoded, without the query */
	const char *query; /* raw, never NULL */
	char *body; /* ends in NUL; NULL before request_read_body and after request_free_body */
	size_t body_len;
	bool body_is_ours; /* not in the arena */
	struct scan_field field[REQUEST_FIELDS];
	const char *path_part[3]; /* decoded parts after the route's prefix; NULL = absent */
	int64_t arrived_us;
	char id[RANDOM_ID]; /* "" until it is asked for: request_id */
	const struct route *route;
	void *state;                                   /* a handler's own, in the arena */
	_Alignas(max_align_t) char room[REQUEST_ROOM]; /* the arena's first; not cleared */
};

struct request *request_new(struct tracker *t, struct fcgx *fcgx);
void request_free(struct request *rq);
/* By this it is found in logs, and its answer tells it: random, so that it tells nobody how much goes on. */
const char *request_id(struct request *rq);
/* A request header such as "HTTP_IF_NONE_MATCH"; "" when absent. */
const char *request_param(struct request *rq, const char *name);
/* nginx says it; a balancer before it that took TLS off says so too, and who lies harms nobody else. */
bool request_is_by_https(struct request *rq);
/* A field of a form (WANT_FORM); "" when it was left out, or is nothing that a form of ours sends. */
const char *request_form(struct request *rq, const char *name, size_t *len);
/* A copy of a cell, that outlives its rows; "" for null. */
const char *request_cell(struct request *rq, const struct pg_rows *rows, int row, int column);
bool request_read_body(struct request *rq, struct err *e);
/* Looks at the body, which is to be a JSON object, and notes its fields. */
bool request_scan_json(struct request *rq, struct err *e);
/* A form is read as a C string, of which a NUL would hide the rest. */
bool request_check_form(struct request *rq, struct err *e);
/* Where a field of the body is; absent when it was not sent. */
struct json_span request_field(struct request *rq, const char *name);
/* A value inside of it may be none: scan_fault tells which. */
bool request_field_is_doubtful(struct request *rq, const char *name);
/* Decodes a string where it stands, in the body: each once. False when it is none. */
bool request_text(struct request *rq, struct json_span value, struct json_text *out);
/* What a worker says that it runs, cleaned and cut, in the request's arena. No label is ever refused. */
const char *request_label(struct request *rq, const char *said, size_t len, size_t *label_len);
/* Nothing found in the body is used any more: a call that waits does so without it. */
void request_free_body(struct request *rq);

/* Where it comes from, of an IPv6 address the network: as op.render.from. */
uint32_t request_from(struct request *rq);
/* An op of this request: arena, arrival, give-up time by the route's manners. */
struct op *request_op(struct request *rq, enum op_kind kind, void (*answer)(struct op *op));
void request_init_op(
    struct request *rq, struct op *op, enum op_kind kind, void (*answer)(struct op *op));

/* A token as the tables know it: a hash. ERR_MISSING "could not find this worker" when it is no UUID. */
bool req_token(struct request *rq, struct uuid *hash, struct err *e);
bool req_text(struct request *rq, const char *field, struct json_text *out, struct err *e);
/* A query parameter; ERR_FIELD when missing. */
bool req_query(struct request *rq, const char *name, const char **out, size_t *len, struct err *e);
/* The stage's number from its letter; ERR_INPUT with v1's sentence. */
bool req_stage(struct request *rq, int *stage, struct err *e);

extern const char said_no_worker[];

#endif
