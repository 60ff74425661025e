/*
 * page_dashboard -- the pipeline, its pace, what was finished last, and who works.
 *
 *	?all=true		as many workers a stage as fit, instead of FEW_ROWS
 *	?owner= ?state=		only these; state is working, waiting or stale
 *	?stage= ?after=		the next page of one stage's workers, by key (first seen, id). With a filter
 *				it may be empty and have a next one all the same: each looks at so many
 *	?range=			of the chart: 1h, 24h, 7d, all
 */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/pg_array.h"
#include "web/batches.h"
#include "web/chart.h"
#include "web/facts.h"
#include "web/pieces.h"
#include "web/tpl/dashboard.h"

#define FEW_ROWS 50
#define ALL_ROWS 350
/*
 * A page is to travel in 30 kB with all its files: 7.5 kB of files, up to 7 of pipeline and chart, so
 * 15.5 of batches and workers. A row's markup compresses to next to nothing and its words, all different, to
 * half. Beyond that workers are on the next page. Batches take at most a quarter.
 */
#define WORDS_BYTES (29 * 1024)
#define BATCH_WORDS_BYTES (WORDS_BYTES / 4)
#define ROW_BYTES 24 /* its job, times and counts */

struct asked {
	const char *owner, *state; /* NULL = any */
	int64_t stage;             /* 0 = all */
	int64_t after_us, after_id;
	bool after, all;
	int rows;     /* a stage, at most */
	size_t bytes; /* of its share of WORDS_BYTES */
};

/* The option of the filter's list that is chosen by this ?state=; NULL when there is none. */
static const char *
state_option(const char *state)
{
	static const struct {
		const char *state, *section;
	} options[] = {{"working", T_IS_WORKING}, {"waiting", T_IS_WAITING}, {"stale", T_IS_STALE}};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(options[i].state, state) == 0)
			return options[i].section;
	return NULL;
}

static void
read_asked(struct page *p, struct asked *a)
{
	const char *stage = pieces_query_text(p, "stage"), *all = pieces_query_text(p, "all");

	*a = (struct asked){.owner = pieces_query_text(p, "owner")};
	a->state = pieces_query_text(p, "state");
	if (a->state && !state_option(a->state))
		a->state = NULL;
	if (stage && strlen(stage) == 1)
		a->stage = stage_number(*stage);
	a->after = a->stage != 0 && pieces_query_key(p, "after", &a->after_us, &a->after_id);
	a->all = all && strcmp(all, "true") == 0;
	a->rows = a->all ? ALL_ROWS : FEW_ROWS;
}

static void
put_empty(struct page *p, struct template_dict *d)
{
	template_str(template_section(d, T_EMPTY), T_URL, pieces_own_url(p));
}

static void
put_progress(struct page *p, struct template_dict *d, const struct facts *f)
{
	struct template_dict *s = template_section(d, T_PROGRESS);
	const char *range = facts_range_text(p, f);

	template_str(s, T_PERCENT, facts_percent_text(p, f));
	template_str(s, T_PERCENT_VALUE, arena_printf(p->arena, "%.2f", facts_percent(f)));
	template_str(s, T_ETA, facts_eta_text(p, f));
	template_str(s, T_RANGE, range ? range : "");
	pieces_count(s, T_DONE, f->done);
	pieces_count(s, T_TOTAL, f->total);
	if (f->cancelled > 0)
		pieces_count(template_section(s, T_GIVEN_UP), T_CANCELLED, f->cancelled);
	pieces_rate(s, T_RATE, f->per_minute);
	pieces_count(s, T_DAY, f->done_24h);
	pieces_count(s, T_PRESENT, f->present);
	pieces_count(s, T_WORKING, f->working);
}

static void
put_notes(struct page *p, struct template_dict *d, const struct facts *f)
{
	const char *notes[FACTS_NOTES];
	int n = facts_notes(p, f, notes);
	struct template_dict *section;

	if (n == 0)
		return;
	section = template_section(d, T_NOTES);
	for (int i = 0; i < n; i++)
		template_str(template_section(section, T_NOTE), T_TEXT, notes[i]);
}

