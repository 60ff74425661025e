#include "web/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "domain/stages.h"
#include "store/pg_array.h"
#include "web/pieces.h"
#include "web/tpl/chart.h"

#define DAY_S 86400

const struct chart_range chart_ranges[] = {
    {"1h", "1 hour", 3600, 60},
    {"24h", "24 hours", DAY_S, 900},
    {"7d", "7 days", 7 * DAY_S, 7200},
    {"all", "all", 0, 0},
    {NULL, NULL, 0, 0},
};

const struct chart_range *
chart_find_range(const char *key, int64_t age_s)
{
	for (const struct chart_range *r = chart_ranges; key && r->key; r++)
		if (strcmp(r->key, key) == 0)
			return r;
	return &chart_ranges[age_s > DAY_S ? 1 : 3];
}

double
chart_round_up(double n)
{
	/* The half of each stands beside it, in as many digits. */
	static const double steps[] = {1, 1.5, 2, 3, 4, 5, 6, 8, 10};
	double power;

	if (!(n > 0) || !isfinite(n))
		return 1;
	power = pow(10, floor(log10(n)));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i] * power >= n * 0.999999)
			return steps[i] * power;
	return 10 * power;
}

static void
take_rows(struct chart *c, const struct pg_rows *rows)
{
	int64_t now_us = clock_wall_us();

	for (int i = 0; i < pg_rows_count(rows); i++) {
		int64_t bucket = pg_int(rows, i, 3), stage = pg_int(rows, i, 4);
		int64_t elapsed_s;

		c->start_us = pg_time_us(rows, i, 0);
		c->bucket_s = pg_int(rows, i, 1);
		c->buckets = (int)pg_int(rows, i, 2);
		if (c->buckets > CHART_BUCKETS)
			c->buckets = CHART_BUCKETS;
		if (bucket < 0 || bucket >= c->buckets || stage < 1 || stage > STAGES_MAX)
			continue;
		/* The bucket that is under way is measured by what is over of it. */
		elapsed_s = (now_us - c->start_us) / 1000000 - bucket * c->bucket_s;
		if (elapsed_s > c->bucket_s)
			elapsed_s = c->bucket_s;
		if (elapsed_s < 30)
			elapsed_s = 30;
		c->value[stage - 1][bucket] =
		    fmax(0, (double)pg_int(rows, i, 5) * 60 / (double)elapsed_s);
	}
}

/* batch: 0 = of all jobs. */
static bool
read_series(struct page *p, int64_t batch, const struct chart_range *range, struct pg_rows **rows,
    struct err *e)
{
	struct pg_scalar room[3];
	struct pg_param params[3];

	params[0] = pg_int4_param(&room[0], range->span_s);
	params[1] = pg_int4_param(&room[1], range->bucket_s);
	params[2] = pg_int4_param(&room[2], (int32_t)batch);
	if (batch == 0)
		return pg_call(p->pg,
		    "select r.start, r.bucket_s, r.buckets, r.bucket, r.stage, r.done"
		    " from tracker.read_series($1, $2) r",
		    params, 2, rows, e);
	return pg_call(p->pg,
	    "select r.start, r.bucket_s, r.buckets, r.bucket, r.stage, r.done"
	    " from tracker.read_batch_series($3, $1, $2) r",
	    params, 3, rows, e);
}

bool
chart_read(
    struct page *p, int64_t batch, const struct chart_range *range, struct chart *c, struct err *e)
{
	struct pg_rows *rows;

	*c = (struct chart){.range = range};
	c->bucket_s = range->bucket_s > 0 ? range->bucket_s : 60;
	c->buckets = range->span_s > 0 ? range->span_s / range->bucket_s : 60;
	c->start_us = clock_wall_us() - c->buckets * c->bucket_s * 1000000;
	if (!read_series(p, batch, range, &rows, e))
		return false;
	take_rows(c, rows);
	pg_rows_free(rows);
	for (int b = 0; b < c->buckets; b++) {
		double sum = 0;

		for (int s = 0; s < STAGES_MAX; s++)
			sum += c->value[s][b];
		c->highest = fmax(c->highest, sum);
		c->latest = sum;
	}
	c->top = chart_round_up(c->highest);
	return true;
}

