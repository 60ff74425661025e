/*
 * visit -- an answer for one visitor alone: made on a reader's thread for this request, kept by no cache.
 *
 * Ownership	visit_answer takes what `out` holds, and ends the request.
 * Errors	a page that is longer than its buffer may become, or that could not be made, is said by reply_error.
 */
#ifndef WEB_VISIT_H
#define WEB_VISIT_H

#include "web/page.h"
#include "web/page_cache.h"
#include "web/reply.h"

/* A page of this request, to be rendered into `out`. */
struct page visit_page(struct request *rq, struct reader *reader, struct buf *out);
/* `reply` but for its body, which is what is in `out`; or the op's error. */
void visit_answer(struct op *op, const struct buf *out, struct reply reply);

#endif
