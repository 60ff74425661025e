/*
 * reply -- the answer to a request, in one buffer and one write.
 *
 * Every reply_* ends the request: it writes, and frees it. reply_keep writes only, for who must know
 * whether it went out before the request is gone.
 *
 * Threads	the request's.
 * Errors	reply_error alone turns an error's kind into a status.
 */
#ifndef WEB_REPLY_H
#define WEB_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "web/request.h"

struct reply {
	int status;
	const char *type; /* content type; NULL = text/plain; charset=utf-8 */
	const char *body;
	size_t len;
	const struct buf *out; /* instead of body and len; one that failed is not sent */
	const char *cache;     /* Cache-Control; NULL = no-store */
	const char *etag;      /* with its quotes; NULL = none */
	const char *encoding;  /* Content-Encoding; NULL = as it is */
	const char *vary;      /* request headers that choose among answers; NULL = none */
	const char *allow;     /* of a 405 */
	int retry_after_s;     /* 0 = none */
	const char *location;  /* of a 303 */
	const char *cookie;    /* Set-Cookie; NULL = none */
	const char *file;      /* to be kept under this name, not shown; NULL = to be shown */
};

/* Writes the answer; the request stays the caller's. False: the other end is gone. */
bool reply_keep(struct request *rq, const struct reply *reply);

void reply_send(struct request *rq, const struct reply *reply);
void reply_text(struct request *rq, int status, const char *text);
/* Closes the connection without an answer: the published client asks again, and dies of any other word. */
void reply_cut(struct request *rq);
/* By the route's manners: v1 closes the connection instead of a 5xx, which its client would die of. */
void reply_error(struct request *rq, const struct err *e);
/* The same, with a Cache-Control; NULL = no-store. */
void reply_error_kept(struct request *rq, const struct err *e, const char *cache);
/* Would reply_error say to try again later (503)? Then it is nothing about what was asked for. */
bool reply_is_later(const struct err *e);

#endif
