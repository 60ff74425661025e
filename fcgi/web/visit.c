#include "web/visit.h"

#include "domain/stages.h"

struct page
visit_page(struct request *rq, struct reader *reader, struct buf *out)
{
	return (struct page){.settings = rq->tracker->settings,
	    .stages = stages_now(rq->tracker->stages),
	    .redis_prefix = rq->tracker->redis_prefix,
	    .pg = reader->pg,
	    .shared = rq->tracker->shared,
	    .redis = reader->redis,
	    .arena = &rq->arena,
	    .query = rq->query,
	    .content_type = "text/html; charset=utf-8",
	    .out = out};
}

void
visit_answer(struct op *op, const struct buf *made, struct reply reply)
{
	struct request *rq = op->owner;
	struct buf out = *made; /* the request, and `made` with it, is gone before its text is */

	if (op->err.kind == ERR_NONE && out.failed)
		err_set(&op->err, ERR_BUG, NULL, "an answer that is too long");
	reply.out = &out;
	if (op->err.kind != ERR_NONE)
		reply_error(rq, &op->err);
	else
		reply_send(rq, &reply);
	buf_fini(&out);
}
