/*
 * talk -- what the protocols have in common: what an answer means, how it is read, how one registers.
 *
 * What answers may be anything, so an answer is looked at where it stands (base/scan): it costs no
 * memory but its own, whatever its shape, and members of a wrong type are as if they were not there.
 * Nothing is decided here but what an answer means.
 *
 * Ownership	texts that are read lie in the call's answer, which is changed by it.
 */
#ifndef WORKER_TALK_H
#define WORKER_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scan.h"
#include "worker/http.h"
#include "worker/worker.h"

enum meaning {
	MEANS_ANSWER,     /* 200 */
	MEANS_UNKNOWN,    /* the tracker does not know this token */
	MEANS_NO_CALL,    /* it has no such call */
	MEANS_REFUSED,    /* it has understood, and does not take this */
	MEANS_AWAY,       /* no answer, or a passing trouble */
	MEANS_DISTRUSTED, /* no answer, since we do not trust who is there */
	MEANS_STRANGE     /* no tracker speaks so */
};

enum meaning talk_meaning(const struct http_call *c);
/* v1's word of consent; a page that somebody else answers with is none. */
bool talk_is_ok(const struct http_call *c);
/* Why there is no answer of use, in words: the error, or the status and the answer's first line. */
char *talk_why(const struct http_call *c, char *out, size_t size);
/* For MEANS_AWAY, _DISTRUSTED and _STRANGE: the calls wait, or the worker has a trouble. */
void talk_take_away(struct worker *w, struct http_call *c, enum meaning meaning);

/* Begins a call's body: {"token":"..."; the object is left open. */
void talk_open_body(struct http_call *c, const struct identity *who);

/* Notes where an answer's members are; false: it is no JSON object. */
bool talk_read(struct http_call *c, struct scan_field *fields, size_t n);
/* Any text, decoded in place. */
bool talk_decode(struct http_call *c, struct json_span value, struct json_text *out);
/* A text of 1 to `most` bytes without control characters, decoded in place. */
bool talk_text(struct http_call *c, struct json_span value, size_t most, struct json_text *out);
/* Data: a text, decoded, or JSON as it is (what is none is named a text, with its bytes as they are). */
void talk_take_data(struct http_call *c, struct json_span value, struct item *i);

/* For the path of GET /api/new. slots: of this identity; who says them is told in words why it has to wait. */
void talk_put_new_path(const struct worker *w, int slots, struct buf *path);
/* Reads the answer to GET /api/new; NULL when there is no identity to be had now. */
struct identity *talk_take_welcome(struct worker *w, struct http_call *c);
/*
 * The tracker has forgotten who we are. `useful`: it has been of use to this identity; when it has not,
 * registering again waits.
 */
void talk_lose_identity(struct worker *w, struct identity *who, bool useful);

#endif
