/* For who runs the tracker: is it alive, is it ready, and its numbers for Prometheus. */
#include <config.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "domain/counts.h"
#include "domain/health.h"
#include "store/pg_array.h"
#include "web/page_cache.h"
#include "web/reply.h"
#include "web/routes.h"

#define PROBE_US INT64_C(1000000)
#define PROBE_PATIENCE_MS 2000
#define STUCK_US INT64_C(10000000)

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

/* What was found out about the parts of the pool, and by asking PostgreSQL. */
struct findings {
	struct health part[PARTS];
	double
	    keeper_s; /* how long ago a keeper, here or elsewhere, was at work; < 0 = not known */
	struct stage_counts counts;
	bool has_counts;
	int64_t failing[STAGES_MAX + 1], failing_workers[STAGES_MAX + 1]; /* in five minutes */
	int64_t batches_open, batches_paused;
	int64_t here[STAGES_MAX + 1], working[STAGES_MAX + 1]; /* workers */
	double oldest_s[STAGES_MAX + 1]; /* of what is in hand; 0 = nothing is */
	const struct standby *standbys;
	int standbys_n;
};

struct standby {
	const char *name;
	int64_t bytes; /* that it has not applied */
	double seconds;
};

static void
read_parts(const struct shared *shared, struct findings *f)
{
	for (int part = 0; part < PARTS; part++)
		health_read(shared, (enum health_part)part, &f->part[part]);
}

/* When a desk last wrote; the latest of all. */
static int64_t
last_write_us(const struct findings *f)
{
	int64_t last_us = f->part[PART_PROBE].good_us;

	for (int part = PART_CLAIM; part <= PART_WORKERS; part++)
		if (f->part[part].good_us > last_us)
			last_us = f->part[part].good_us;
	return last_us;
}

/*
 * An idle desk tries itself every few seconds, so this one is busy, with a bundle that PostgreSQL neither takes nor
 * refuses: a table is locked, say.
 */
static bool
stores_nothing(const struct findings *f, int64_t now)
{
	int64_t good_us = f->part[PART_COMPLETE].good_us;

	return good_us != 0 && now - good_us > STUCK_US;
}

/*
 * Nobody has written for a second: a write of our own. Who asks more often is told of the last one. That it
 * fails is this reader's finding, not the pool's: nobody else would take it back.
 */
static void
probe(struct reader *reader, struct findings *f)
{
	struct health *own = &reader->probe;
	struct err e = ERR_INIT;
	int64_t now = clock_us();
	bool stuck = stores_nothing(f, now);
	struct pg_scalar room;
	struct pg_param bytes = pg_int4_param(&room, stuck ? 32 : 0);

	if ((stuck || now - last_write_us(f) >= PROBE_US) && now - reader->probed_us >= PROBE_US) {
		bool good =
		    pg_call(reader->pg, "select tracker.probe_write($1)", &bytes, 1, NULL, &e);

		reader->probed_us = now;
		own->ill_us = good ? 0 : own->ill_us != 0 ? own->ill_us : now;
		memcpy(own->why, e.sqlstate, sizeof(e.sqlstate));
		if (good)
			health_good(reader->tracker->shared, PART_PROBE);
	}
	read_parts(reader->tracker->shared, f);
	if (own->ill_us != 0 && (stuck || own->ill_us > last_write_us(f)))
		f->part[PART_PROBE] = *own;
}

static void
read_keeper(struct reader *reader, struct findings *f)
{
	struct pg_rows *rows = NULL;
	struct err ignored = ERR_INIT;

	f->keeper_s = -1;
	if (pg_call(reader->pg,
		"select extract(epoch from clock_timestamp() - h.at)::float8 from tracker.hearing "
		"h",
		NULL, 0, &rows, &ignored) &&
	    pg_rows_count(rows) == 1)
		f->keeper_s = pg_double(rows, 0, 0);
	pg_rows_free(rows);
}

static void
find_out(struct op *op, struct reader *reader)
{
	struct findings *f = ((struct request *)op->owner)->state;

	/* Who asks for health has little patience, and a server that says nothing is not well. */
	pg_set_patience(reader->pg, PROBE_PATIENCE_MS);
	read_parts(reader->tracker->shared, f);
	probe(reader, f);
	read_keeper(reader, f);
	pg_set_patience(reader->pg, READER_PATIENCE_MS);
}

/* Of these parts the one that is ill for longest; NULL = all are well. */
static const struct health *
worst_of(const struct findings *f, enum health_part first, enum health_part last)
{
	const struct health *worst = NULL;

	for (unsigned part = first; part <= last; part++) {
		const struct health *h = &f->part[part];

		if (h->ill_us != 0 && (!worst || h->ill_us < worst->ill_us))
			worst = h;
	}
	return worst;
}

