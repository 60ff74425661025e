/*
 * sync -- POST /api/sync: all slots of a worker share one token and one waiting call.
 *
 * Two calls at most are under way. One waits at the tracker for work. The other reports: it goes
 * when a slot stands empty, when the oldest result is a second old, when the progress has changed,
 * or after 20 s of silence; it never waits, so that the word on its results comes at once. The tracker ends
 * the waiting call when the reporting one arrives.
 *
 * After a call whose answer was lost the next one lists what is in hand (`holding`): the tracker
 * sends again what it gave and the worker never saw. So does one call every 10 s, for the tracker's
 * `drop`.
 *
 * Units	sync_tick: monotonic microseconds.
 */
#ifndef WORKER_SYNC_H
#define WORKER_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "worker/http.h"

struct sync;
struct worker;
struct identity;

struct sync *sync_new(struct worker *w);
void sync_free(struct sync *s);
/* Sends what is due; returns when to call again. */
int64_t sync_tick(struct sync *s, int64_t now_us);
/* The tracker does not know /api/sync: the caller goes on with worker_v1. */
bool sync_is_unknown(const struct sync *s);
/* It has answered. */
bool sync_works(const struct sync *s);

/*
 * For worker_late too. Writes {"token":...,"done":[...],...} of who's outcomes that nobody tells yet
 * and marks them as told by c; the object is left open, for more members. Returns how many.
 */
int sync_put_outcomes(struct worker *w, const struct identity *who, struct http_call *c, int most);
/* Reads the "results" of an answer to c, and settles the items. False: no answer of /api/sync. */
bool sync_take_results(struct worker *w, struct http_call *c);
/* The items that c carried are to be told again. */
void sync_untell(struct worker *w, const struct http_call *c);
/* The tracker refused the call itself (400, 413, 422): returns how many items to send at most now. */
int sync_shrink(struct worker *w, struct http_call *c, int told);

#endif
