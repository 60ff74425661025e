/*
 * page_stats -- /api/stats.json: everything that the dashboard says, as data.
 *
 * Safe to poll: rendered once a cache period, with an ETag. Names of members are part of the
 * interface; *_text members are what the dashboard shows. Times are ISO 8601, UTC; *_s seconds.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "web/batches.h"
#include "web/chart.h"
#include "web/facts.h"
#include "web/pieces.h"

static void
put_key(struct buf *b, const char *key)
{
	if (b->len > 0 && b->data[b->len - 1] != '{' && b->data[b->len - 1] != '[')
		buf_putc(b, ',');
	json_put_text(b, key, strlen(key));
	buf_putc(b, ':');
}

static void
put_int(struct buf *b, const char *key, int64_t n)
{
	put_key(b, key);
	buf_put_int(b, n);
}

/* -1 is unknown. */
static void
put_seconds(struct buf *b, const char *key, int64_t s)
{
	put_key(b, key);
	if (s < 0)
		buf_puts(b, "null");
	else
		buf_put_int(b, s);
}

static void
put_number(struct buf *b, const char *key, double n)
{
	put_key(b, key);
	buf_printf(b, "%.6g", n);
}

/* For people to read, though a browser's script reads it first: cleaned before controls are escaped. */
static void
put_text(struct page *p, const char *key, const char *text)
{
	size_t len = strlen(text);
	char *clean = arena_dup(p->arena, text, len);

	put_key(p->out, key);
	json_put_text(p->out, clean, text_clean(clean, len, false));
}

static void
put_time(struct buf *b, const char *key, int64_t at_us)
{
	char iso[32];

	put_key(b, key);
	if (at_us == 0) {
		buf_puts(b, "null");
		return;
	}
	clock_iso(iso, at_us);
	json_put_text(b, iso, strlen(iso));
}

static void
put_whole(struct page *p, const struct facts *f)
{
	struct buf *b = p->out;
	const char *range = facts_range_text(p, f);

	put_text(p, "project", p->settings->project);
	put_time(b, "at", clock_wall_us() / 1000000 * 1000000);
	put_text(p, "state", f->state);
	put_int(b, "jobs", f->jobs);
	put_int(b, "done", f->done);
	put_int(b, "total", f->total);
	put_int(b, "remaining", f->remaining);
	put_int(b, "waiting", f->waiting);
	put_int(b, "in_hand", f->leased);
	put_int(b, "failed", f->failed);
	put_int(b, "cancelled", f->cancelled);
	put_number(b, "percent", facts_percent(f));
	put_text(p, "percent_text", facts_percent_text(p, f));
	put_number(b, "per_minute", f->per_minute);
	put_text(p, "per_minute_text", pieces_rate_text(p, f->per_minute));
	put_number(b, "failing_per_minute", f->bad_per_minute);
	put_int(b, "done_1h", f->done_1h);
	put_int(b, "done_24h", f->done_24h);
	put_int(b, "workers", f->present);
	put_int(b, "workers_at_work", f->working);
	put_seconds(b, "eta_s", f->eta_s);
	put_seconds(b, "eta_low_s", f->low_s);
	put_seconds(b, "eta_high_s", f->high_s);
	put_text(p, "eta_text", facts_eta_text(p, f));
	put_text(p, "eta_range_text", range ? range : "");
	put_time(b, "last_completion", f->last_us);
}

static void
put_stage(struct page *p, const struct facts *f, int i)
{
	const struct facts_stage *s = &f->stage[i];
	struct buf *b = p->out;
	int64_t bar[FACTS_BAR];

	buf_puts(b, i > 0 ? ",{" : "{");
	put_text(p, "stage", pieces_letter(p, s->stage));
	put_text(p, "name", s->name);
	put_key(b, "paused");
	buf_puts(b, s->paused ? "true" : "false");
	put_int(b, "jobs", s->expected);
	put_int(b, "open", s->ready + s->retry);
	put_int(b, "in_hand", s->leased);
	put_int(b, "done", s->done);
	put_int(b, "failed", s->failed);
	put_int(b, "cancelled", s->cancelled);
	put_int(b, "remaining", s->remaining);
	put_int(b, "workers", s->present);
	put_int(b, "workers_at_work", s->working);
	put_int(b, "done_1h", s->done_1h);
	put_int(b, "done_24h", s->done_24h);
	put_number(b, "failing_per_minute", s->bad_per_minute);
	put_number(b, "failing_share", facts_bad_share(s));
	put_int(b, "failing_workers", s->bad_workers);
	put_time(b, "failing_since", s->bad_since_us);
	put_text(p, "failing_how", s->bad_5m > 0 ? s->bad_how : "");
	put_key(b, "bar");
	facts_bar(f, i, bar);
	buf_putc(b, '[');
	for (int k = 0; k < FACTS_BAR; k++) {
		if (k > 0)
			buf_putc(b, ',');
		buf_put_int(b, bar[k]);
	}
	buf_puts(b, "]}");
}