/* The part that keeps the tracker from its work; NULL = it does it. */
static const struct health *
worst(const struct findings *f)
{
	return worst_of(f, PART_CLAIM, PART_PROBE);
}

static const struct health *
worst_of_redis(const struct findings *f)
{
	return worst_of(f, PART_REDIS, PARTS - 1);
}

static double
seconds_since(int64_t us)
{
	return (double)(clock_us() - us) / 1e6;
}

/* Who does without Redis hears nothing of it. */
static bool
is_used(const struct request *rq, enum health_part part)
{
	return !health_is_of_redis(part) || *rq->tracker->settings->redis;
}

static void
put_since(struct buf *out, const struct health *h)
{
	buf_printf(out, " for %.1f s", seconds_since(h->ill_us));
	if (*h->why)
		buf_printf(out, " (%s)", h->why);
}

static void
put_verdict(struct buf *out, const struct request *rq, const struct findings *f)
{
	const struct health *ill = worst(f);

	if (ill) {
		/* A connection that is lost has no code of the server's. */
		buf_puts(out, *ill->why ? "PostgreSQL refuses" : "PostgreSQL is away");
		put_since(out, ill);
	} else if (is_used(rq, PART_REDIS) && worst_of_redis(f)) {
		/* Without Redis the tracker still works, so it is ready. */
		buf_puts(out, "ready; Redis is away");
		put_since(out, worst_of_redis(f));
	} else
		buf_puts(out, "ready");
	buf_putc(out, '\n');
}

static void
put_part(struct buf *out, enum health_part part, const struct health *h)
{
	buf_printf(out, "%s: ", health_part_name(part));
	if (h->ill_us != 0) {
		buf_puts(out, "ill");
		put_since(out, h);
	} else if (h->good_us != 0)
		buf_printf(out, "well %.1f s ago", seconds_since(h->good_us));
	else
		buf_puts(out, "not asked yet");
	buf_putc(out, '\n');
}

static void
answer_ready(struct op *op)
{
	struct request *rq = op->owner;
	const struct findings *f = rq->state;
	bool good = !worst(f);
	struct buf out;

	buf_init(&out, 0);
	put_verdict(&out, rq, f);
	for (int part = 0; part < PARTS; part++)
		if (is_used(rq, (enum health_part)part))
			put_part(&out, (enum health_part)part, &f->part[part]);
	if (f->keeper_s >= 0)
		buf_printf(&out, "kept: %.1f s ago\n", f->keeper_s);
	reply_send(rq,
	    &(struct reply){
		.status = good ? 200 : 503, .out = &out, .retry_after_s = good ? 0 : 1});
	buf_fini(&out);
}

/*
 * GET /readyz: does PostgreSQL take what is written? First line the verdict, then a line a part: the desks by
 * their last commit, the keeper, Redis.
 */
bool
api_readyz(struct request *rq, struct err *e)
{
	(void)e;
	rq->state = arena_calloc(&rq->arena, 1, sizeof(struct findings));
	submit_reading(rq, find_out, answer_ready);
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
    {STAT_OPS_REFUSED, "tracker_ops_refused_total", "counter",
	"Calls given up because PostgreSQL refused them alone."},
    {STAT_DEADLOCKS, "tracker_postgres_deadlocks_total", "counter",
	"Bundles that PostgreSQL took out of a deadlock, sent again."},
    {STAT_REDIS_AWAY, "tracker_redis_away_total", "counter", "Uses that met no Redis."},
    {STAT_REDIS_REFUSED, "tracker_redis_refused_total", "counter", "Uses that Redis refused."},
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

/* A gauge of every part of the pool; one of which there is no such value (NAN) is left out. */
static void
put_parts(struct buf *out, const struct request *rq, const struct findings *f, const char *name,
    const char *help, double (*value)(const struct health *h))
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
	for (int part = 0; part < PARTS; part++)
		if (is_used(rq, (enum health_part)part) && !isnan(value(&f->part[part])))
			buf_printf(out, "%s{part=\"%s\"} %.3f\n", name,
			    health_part_name((enum health_part)part), value(&f->part[part]));
}

static double
value_up(const struct health *h)
{
	return h->ill_us == 0;
}

static double
value_ill(const struct health *h)
{
	return h->ill_us == 0 ? 0 : seconds_since(h->ill_us);
}

static double
value_good(const struct health *h)
{
	return h->good_us == 0 ? NAN : seconds_since(h->good_us);
}

static void
put_gauge(struct buf *out, const char *name, const char *help, double value)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %g\n", name, help, name, name, value);
}

