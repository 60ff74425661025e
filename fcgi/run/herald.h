/*
 * herald -- what this process tells the others, and hears of them, through Redis.
 *
 * Out: beats (last seen, progress), coalesced; "work appeared", coalesced within a few milliseconds;
 * "worker changed". In: the same from other processes and hosts, from the loader and from admin.
 * With Redis away, or refusing, beats wait for it and news is lost, and health says so: the slow poll of
 * parked calls and worker.seen in PostgreSQL stand behind them. When nothing was written for a second a write
 * of the herald's own finds out how Redis is.
 *
 *	channel tracker:ID:wake		domain/news.h
 *	hash    tracker:ID:probed	seen: by whom it was written last on its own account, expires
 *	hash    tracker:ID:w:WORKER	seen, progress, progress_at (UTC ms), expires
 *
 * Threads	two of its own: one writes, one listens. herald_* from any.
 */
#ifndef RUN_HERALD_H
#define RUN_HERALD_H

#include "domain/tracker.h"

struct herald;

struct herald *herald_start(struct tracker *t);
void herald_stop(struct herald *h);
void herald_join(struct herald *h);

/* For struct tracker's faces: wakes parked calls here at once, and tells the others. */
void herald_work_appeared(struct tracker *t, int stage, int64_t count);
void herald_worker_changed(struct tracker *t, const struct uuid *token);

#endif
