/*
 * v1 -- the published job API, for trackers without /api/sync: each slot is a worker of its
 * own, with its own token, one call at a time.
 *
 * v1 has no word for a failed attempt: the slot tells the reason as its progress and asks for the
 * next job, whereby it gives the failed one back.
 *
 * Units	v1_tick: monotonic microseconds.
 */
#ifndef WORKER_V1_H
#define WORKER_V1_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/http.h"

struct v1;
struct worker;
struct item;

struct v1 *v1_new(struct worker *w);
void v1_free(struct v1 *v);
/* Sends what is due; returns when to call again. */
int64_t v1_tick(struct v1 *v, int64_t now_us);

/* For late too: the body of completeJob. */
void v1_put_result(struct http_call *c, const struct item *i);

#endif
