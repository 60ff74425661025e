/*
 * report -- outcomes in the words of /api/sync: written into a call, and what is said to them read.
 *
 * Who tells: sync, of the worker as it is now, and late, of what it was before. An item that a call
 * carries is told_by it until its answer, and goes into no other.
 */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/scan.h"
#include "worker/http.h"
#include "worker/item.h"
#include "worker/worker.h"

/* An outcome of `who` that nobody tells yet, and that has a lease to tell it by. */
bool report_is_due(const struct item *i, const struct identity *who);
/*
 * Writes {"token":...,"done":[...],...} of who's outcomes, `most` at most, and marks them as told by c;
 * the object is left open, for more members. Returns how many.
 */
int report_put(struct worker *w, const struct identity *who, struct http_call *c, int most);
/*
 * Reads "results", and settles the items that c carried. What the tracker was silent about is to be
 * told again. Returns how many were settled.
 */
int report_take_results(struct worker *w, struct http_call *c, struct json_span results);
/* The items that c carried are to be told again. */
void report_untell(struct worker *w, const struct http_call *c);
/* The tracker refused the call itself: returns how many items to send at most now. */
int report_shrink(struct worker *w, struct http_call *c, int told);

#endif