static void
put_health(struct buf *out, const struct request *rq, const struct findings *f)
{
	put_parts(out, rq, f, "tracker_part_up", "Whether a part of the tracker can do its work.",
	    value_up);
	put_parts(out, rq, f, "tracker_part_ill_seconds", "For how long it cannot; 0 = it can.",
	    value_ill);
	put_parts(out, rq, f, "tracker_part_worked_seconds",
	    "How long ago it last did (a desk: its last commit).", value_good);
	put_gauge(
	    out, "tracker_postgres_up", "Whether PostgreSQL takes what is written.", !worst(f));
	if (is_used(rq, PART_REDIS))
		put_gauge(out, "tracker_redis_up", "Whether Redis does what it is asked.",
		    !worst_of_redis(f));
	if (f->keeper_s >= 0)
		put_gauge(out, "tracker_keeper_age_seconds",
		    "How long ago a keeper, of whichever host, was at work.", f->keeper_s);
}

static void
put_failing(
    struct buf *out, const struct findings *f, const char *name, const char *help, const int64_t *n)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		if (f->counts.stage[stage].present)
			buf_printf(out, "%s{stage=\"%c\"} %lld\n", name, stage_letter(stage),
			    (long long)n[stage]);
}

static bool
read_failing(struct pg *pg, struct findings *f, struct err *e)
{
	struct pg_rows *rows;

	if (!pg_call(pg, "select r.stage, r.bad, r.workers from tracker.read_failing() r", NULL, 0,
		&rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++) {
		int64_t stage = pg_int(rows, i, 0);

		if (stage < 1 || stage > STAGES_MAX)
			continue;
		f->failing[stage] = pg_int(rows, i, 1);
		f->failing_workers[stage] = pg_int(rows, i, 2);
	}
	pg_rows_free(rows);
	return true;
}

/* How many, and not which: their names are without number. */
static bool
read_batches(struct pg *pg, struct findings *f, struct err *e)
{
	struct pg_rows *rows;

	if (!pg_call(pg,
		"select count(*), count(*) filter (where b.paused) from tracker.batch b"
		" where b.ended is null",
		NULL, 0, &rows, e))
		return false;
	f->batches_open = pg_int(rows, 0, 0);
	f->batches_paused = pg_int(rows, 0, 1);
	pg_rows_free(rows);
	return true;
}

static void
put_batches(struct buf *out, const struct findings *f)
{
	buf_printf(out,
	    "# HELP tracker_batches Batches that are not over, and of these the paused ones.\n"
	    "# TYPE tracker_batches gauge\n"
	    "tracker_batches{state=\"open\"} %lld\ntracker_batches{state=\"paused\"} %lld\n",
	    (long long)f->batches_open, (long long)f->batches_paused);
}

static bool
read_in_hand(struct pg *pg, struct findings *f, struct err *e)
{
	struct pg_rows *rows;

	if (!pg_call(pg,
		"select r.stage, r.present, r.working, r.oldest_s from tracker.read_work_in_hand() "
		"r",
		NULL, 0, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++) {
		int64_t stage = pg_int(rows, i, 0);

		if (stage < 1 || stage > STAGES_MAX)
			continue;
		f->here[stage] = pg_int(rows, i, 1);
		f->working[stage] = pg_int(rows, i, 2);
		f->oldest_s[stage] = pg_double(rows, i, 3);
	}
	pg_rows_free(rows);
	return true;
}

static void
put_workers(struct buf *out, const struct findings *f)
{
	buf_puts(out,
	    "# HELP tracker_workers Workers that are here, by stage: at work, or waiting.\n"
	    "# TYPE tracker_workers gauge\n");
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		if (f->counts.stage[stage].present)
			buf_printf(out,
			    "tracker_workers{stage=\"%c\",state=\"working\"} %lld\n"
			    "tracker_workers{stage=\"%c\",state=\"waiting\"} %lld\n",
			    stage_letter(stage), (long long)f->working[stage], stage_letter(stage),
			    (long long)(f->here[stage] - f->working[stage]));
}

static void
put_stages(struct buf *out, const struct findings *f)
{
	buf_puts(out,
	    "# HELP tracker_stage_paused Whether a stage is paused.\n"
	    "# TYPE tracker_stage_paused gauge\n");
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		if (f->counts.stage[stage].present)
			buf_printf(out, "tracker_stage_paused{stage=\"%c\"} %d\n",
			    stage_letter(stage), f->counts.stage[stage].paused);
	buf_puts(out,
	    "# HELP tracker_oldest_lease_seconds For how long a job is in hand, of each stage the "
	    "longest.\n"
	    "# TYPE tracker_oldest_lease_seconds gauge\n");
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		if (f->counts.stage[stage].present)
			buf_printf(out, "tracker_oldest_lease_seconds{stage=\"%c\"} %.3f\n",
			    stage_letter(stage), f->oldest_s[stage]);
}

/* Who may not read it sees no standby. */
static void
read_standbys(struct request *rq, struct pg *pg, struct findings *f)
{
	struct err ignored = ERR_INIT;
	struct pg_rows *rows = NULL;
	struct standby *s;

	if (pg_call(pg, "select r.name, r.bytes, r.seconds from tracker.read_standbys() r", NULL, 0,
		&rows, &ignored)) {
		f->standbys_n = pg_rows_count(rows);
		f->standbys = s = arena_calloc(&rq->arena, (size_t)f->standbys_n + 1, sizeof(*s));
		for (int i = 0; i < f->standbys_n; i++) {
			s[i].name = request_cell(rq, rows, i, 0);
			s[i].bytes = pg_int(rows, i, 1);
			s[i].seconds = pg_double(rows, i, 2);
		}
	}
	pg_rows_free(rows);
}

/* Between the quotes of a label, as Prometheus reads it. */
static void
put_label(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++)
		if (*s == '\n')
			buf_puts(out, "\\n");
		else {
			if (*s == '"' || *s == '\\')
				buf_putc(out, '\\');
			buf_putc(out, *s);
		}
}

static void
put_standbys_line(struct buf *out, const char *name, const struct standby *s)
{
	buf_printf(out, "%s{standby=\"", name);
	put_label(out, s->name);
	buf_puts(out, "\"} ");
}

static void
put_standbys(struct buf *out, const struct findings *f)
{
	if (f->standbys_n == 0)
		return;
	buf_puts(out,
	    "# HELP tracker_replication_lag_bytes What a standby has not applied yet.\n"
	    "# TYPE tracker_replication_lag_bytes gauge\n");
	for (int i = 0; i < f->standbys_n; i++) {
		put_standbys_line(out, "tracker_replication_lag_bytes", &f->standbys[i]);
		buf_printf(out, "%lld\n", (long long)f->standbys[i].bytes);
	}
	buf_puts(out,
	    "# HELP tracker_replication_lag_seconds How long a standby took to apply the last of "
	    "it.\n"
	    "# TYPE tracker_replication_lag_seconds gauge\n");
	for (int i = 0; i < f->standbys_n; i++) {
		put_standbys_line(out, "tracker_replication_lag_seconds", &f->standbys[i]);
		buf_printf(out, "%.6f\n", f->standbys[i].seconds);
	}
}

static void
put_build(struct buf *out, const struct shared *shared)
{
	buf_printf(out,
	    "# HELP tracker_build_info What runs here.\n# TYPE tracker_build_info gauge\n"
	    "tracker_build_info{version=\"" PACKAGE_VERSION "\"} 1\n"
	    "# HELP tracker_start_time_seconds When the pool was started, since 1970.\n"
	    "# TYPE tracker_start_time_seconds gauge\ntracker_start_time_seconds %.3f\n",
	    (double)shared->made_us / 1e6);
}

static void
find_out_all(struct op *op, struct reader *reader)
{
	struct request *rq = op->owner;
	struct findings *f = rq->state;
	struct err ignored = ERR_INIT;

	find_out(op, reader);
	f->has_counts = counts_read(reader->tracker->counts, reader->pg, &f->counts, &ignored) &&
	    read_failing(reader->pg, f, &ignored) && read_batches(reader->pg, f, &ignored) &&
	    read_in_hand(reader->pg, f, &ignored);
	if (f->has_counts)
		read_standbys(rq, reader->pg, f);
}

static void
answer_metrics(struct op *op)
{
	struct request *rq = op->owner;
	const struct findings *f = rq->state;
	struct buf out;

	buf_init(&out, 0);
	put_build(&out, rq->tracker->shared);
	put_stats(&out, rq->tracker->shared);
	put_latency(&out, rq->tracker->shared);
	put_health(&out, rq, f);
	if (f->has_counts) {
		put_jobs(&out, &f->counts);
		put_workers(&out, f);
		put_stages(&out, f);
		put_batches(&out, f);
		put_failing(&out, f, "tracker_failing_attempts",
		    "Attempts that failed in the last five minutes.", f->failing);
		put_failing(&out, f, "tracker_failing_workers", "Workers whose attempts they were.",
		    f->failing_workers);
		put_standbys(&out, f);
	}
	reply_send(rq,
	    &(struct reply){
		.status = 200, .type = "text/plain; version=0.0.4; charset=utf-8", .out = &out});
	buf_fini(&out);
}

/* GET /metrics: the whole pool's numbers, whichever process answers, and whether PostgreSQL is there or not. */
bool
api_metrics(struct request *rq, struct err *e)
{
	(void)e;
	rq->state = arena_calloc(&rq->arena, 1, sizeof(struct findings));
	submit_reading(rq, find_out_all, answer_metrics);
	return true;
}