const char *
chart_path(struct page *p, const struct chart *c, int stage)
{
	size_t size = (size_t)c->buckets * 48 + 1, used = 0;
	char *path = arena_alloc(p->arena, size);

	path[0] = 0;
	for (int b = 0; b < c->buckets; b++) {
		double below = 0, own = c->value[stage - 1][b];

		if (own <= 0)
			continue;
		for (int s = 0; s < stage - 1; s++)
			below += c->value[s][b];
		used += (size_t)snprintf(path + used, size - used, "M%d %.5gV%.5gh%dV%.5gz",
		    b * CHART_BAR, CHART_HEIGHT * (1 - below / c->top),
		    CHART_HEIGHT * (1 - (below + own) / c->top), CHART_BAR - 1,
		    CHART_HEIGHT * (1 - below / c->top));
	}
	return path;
}

const char *
chart_tick(struct page *p, const struct chart *c, int i, int64_t *at_us)
{
	int64_t span_s = c->buckets * c->bucket_s;
	time_t at = (time_t)(c->start_us / 1000000 + span_s * i / (CHART_TICKS - 1));
	char text[32];
	struct tm tm;

	*at_us = (int64_t)at * 1000000;
	gmtime_r(&at, &tm);
	strftime(text, sizeof(text),
	    span_s > 400 * DAY_S     ? "%b %Y"
		: span_s > 2 * DAY_S ? "%e %b"
				     : "%H:%M",
	    &tm);
	return arena_dup(p->arena, text, strlen(text));
}

static void
put_bars(struct page *p, struct template_dict *d, const struct chart *c)
{
	for (int stage = 1; stage <= p->stages->n; stage++) {
		struct template_dict *bars = template_section(d, T_BARS);
		struct template_dict *legend = template_section(d, T_LEGEND);

		template_str(bars, T_LETTER, pieces_letter(p, stage));
		template_str(bars, T_PATH, chart_path(p, c, stage));
		template_str(legend, T_LETTER, pieces_letter(p, stage));
		template_str(legend, T_NAME, pieces_stage_name(p, stage));
	}
}

static void
put_axes(struct page *p, struct template_dict *d, const struct chart *c)
{
	pieces_rate(d, T_Y_TOP, c->top);
	pieces_rate(d, T_Y_MID, c->top / 2);
	template_int(d, T_CHART_W, c->buckets * CHART_BAR);
	for (int i = 0; i < CHART_TICKS; i++) {
		struct template_dict *tick = template_section(d, T_X_TICK);
		char iso[32];
		int64_t at_us;

		template_str(tick, T_X_TEXT, chart_tick(p, c, i, &at_us));
		clock_iso(iso, at_us);
		template_str(tick, T_X_ISO, iso);
	}
}

void
chart_put(struct page *p, struct template_dict *d, const char *address, const struct chart *c)
{
	struct template_dict *s = template_include(d, "CHART", "chart.tpl");

	for (const struct chart_range *r = chart_ranges; r->key; r++) {
		struct template_dict *tab = template_section(s, T_RANGE_TAB);

		template_str(tab, T_ADDRESS, address);
		template_str(tab, T_RANGE_KEY, r->key);
		template_str(tab, T_RANGE_NAME, r->name);
		if (r == c->range)
			template_show(tab, T_RANGE_AT);
	}
	template_str(s, T_CHART_LABEL,
	    arena_printf(p->arena, "Completions a minute, %s: at most %s, lately %s",
		c->range->name, pieces_rate_text(p, c->highest), pieces_rate_text(p, c->latest)));
	put_bars(p, s, c);
	put_axes(p, s, c);
}
