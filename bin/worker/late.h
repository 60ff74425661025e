/*
 * late -- delivers results under the tokens that their jobs were given to, when that is not
 * who the worker is now: results that an earlier run left in the spool, and those of a worker that
 * was timed out and registered again. The tracker takes them while nobody else has had the job.
 *
 * One call at a time; says bye for a token with which it was heard, once nothing more is due by it.
 *
 * Units	late_tick: monotonic microseconds.
 */
#ifndef WORKER_LATE_H
#define WORKER_LATE_H

#include <stdbool.h>
#include <stdint.h>

struct late;
struct worker;

struct late *late_new(struct worker *w);
void late_free(struct late *l);
/* Sends what is due; returns when to call again. by_sync: the tracker is known to have /api/sync. */
int64_t late_tick(struct late *l, bool by_sync, int64_t now_us);
/* Nothing of an earlier token is undelivered. */
bool late_is_idle(const struct late *l);

#endif
