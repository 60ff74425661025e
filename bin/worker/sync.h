/*
 * sync -- POST /api/sync: all slots of a worker share one token and one waiting call.
 *
 * Two calls at most are under way. One waits at the tracker for work. The other reports: it goes
 * when a slot stands empty, when the oldest result is a second old, when the progress has changed,
 * or when the tracker might take silence for absence; it never waits, so that the word on its results
 * comes at once. The tracker ends the waiting call when the reporting one arrives.
 *
 * After a call whose answer was lost the next one lists what is in hand (`holding`): the tracker
 * sends again what it gave and the worker never saw. So does one call every 10 s, for the tracker's
 * `drop`.
 *
 * Whatever a tracker answers, it is left in peace: a call that brought nothing sooner than it was to
 * wait is made again after 1 s, 2 s, ... 60 s, and results that it passes over are told again likewise.
 *
 * Units	sync_tick: monotonic microseconds.
 */
#ifndef WORKER_SYNC_H
#define WORKER_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/worker.h"

struct sync;

struct sync *sync_new(struct worker *w);
void sync_free(struct sync *s);
/* Sends what is due; returns when to call again. */
int64_t sync_tick(struct sync *s, int64_t now_us);
/* The tracker does not know /api/sync: the caller goes on with v1. */
bool sync_is_unknown(const struct sync *s);
/* It has answered. */
bool sync_works(const struct sync *s);

#endif