static void
put_stage(struct page *p, struct template_dict *d, const struct facts *f, int i)
{
	const struct facts_stage *st = &f->stage[i];
	struct template_dict *s = template_section(d, T_STAGE);
	int64_t parts[FACTS_BAR];

	facts_bar(f, i, parts);
	pieces_stage(p, s, T_LETTER, T_LETTER_UP, T_NAME, st->stage);
	template_int(s, T_INDEX, i);
	pieces_count(s, T_DONE, st->done);
	pieces_count(s, T_LEASED, st->leased);
	pieces_count(s, T_OPEN, st->ready + st->retry);
	pieces_count(s, T_FAILED, st->failed);
	pieces_count(s, T_JOBS, st->expected);
	template_int(s, T_DONE_W, parts[0]);
	template_int(s, T_LEASED_X, parts[0]);
	template_int(s, T_LEASED_W, parts[1]);
	template_int(s, T_OPEN_X, parts[0] + parts[1]);
	template_int(s, T_OPEN_W, parts[2]);
	template_int(s, T_FAILED_X, parts[0] + parts[1] + parts[2]);
	template_int(s, T_FAILED_W, parts[3]);
	pieces_count(s, T_PRESENT, st->present);
	pieces_count(s, T_HOUR, st->done_1h);
	if (st->bad_5m > 0) {
		struct template_dict *failing = template_section(s, T_FAILING);

		pieces_rate(failing, T_FAILING_RATE, st->bad_per_minute);
		template_str(failing, T_FAILING_SHARE,
		    pieces_share(p, st->bad_5m, st->bad_5m + st->done_5m));
	}
	if (st->paused)
		template_show(s, T_PAUSED);
	else if (f->slowest == st->stage)
		template_show(s, T_SLOWEST);
}

static bool
put_chart(struct page *p, struct template_dict *d, const struct facts *f, struct err *e)
{
	int64_t age_s = (clock_wall_us() - f->first_us) / 1000000;
	struct chart *c = arena_alloc(p->arena, sizeof(*c));

	if (f->first_us == 0)
		return true;
	if (!chart_read(p, 0, chart_find_range(pieces_query_text(p, "range"), age_s), c, e))
		return false;
	chart_put(p, d, "/", c);
	return true;
}

static void
put_result(struct page *p, struct template_dict *latest, const struct facts_result *done)
{
	struct template_dict *r = template_section(latest, T_RESULT);

	pieces_stage(p, r, T_LETTER, T_LETTER_UP, T_STAGE, done->stage);
	template_int(r, T_JOB, done->job);
	pieces_count(r, T_JOB_TEXT, done->job);
	template_str(r, T_PERSON, done->person);
	template_str(r, T_TOOK, pieces_took(p, done->finished_us - done->started_us));
	pieces_time(r, T_AT, T_ISO, T_AGO, done->finished_us);
}

static void
put_latest(struct page *p, struct template_dict *d, const struct facts *f)
{
	struct template_dict *latest;

	if (f->latest_n == 0)
		return;
	latest = template_section(d, T_LATEST);
	for (int i = 0; i < f->latest_n; i++)
		put_result(p, latest, &f->latest[i]);
}

static void
put_worker(struct page *p, struct template_dict *table, const struct pg_rows *rows, int i,
    const struct piece_worker *heard)
{
	struct template_dict *row = template_section(table, T_ROW);
	bool holds = !pg_is_null(rows, i, 6);

	template_str(row, T_STATE, pieces_state(p, heard->seen_us, holds));
	template_str(row, T_PART, pieces_stage_in_path(p, pg_int(rows, i, 0)));
	template_str(row, T_WORKER, pg_text(rows, i, 2, NULL));
	template_str(row, T_PERSON, pg_text(rows, i, 3, NULL));
	template_str(row, T_PROGRESS_TEXT, heard->progress && holds ? heard->progress : "");
	pieces_count(row, T_DONE, pg_int(rows, i, 5));
	pieces_time(row, T_SEEN, T_ISO, T_AGO, heard->seen_us);
	if (!holds) {
		template_show(row, T_HOLDS_NONE);
		return;
	}
	struct template_dict *job = template_section(row, T_HOLDS);

	template_int(job, T_JOB, pg_int(rows, i, 6));
	pieces_count(job, T_JOB_TEXT, pg_int(rows, i, 6));
	if (pg_int(rows, i, 7) > 1)
		pieces_count(template_section(job, T_MORE), T_MORE_JOBS, pg_int(rows, i, 7) - 1);
}

