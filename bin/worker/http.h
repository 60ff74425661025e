/*
 * http -- calls to the tracker, several under way at once, on one thread.
 *
 * Over TLS both calls of a worker (the one that waits and the one that reports) share one
 * connection by HTTP/2; without it the second opens a second connection, and both are kept.
 *
 * What answers may be anything. An answer ends at the call's limit, its headers at 256 KiB, and a call
 * at its time. A tracker that has moved is followed, method and body unchanged, but only to the same
 * path of the same host, and never from https to http: a token goes nowhere else. A key goes over https only,
 * or to this machine.
 *
 * Ownership	a call is the caller's; it must stay where it is until `ended` was called or http_cancel.
 *		Its answer is gone when `ended` returns.
 * Units	timeout_ms from start to end, the tracker's waiting included, plus what a long body takes
 *		at 16 KB a second; retry_after_s seconds, never negative.
 * Errors	a call that got no answer ends with status 0 and a sentence in `error`; so does one that
 *		was sent elsewhere, with status 3xx. A POST is never sent twice behind the caller's back.
 * Source	libcurl's multi interface (the only file that includes curl). It heeds https_proxy.
 */
#ifndef WORKER_HTTP_H
#define WORKER_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define HTTP_SMALL ((size_t)64 << 10) /* more than any answer that is no job */

struct http;

struct http_options {
	const char *url;    /* of the tracker, no slash at the end */
	const char *cacert; /* PEM file; NULL = the system's */
	bool insecure;      /* take any certificate */
	const char *key;    /* of the nickname; NULL = none */
	size_t most;        /* bytes of all answers under way together */
};

struct http_call {
	struct buf body; /* filled by the caller before http_start; empty = GET */
	struct buf answer;
	void (*ended)(struct http_call *c);
	void *owner;
	long status;           /* 0 = no answer */
	int64_t retry_after_s; /* 0 = not said */
	bool distrusted;       /* no answer, because the certificate was not to be trusted */
	bool cut;              /* the connection was closed instead of an answer */
	int64_t took_ms;
	char error[256];
	bool busy;

	/* http.c's own */
	struct http *http;
	char *path;
	int64_t timeout_ms;
	size_t sent, head; /* bytes of the body; of the headers */
	int hops;
	bool keyed; /* it carries the key, where that is safe */
	void *easy;
};

struct http *http_open(const struct http_options *o, struct err *e);
void http_close(struct http *h);
/* Where the tracker is now. */
const char *http_url(const struct http *h);

/* most: bytes of the longest answer that is taken. */
void http_call_init(
    struct http_call *c, size_t most, void (*ended)(struct http_call *), void *owner);
void http_call_fini(struct http *h, struct http_call *c);
/* Path with query: "/api/sync". POST when the body has bytes. The call must not be busy. */
void http_start(struct http *h, struct http_call *c, const char *path, int64_t timeout_ms);
/* The same, with the key where there is one. */
void http_start_keyed(struct http *h, struct http_call *c, const char *path, int64_t timeout_ms);
/* Hangs up; `ended` is not called. */
void http_cancel(struct http *h, struct http_call *c);
/* Waits for the calls, for fd to be readable, or for the time to pass; then moves the calls on. */
void http_wait(struct http *h, int fd, int64_t timeout_ms);

#endif
