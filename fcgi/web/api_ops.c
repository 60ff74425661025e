/* For who runs the tracker: is it alive, is it ready, and its numbers for Prometheus. */
#include <string.h>

#include "domain/counts.h"
#include "web/page_cache.h"
#include "web/reply.h"
#include "web/routes.h"

/* GET /healthz: this process answers. */
bool
api_healthz(struct request *rq, struct err *e)
{
	(void)e;
	reply_text(rq, 200, "ok");
	return true;
}

/* An op that runs a function on the reader, where PostgreSQL and Redis are. */
static void
submit_reading(struct request *rq, void (*read)(struct op *op, struct reader *reader),
    void (*answer)(struct op *op))
{
	struct op *op = request_op(rq, OP_RENDER, answer);

	op->render.render = read;
	op->render.page = rq;
	op_submit(rq->tracker, op);
}

static void
ask_both(struct op *op, struct reader *reader)
{
	struct err redis_away = ERR_INIT;
	bool *redis_here = ((struct request *)op->owner)->state;

	(void)pg_ready(reader->pg, &op->err);
	*redis_here = redis_ready(reader->redis, &redis_away);
}

static void
answer_ready(struct op *op)
{
	struct request *rq = op->owner;
	bool redis_here = *(bool *)rq->state;

	if (op->err.kind != ERR_NONE)
		reply_send(rq,
		    &(struct reply){.status = 503,
			.body = "PostgreSQL is away\n",
			.len = 19,
			.retry_after_s = 1});
	else
		/* Without Redis the tracker still works, so it is ready. */
		reply_text(rq, 200, redis_here ? "ready\n" : "ready; Redis is away\n");
}

/* GET /readyz: PostgreSQL answers; says how Redis is. */
bool
api_readyz(struct request *rq, struct err *e)
{
	(void)e;
	rq->state = arena_calloc(&rq->arena, 1, sizeof(bool));
	submit_reading(rq, ask_both, answer_ready);
	return true;
}

static const struct {
	enum counter stat;
	const char *name, *type, *help;
} metrics[] = {
    {STAT_REQUESTS, "tracker_requests_total", "counter", "Requests accepted."},
    {STAT_REPLIES_2XX, "tracker_replies_total{code=\"2xx\"}", "counter", "Answers by status."},
    {STAT_REPLIES_3XX, "tracker_replies_total{code=\"3xx\"}", NULL, NULL},
    {STAT_REPLIES_4XX, "tracker_replies_total{code=\"4xx\"}", NULL, NULL},
    {STAT_REPLIES_5XX, "tracker_replies_total{code=\"5xx\"}", NULL, NULL},
    {STAT_CUT, "tracker_cut_total", "counter", "Connections closed without an answer."},
    {STAT_BEATS, "tracker_beats_total", "counter", "Beats heard."},
    {STAT_CLAIMS, "tracker_claims_total", "counter", "Jobs handed out."},
    {STAT_COMPLETIONS, "tracker_completions_total", "counter", "Results accepted."},
    {STAT_RETURNS, "tracker_returns_total", "counter",
	"Jobs given back: failed, flagged, released."},
    {STAT_OPENED, "tracker_workers_opened_total", "counter", "Workers registered."},
    {STAT_CLOSED, "tracker_workers_closed_total", "counter", "Workers that said bye."},
    {STAT_BUNDLES, "tracker_bundles_total", "counter", "Calls to PostgreSQL with a bundle."},
    {STAT_BUNDLED, "tracker_bundled_ops_total", "counter", "Ops that went in bundles."},
    {STAT_PG_AWAY, "tracker_postgres_away_total", "counter", "Bundles that met no PostgreSQL."},
    {STAT_PG_ERRORS, "tracker_postgres_errors_total", "counter",
	"Bundles that PostgreSQL refused."},
    {STAT_REDIS_AWAY, "tracker_redis_away_total", "counter", "Writes that met no Redis."},
    {STAT_PAGES_RENDERED, "tracker_pages_rendered_total", "counter", "Pages rendered."},
    {STAT_PARKED, "tracker_parked_calls", "gauge", "Calls that wait for work now."},
    {STAT_IN_FLIGHT, "tracker_requests_in_flight", "gauge", "Requests under way now."},
};