static void
put_next(struct page *p, struct template_dict *group, const struct asked *a,
    const struct pg_rows *rows, int last)
{
	struct template_dict *next = template_section(group, T_NEXT);

	template_str(next, T_KEY,
	    arena_printf(p->arena, "%lld-%lld", (long long)pg_time_us(rows, last, 8),
		(long long)pg_int(rows, last, 1)));
	if (a->all)
		template_show(next, T_KEEP_ALL);
	else if (!a->after && !a->owner && !a->state)
		template_show(next, T_ALL_LINK);
	if (a->owner)
		template_show(next, T_KEEP_OWNER);
	if (a->state)
		template_str(template_section(next, T_KEEP_STATE), T_WHICH, a->state);
}

/* looked: there may be some behind those who were looked at. */
static void
put_nobody(
    struct page *p, struct template_dict *group, const struct asked *a, bool looked, bool finished)
{
	struct template_dict *nobody = template_section(group, T_NOBODY);

	if (looked)
		template_show(nobody, T_NOBODY_SO_FAR);
	else if (a->owner || a->state || a->after)
		template_show(nobody, T_NOBODY_MATCHES);
	else if (finished)
		template_show(nobody, T_NOTHING_LEFT);
	else
		template_str(template_section(nobody, T_NOBODY_HERE), T_URL, pieces_own_url(p));
}

/* The owner stands there twice: in the link too. */
static size_t
row_bytes(const struct pg_rows *rows, int i, const struct piece_worker *heard)
{
	return ROW_BYTES + strlen(pg_text(rows, i, 2, NULL)) +
	    2 * strlen(pg_text(rows, i, 3, NULL)) + (heard->progress ? strlen(heard->progress) : 0);
}

/* The row after the last one that fits into a stage's share of the page. */
static int
fit(const struct asked *a, const struct pg_rows *rows, const struct piece_worker *heard, int first,
    int end)
{
	size_t left = a->bytes;

	for (int i = first; i < end; i++) {
		size_t bytes = row_bytes(rows, i, &heard[i]);

		if (i - first == a->rows || (bytes > left && i > first))
			return i;
		left -= bytes < left ? bytes : left;
	}
	return end;
}

/* One stage's workers: the rows from `first` that are of its stage. Answers the row after them. */
static int
put_group(struct page *p, struct template_dict *d, const struct facts *f,
    const struct facts_stage *st, const struct asked *a, const struct pg_rows *rows,
    const struct piece_worker *heard, int first)
{
	struct template_dict *group = template_section(d, T_GROUP), *table;
	int n = pg_rows_count(rows), end = first, shown, after;
	bool looked;

	while (end < n && pg_int(rows, end, 0) == st->stage)
		end++;
	/* A last row without a name tells where the look ended. */
	looked = end > first && pg_is_null(rows, end - 1, 2);
	after = end;
	end -= looked;
	pieces_stage(p, group, T_LETTER, T_LETTER_UP, T_NAME, st->stage);
	pieces_count(group, T_PRESENT, st->present);
	shown = fit(a, rows, heard, first, end);
	if (shown == first)
		put_nobody(p, group, a, looked, f->jobs > 0 && st->remaining == 0);
	else {
		table = template_section(group, T_TABLE);
		for (int i = first; i < shown; i++)
			put_worker(p, table, rows, i, &heard[i]);
	}
	if (shown < end || looked)
		put_next(p, group, a, rows, shown < end ? shown - 1 : end);
	return after;
}

