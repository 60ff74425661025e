/*
 * chart -- completions over time as SVG paths, and the labels of its axes.
 *
 * A bar is a bucket; stages are stacked. A user unit across is a sixth of a bar, the plot is
 * CHART_HEIGHT high; the template stretches it.
 *
 * Ownership	text is the page's arena's.
 * Units	values are completions a minute.
 * Source	tracker.read_series, read_batch_series.
 */
#ifndef WEB_CHART_H
#define WEB_CHART_H

#include "web/page.h"
#include "web/template.h"

#define CHART_HEIGHT 160
#define CHART_BAR 6
#define CHART_BUCKETS 128
#define CHART_TICKS 5

struct chart_range {
	const char *key, *name;
	int32_t span_s, bucket_s; /* 0, 0: from the first completion on */
};
extern const struct chart_range chart_ranges[]; /* ends at !key */

struct chart {
	const struct chart_range *range;
	int64_t start_us, bucket_s;
	int buckets;
	double value[STAGES_MAX][CHART_BUCKETS];
	double top, highest, latest;
};

/* The range called `key`, else one that suits a project of that age. */
const struct chart_range *chart_find_range(const char *key, int64_t age_s);
/* batch: 0 = of all jobs. */
bool chart_read(struct page *p, int64_t batch, const struct chart_range *range, struct chart *c,
    struct err *e) __attribute__((warn_unused_result));
/* Fills {{>CHART}} of a page with that address. */
void chart_put(struct page *p, struct template_dict *d, const char *address, const struct chart *c);
/* One stage's bars, standing on those of the stages before; "" when it has none. */
const char *chart_path(struct page *p, const struct chart *c, int stage);
/* Label `i` of CHART_TICKS below the plot, in UTC, and the moment that it stands for. */
const char *chart_tick(struct page *p, const struct chart *c, int i, int64_t *at_us);
/* A round number at or above n. */
double chart_round_up(double n);

#endif