static void
put_stats(struct buf *out, const struct shared *shared)
{
	for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++) {
		int name = (int)strcspn(metrics[i].name, "{");

		if (metrics[i].help)
			buf_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", name, metrics[i].name,
			    metrics[i].help, name, metrics[i].name, metrics[i].type);
		buf_printf(out, "%s %lld\n", metrics[i].name,
		    (long long)shared_stat(shared, metrics[i].stat));
	}
}

static void
put_latency(struct buf *out, const struct shared *shared)
{
	int64_t bucket[SHARED_BUCKETS], sum_us, count, below = 0;

	shared_latency(shared, bucket, &sum_us, &count);
	buf_puts(out,
	    "# HELP tracker_request_seconds From accept to the end of the answer; parked time "
	    "too.\n"
	    "# TYPE tracker_request_seconds histogram\n");
	for (int i = 0; i < SHARED_BUCKETS - 1; i++) {
		below += bucket[i];
		buf_printf(out, "tracker_request_seconds_bucket{le=\"%g\"} %lld\n",
		    (double)(INT64_C(250) << i) / 1e6, (long long)below);
	}
	buf_printf(out,
	    "tracker_request_seconds_bucket{le=\"+Inf\"} %lld\ntracker_request_seconds_sum %.6f\n"
	    "tracker_request_seconds_count %lld\n",
	    (long long)count, (double)sum_us / 1e6, (long long)count);
}

static void
put_jobs_line(struct buf *out, int stage, const char *state, int64_t n)
{
	buf_printf(out, "tracker_jobs{stage=\"%c\",state=\"%s\"} %lld\n", stage_letter(stage),
	    state, (long long)n);
}

static void
put_jobs(struct buf *out, const struct stage_counts *counts)
{
	buf_puts(out, "# HELP tracker_jobs Jobs by stage and state.\n# TYPE tracker_jobs gauge\n");
	for (int stage = 1; stage <= STAGES_MAX; stage++) {
		const struct stage_count *c = &counts->stage[stage];

		if (!c->present)
			continue;
		put_jobs_line(out, stage, "ready", c->ready);
		put_jobs_line(out, stage, "retry", c->retry);
		put_jobs_line(out, stage, "leased", c->leased);
		put_jobs_line(out, stage, "done", c->done);
		put_jobs_line(out, stage, "failed", c->failed);
	}
}

static void
answer_metrics(struct op *op)
{
	struct request *rq = op->owner;
	struct buf out;

	buf_init(&out, 0);
	put_stats(&out, rq->tracker->shared);
	put_latency(&out, rq->tracker->shared);
	buf_printf(&out,
	    "# HELP tracker_postgres_up Whether PostgreSQL answered now.\n"
	    "# TYPE tracker_postgres_up gauge\ntracker_postgres_up %d\n",
	    op->err.kind == ERR_NONE);
	if (op->err.kind == ERR_NONE)
		put_jobs(&out, op->count);
	reply_send(rq,
	    &(struct reply){.status = 200,
		.type = "text/plain; version=0.0.4; charset=utf-8",
		.body = out.data,
		.len = out.len});
	buf_fini(&out);
}

/* GET /metrics: the whole pool's numbers, whichever process answers. */
bool
api_metrics(struct request *rq, struct err *e)
{
	struct op *op = request_op(rq, OP_COUNT, answer_metrics);

	(void)e;
	op->count = arena_calloc(&rq->arena, 1, sizeof(*op->count));
	op_submit(rq->tracker, op);
	return true;
}
