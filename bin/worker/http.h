/*
 * http -- calls to the tracker, several under way at once, on one thread.
 *
 * Over TLS both calls of a worker (the one that waits and the one that reports) share one
 * connection by HTTP/2; without it the second opens a second connection, and both are kept.
 *
 * Ownership	a call is the caller's; it must stay where it is until `ended` was called or http_cancel.
 *		Its body and answer are the call's until http_call_fini or its next http_start.
 * Units	timeout_ms from start to end, the tracker's waiting included; retry_after_s seconds.
 * Errors	a call that got no answer ends with status 0 and a sentence in `error`; a POST is never
 *		sent twice behind the caller's back.
 * Source	libcurl's multi interface (the only file that includes curl).
 */
#ifndef WORKER_HTTP_H
#define WORKER_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct http;

struct http_options {
	const char *url;    /* of the tracker, no slash at the end */
	const char *cacert; /* PEM file; NULL = the system's */
	bool insecure;      /* take any certificate */
	bool verbose;
};

struct http_call {
	struct buf body; /* filled by the caller before http_start; empty = GET */
	struct buf answer;
	void (*ended)(struct http_call *c);
	void *owner;
	long status;           /* 0 = no answer */
	int64_t retry_after_s; /* 0 = not said */
	bool distrusted;       /* no answer, because the certificate was not to be trusted */
	char error[256];
	size_t sent; /* bytes of the body */
	bool busy;
	void *easy;
};

struct http *http_open(const struct http_options *o, struct err *e);
void http_close(struct http *h);

void http_call_init(struct http_call *c, void (*ended)(struct http_call *), void *owner);
void http_call_fini(struct http *h, struct http_call *c);
/* Path with query: "/api/sync". POST when the body has bytes. The call must not be busy. */
void http_start(struct http *h, struct http_call *c, const char *path, int64_t timeout_ms);
/* Hangs up; `ended` is not called. */
void http_cancel(struct http *h, struct http_call *c);
/* Waits for the calls, for fd to be readable, or for the time to pass; then moves the calls on. */
void http_wait(struct http *h, int fd, int64_t timeout_ms);

#endif