/* Completions a minute in the last hour, all stages together, oldest first. */
static bool
put_series(struct page *p, struct err *e)
{
	struct chart *c = arena_alloc(p->arena, sizeof(*c));

	if (!chart_read(p, 0, chart_find_range("1h", 0), c, e))
		return false;
	put_key(p->out, "per_minute_1h");
	buf_putc(p->out, '[');
	for (int b = 0; b < c->buckets; b++) {
		double sum = 0;

		for (int s = 0; s < STAGES_MAX; s++)
			sum += c->value[s][b];
		buf_printf(p->out, b > 0 ? ",%.4g" : "%.4g", sum);
	}
	buf_putc(p->out, ']');
	return true;
}

static void
put_batch(struct page *p, const struct batch *of, bool first)
{
	struct buf *b = p->out;

	buf_puts(b, first ? "{" : ",{");
	put_text(p, "name", of->name);
	put_text(p, "state", of->state);
	put_text(p, "why", of->why);
	put_int(b, "priority", of->priority);
	put_text(p, "needs", of->needs);
	put_int(b, "rate", of->rate);
	put_int(b, "first", of->first);
	put_int(b, "last", of->last);
	put_int(b, "done", of->done);
	put_int(b, "total", of->total);
	put_int(b, "waiting", of->waiting);
	put_int(b, "in_hand", of->in_hand);
	put_int(b, "failed", of->failed);
	put_int(b, "cancelled", of->cancelled);
	put_number(b, "per_minute", of->per_minute);
	put_seconds(b, "eta_s", of->eta_s);
	put_seconds(b, "eta_low_s", of->low_s);
	put_seconds(b, "eta_high_s", of->high_s);
	put_text(p, "eta_text", batches_eta_text(p, of));
	put_time(b, "loaded", of->created_us);
	buf_putc(b, '}');
}

/* Those that have their turn first. */
static bool
put_batches(struct page *p, struct err *e)
{
	struct batches *of = arena_alloc(p->arena, sizeof(*of));

	if (!batches_read_open(p, NULL, BATCHES_FEW, of, e))
		return false;
	put_key(p->out, "batches");
	buf_putc(p->out, '[');
	for (int i = 0; i < of->n; i++)
		put_batch(p, &of->row[i], i == 0);
	buf_puts(p->out, "]");
	return true;
}

static void
put_latest(struct page *p, const struct facts *f)
{
	struct buf *b = p->out;

	put_key(b, "latest");
	buf_putc(b, '[');
	for (int i = 0; i < f->latest_n; i++) {
		const struct facts_result *done = &f->latest[i];

		buf_puts(b, i > 0 ? ",{" : "{");
		put_text(p, "stage", pieces_letter(p, done->stage));
		put_int(b, "job", done->job);
		put_text(p, "worker", done->worker);
		put_text(p, "person", done->person);
		put_number(
		    b, "took_s", fmax(0, (double)(done->finished_us - done->started_us) / 1e6));
		put_time(b, "finished", done->finished_us);
		buf_putc(b, '}');
	}
	buf_putc(b, ']');
}

static void
put_notes(struct page *p, const struct facts *f)
{
	const char *notes[FACTS_NOTES];
	int n = facts_notes(p, f, notes);

	put_key(p->out, "notes");
	buf_putc(p->out, '[');
	for (int i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(p->out, ',');
		json_put_text(p->out, notes[i], strlen(notes[i]));
	}
	buf_putc(p->out, ']');
}

bool
page_stats(struct page *p, struct err *e)
{
	struct facts f;

	if (!facts_read(p, &f, e))
		return false;
	p->content_type = "application/json";
	buf_putc(p->out, '{');
	put_whole(p, &f);
	put_key(p->out, "stages");
	buf_putc(p->out, '[');
	for (int i = 0; i < f.stages; i++)
		put_stage(p, &f, i);
	buf_putc(p->out, ']');
	put_notes(p, &f);
	if (!put_batches(p, e) || !put_series(p, e))
		return false;
	put_latest(p, &f);
	buf_puts(p->out, "}\n");
	return !p->out->failed || err_set(e, ERR_BUG, NULL, "numbers over the page's limit");
}