static void
put_groups(struct page *p, struct template_dict *d, const struct facts *f, const struct asked *a,
    const struct pg_rows *rows)
{
	int n = pg_rows_count(rows), at = 0;
	struct piece_worker *heard = arena_calloc(p->arena, (size_t)n + 1, sizeof(*heard));

	for (int i = 0; i < n; i++) {
		heard[i].id = pg_int(rows, i, 1);
		heard[i].seen_us = pg_time_us(rows, i, 4);
	}
	pieces_heard(p, heard, n);
	for (int i = 0; i < f->stages; i++)
		if (a->stage == 0 || a->stage == f->stage[i].stage)
			at = put_group(p, d, f, &f->stage[i], a, rows, heard, at);
}

/* What they take of the words that there is room for, workers do not have. */
static bool
put_batches(struct page *p, struct template_dict *d, size_t *words, struct err *e)
{
	struct batches *b = arena_alloc(p->arena, sizeof(*b));
	struct template_dict *section;

	if (!batches_read_open(p, NULL, BATCHES_FEW, b, e))
		return false;
	if (!batches_are_news(b))
		return true;
	section = template_section(d, T_BATCHES);
	batches_put(p, section, b, BATCH_WORDS_BYTES);
	*words -= BATCH_WORDS_BYTES;
	return true;
}

static bool
put_workers(
    struct page *p, struct template_dict *d, const struct facts *f, size_t words, struct err *e)
{
	struct pg_scalar room[5];
	struct pg_param params[7];
	struct pg_rows *rows;
	struct asked a;

	read_asked(p, &a);
	a.bytes = words / (a.stage == 0 ? (size_t)f->stages : 1);
	params[0] = pg_int2_param(&room[0], (int16_t)a.stage);
	params[1] = pg_text_param(a.owner, a.owner ? strlen(a.owner) : 0);
	params[2] = pg_text_param(a.state, a.state ? strlen(a.state) : 0);
	params[3] = pg_int8_param(&room[1], a.after ? a.after_us : -1);
	params[4] = pg_int8_param(&room[2], a.after_id);
	params[5] = pg_int4_param(&room[3], a.rows);
	params[6] = pg_int4_param(&room[4], (int32_t)pieces_stale_s(p));
	if (!pg_call(p->pg,
		"select r.stage, r.id, r.name, r.person, r.seen, r.done, r.job, r.jobs, r.created"
		" from tracker.read_workers(nullif($1, 0::int2), $2, $3,"
		" case when $4 >= 0 then 'epoch'::timestamptz + $4 * interval '1 microsecond' end,"
		" $5, $6, $7) r",
		params, 7, &rows, e))
		return false;
	if (a.owner || a.state || a.stage != 0)
		template_show(d, T_FILTERED);
	template_str(d, T_OWNER, a.owner ? a.owner : "");
	if (a.state)
		template_show(d, state_option(a.state));
	put_groups(p, d, f, &a, rows);
	pg_rows_free(rows);
	return true;
}

static bool
fill(struct page *p, struct template_dict *d, struct err *e)
{
	struct facts f;
	size_t words = WORDS_BYTES;

	if (!facts_read(p, &f, e))
		return false;
	pieces_frame(p, d,
	    &(struct piece_head){
		.description = facts_sentence(p, &f), .address = "/", .nav = NAV_DASHBOARD});
	if (f.jobs == 0)
		put_empty(p, d);
	else
		put_progress(p, d, &f);
	put_notes(p, d, &f);
	template_str(d, T_OWN_URL, pieces_own_url(p));
	template_str(d, T_IDLE, pieces_span(p, p->settings->idle_timeout_s));
	if (f.stages > 3)
		template_show(d, T_LONG);
	for (int i = 0; i < f.stages; i++)
		put_stage(p, d, &f, i);
	put_latest(p, d, &f);
	return put_chart(p, d, &f, e) && put_batches(p, d, &words, e) &&
	    put_workers(p, d, &f, words, e);
}

bool
page_dashboard(struct page *p, struct err *e)
{
	struct template_dict *d = template_new("dashboard");
	bool ok = fill(p, d, e) && template_render("dashboard.tpl", d, p->out, e);

	template_free(d);
	return ok;
}
