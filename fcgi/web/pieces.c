#include "web/pieces.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/url.h"
#include "domain/health.h"
#include "store/pg_array.h"
#include "web/tpl/foot.h"
#include "web/tpl/head.h"

#define NICKNAME_MAX 128
#define SPARK_MAX 64

static void
put_piece(struct template_dict *d, const char *text, size_t len, bool is_link)
{
	struct template_dict *piece = template_section(d, T_PIECE);
	struct template_dict *kind = template_section(piece, is_link ? T_PIECE_LINK : T_PIECE_TEXT);

	template_text(kind, T_TEXT, text, len);
}

/* The length of the http(s) address that starts here, without the sentence's own punctuation. */
static size_t
link_len(const char *s)
{
	size_t len;

	if (!text_starts(s, "https://") && !text_starts(s, "http://"))
		return 0;
	len = strcspn(s, " \t\r\n<>\"'`{}|\\^");
	while (len > 0 && strchr(".,;:!?)", s[len - 1]))
		len--;
	return strchr(s, ':') + 3 < s + len ? len : 0;
}

void
pieces_linked(struct template_dict *d, const char *text)
{
	const char *from = text;

	for (const char *at = text; *at != 0;) {
		size_t len = (at == text || at[-1] == ' ' || at[-1] == '(') ? link_len(at) : 0;

		if (len == 0) {
			at++;
			continue;
		}
		if (at > from)
			put_piece(d, from, (size_t)(at - from), false);
		put_piece(d, at, len, true);
		at += len;
		from = at;
	}
	if (*from != 0)
		put_piece(d, from, strlen(from), false);
}

/* The operator's, else the setting's; "" when there is none. */
static const char *
banner_text(struct page *p)
{
	struct err away = ERR_INIT;
	struct pg_rows *rows = NULL;
	const char *text = "";
	size_t len;

	if (pg_call(p->pg, "select q.banner from tracker.project q", NULL, 0, &rows, &away)) {
		text = pg_text(rows, 0, 0, &len);
		text = arena_dup(p->arena, text, len);
		pg_rows_free(rows);
	}
	return *text ? text : p->settings->banner;
}

void
pieces_frame(struct page *p, struct template_dict *d, const struct piece_head *head)
{
	struct template_dict *top = template_include(d, "HEAD", "head.tpl");
	struct template_dict *foot = template_include(d, "FOOT", "foot.tpl");
	const char *project = p->settings->project;

	template_str(top, T_PROJECT, project);
	template_str(top, T_TITLE,
	    !head->title ? project : arena_printf(p->arena, "%s - %s", head->title, project));
	template_str(top, T_DESCRIPTION, head->description);
	template_str(top, T_VERSION, templates_version());
	if (p->settings->base_url[0] != 0)
		template_str(template_section(top, T_CANONICAL), T_URL,
		    arena_printf(p->arena, "%s%s", p->settings->base_url, head->address));
	if (head->nav != NAV_NONE)
		template_show(top,
		    head->nav == NAV_JOIN        ? T_AT_JOIN
			: head->nav == NAV_BOARD ? T_AT_BOARD
						 : T_AT_DASHBOARD);
	const char *banner = banner_text(p);

	if (*banner)
		pieces_linked(template_section(top, T_BANNER), banner);

	char iso[32];
	clock_iso(iso, clock_wall_us());
	template_str(foot, T_NOW, iso);
	template_str(foot, T_NOW_TEXT, arena_printf(p->arena, "%.10s %.8s", iso, iso + 11));
}

const char *
pieces_count_text(struct page *p, int64_t n)
{
	char text[32];

	text_thousands(text, n);
	return arena_dup(p->arena, text, strlen(text));
}

void
pieces_count(struct template_dict *d, const char *key, int64_t n)
{
	char text[32];

	text_thousands(text, n);
	template_str(d, key, text);
}

static void
rate_text(char out[40], double n)
{
	if (!isfinite(n) || fabs(n) >= 1e15)
		snprintf(out, 40, "0");
	else if (fabs(n) >= 99.95)
		text_thousands(out, llround(n));
	else
		snprintf(out, 40,
		    fabs(n) >= 9.95 || fabs(n) < 0.005 ? "%.0f"
			: fabs(n) >= 0.995             ? "%.1f"
						       : "%.2f",
		    n);
}

void
pieces_rate(struct template_dict *d, const char *key, double n)
{
	char text[40];

	rate_text(text, n);
	template_str(d, key, text);
}

const char *
pieces_rate_text(struct page *p, double n)
{
	char text[40];

	rate_text(text, n);
	return arena_dup(p->arena, text, strlen(text));
}

static void
span_text(char *out, size_t size, int64_t s)
{
	if (s < 60)
		snprintf(out, size, "%d s", (int)(s < 0 ? 0 : s));
	else if (s < 3600)
		snprintf(out, size, "%d min", (int)(s / 60));
	else if (s < 86400)
		snprintf(out, size, "%d h", (int)(s / 3600));
	else if (s < 2 * YEAR_S)
		snprintf(
		    out, size, "%d %s", (int)(s / 86400), text_plural(s / 86400, "day", "days"));
	else if (s < 1000 * YEAR_S)
		snprintf(out, size, "%d years", (int)(s / YEAR_S));
	else
		snprintf(out, size, "1,000 years and more");
}

const char *
pieces_span(struct page *p, int64_t s)
{
	char text[40];

	if (s >= 3600 && s < 86400 && s % 3600 >= 60)
		snprintf(text, sizeof(text), "%d h %d min", (int)(s / 3600), (int)(s % 3600 / 60));
	else if (s >= 60 && s < 600 && s % 60 != 0)
		snprintf(text, sizeof(text), "%d min %d s", (int)(s / 60), (int)(s % 60));
	else
		span_text(text, sizeof(text), s);
	return arena_dup(p->arena, text, strlen(text));
}

/* A bound is told in its largest units; the range must hold what it held before, so one is rounded up. */
static int64_t
bound_unit(int64_t s)
{
	return s < 10 ? 1 : s < 60 ? 10 : s < 86400 ? 60 : s < 2 * YEAR_S ? 86400 : YEAR_S;
}

const char *
pieces_range_text(struct page *p, int64_t low_s, int64_t high_s)
{
	const char *low;
	int64_t unit;

	if (low_s < 0)
		return NULL;
	low = pieces_span(p, low_s / bound_unit(low_s) * bound_unit(low_s));
	if (high_s < 0)
		return arena_printf(p->arena, "at least %s; the slowest spells stood still", low);
	unit = bound_unit(high_s);
	return arena_printf(
	    p->arena, "between %s and %s", low, pieces_span(p, (high_s + unit - 1) / unit * unit));
}

const char *
pieces_took(struct page *p, int64_t took_us)
{
	if (took_us < 50000)
		return "under 0.1 s";
	if (took_us < 9950000)
		return arena_printf(p->arena, "%.1f s", (double)took_us / 1e6);
	return pieces_span(p, took_us < 10000000 ? 10 : took_us / 1000000);
}

void
pieces_ago_text(char *out, size_t size, int64_t s)
{
	char span[40];

	span_text(span, sizeof(span), s);
	snprintf(out, size, s < 5 ? "just now" : "%s ago", span);
}

void
pieces_time(
    struct template_dict *d, const char *section, const char *iso, const char *ago, int64_t at_us)
{
	if (at_us > 0 && at_us != INT64_MAX)
		pieces_time_in(template_section(d, section), iso, ago, at_us);
}

void
pieces_time_in(struct template_dict *d, const char *iso, const char *ago, int64_t at_us)
{
	char text[64];

	clock_iso(text, at_us);
	template_str(d, iso, text);
	pieces_ago_text(text, sizeof(text), (clock_wall_us() - at_us) / 1000000);
	template_str(d, ago, text);
}

void
pieces_stage(struct page *p, struct template_dict *d, const char *letter, const char *letter_up,
    const char *name, int64_t stage)
{
	template_str(d, letter, pieces_letter(p, stage));
	template_str(d, letter_up, arena_printf(p->arena, "%c", stage_capital((int)stage)));
	template_str(d, name, pieces_stage_name(p, stage));
}

const char *
pieces_day(struct page *p, int64_t at_us)
{
	time_t at = (time_t)(at_us / 1000000);
	char text[32];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text), "%e %b", &tm);
	return arena_dup(p->arena, text, strlen(text));
}

const char *
pieces_bytes(struct page *p, int64_t n)
{
	static const char *const units[] = {"KiB", "MiB", "GiB"};
	double size = (double)n / 1024;
	int unit = 0;

	if (n < 1024)
		return arena_printf(p->arena, "%d %s", (int)n, text_plural(n, "byte", "bytes"));
	while (size >= 1024 && unit < 2) {
		size /= 1024;
		unit++;
	}
	return arena_printf(p->arena, "%s %s", pieces_rate_text(p, size), units[unit]);
}

double
pieces_number(const char **at)
{
	char *end;
	double n = strtod(*at, &end);

	*at += end == *at ? strlen(*at) : (size_t)(end - *at) + (*end == ',');
	return n;
}

const char *
pieces_letter(struct page *p, int64_t stage)
{
	return arena_printf(p->arena, "%c", stage_letter((int)stage));
}

const char *
pieces_stage_name(const struct page *p, int64_t stage)
{
	return stage >= 1 && stage <= STAGES_MAX ? p->stages->name[stage - 1] : "";
}

const char *
pieces_stage_in_path(struct page *p, int64_t stage)
{
	const char *name = pieces_stage_name(p, stage);
	char *part = arena_dup(p->arena, name, strlen(name));

	text_lower(part, name, strlen(name));
	return part;
}

bool
pieces_find_stage(struct page *p, const char *name, int64_t *stage, struct err *e)
{
	struct pg_param params[1];
	struct pg_rows *rows;
	size_t len = strlen(name);
	char *lower = arena_dup(p->arena, name, len);

	*stage = 0;
	text_lower(lower, name, len);
	for (int i = 1; i <= p->stages->n; i++)
		if (strcmp(pieces_stage_in_path(p, i), lower) == 0) {
			*stage = i;
			return true;
		}
	/* Clients lower the name as Unicode does: that is asked of the one who can. */
	params[0] = pg_text_param(name, len);
	if (!pg_call(p->pg, "select r.stage from tracker.read_stage($1) r", params, 1, &rows, e))
		return false;
	if (pg_rows_count(rows) > 0)
		*stage = pg_int(rows, 0, 0);
	pg_rows_free(rows);
	return true;
}

void
pieces_worker_address(struct page *p, struct buf *out, int64_t stage, const char *name)
{
	const char *part = pieces_stage_in_path(p, stage);

	buf_puts(out, "/worker/");
	url_encode(out, part, strlen(part));
	buf_putc(out, '/');
	url_encode(out, name, strlen(name));
}

const char *
pieces_own_url(const struct page *p)
{
	return p->settings->base_url[0] != 0 ? p->settings->base_url : "https://tracker.example";
}

const char *
pieces_jobs(struct page *p, int64_t n)
{
	return arena_printf(
	    p->arena, "%s %s", pieces_count_text(p, n), text_plural(n, "job", "jobs"));
}

const char *
pieces_workers(struct page *p, int64_t n)
{
	return arena_printf(
	    p->arena, "%s %s", pieces_count_text(p, n), text_plural(n, "worker", "workers"));
}

const char *
pieces_percent_text(struct page *p, double percent)
{
	if (percent > 0 && percent < 0.01)
		return "< 0.01%";
	return arena_printf(p->arena,
	    (percent >= 99.95 && percent < 100) || (percent > 0 && percent < 0.1) ? "%.2f%%"
										  : "%.1f%%",
	    percent);
}

const char *
pieces_share(struct page *p, int64_t part, int64_t all)
{
	double share;

	if (all <= 0)
		return "";
	share = 100.0 * (double)part / (double)all;
	if (share > 0 && share < 0.1)
		return "< 0.1%";
	if (share > 99.9 && share < 100)
		return "> 99.9%";
	return arena_printf(p->arena, "%.1f%%", fmax(0, fmin(share, 100)));
}

const char *
pieces_left(const char *why)
{
	if (strcmp(why, "bye") == 0)
		return "said goodbye";
	if (strcmp(why, "dropped") == 0)
		return "sent away by the operator";
	if (strcmp(why, "banned") == 0)
		return "banned";
	return "silent for too long";
}

const char *
pieces_kind(const char *kind)
{
	static const struct {
		const char *kind, *words;
	} kinds[] = {
	    {"timed_out", "timed out"},
	    {"abandoned", "abandoned for another job"},
	    {"failed", "failed"},
	    {"flagged", "input flagged as invalid"},
	    {"released", "given back"},
	    {"requeued", "put back by the operator"},
	    {"refused", "result sent back"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, kind) == 0)
			return kinds[i].words;
	return kind;
}

const char *
pieces_reason(struct page *p, const char *kind, const char *reason)
{
	static const char *const theirs[] = {"failed", "flagged", "released"};
	long long flags;

	if (p->settings->public_data)
		return reason;
	/* Said by refuse_input, before a worker's own words. */
	if (sscanf(reason, "flagged by %18lld worker", &flags) == 1 && flags > 0)
		return arena_printf(p->arena, "flagged by %s", pieces_workers(p, flags));
	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
		if (strcmp(kind, theirs[i]) == 0)
			return "";
	return reason;
}

const char *
pieces_query_text(struct page *p, const char *name)
{
	struct err ignored = ERR_INIT;
	const char *text;
	size_t len;

	if (!p->query || !url_query(p->arena, p->query, name, &text, &len, &ignored))
		return NULL;
	if (!text || len == 0 || text_chars(text, len) > NICKNAME_MAX)
		return NULL;
	return text;
}

bool
pieces_query_key(struct page *p, const char *name, int64_t *first, int64_t *second)
{
	const char *text = pieces_query_text(p, name), *dash;

	if (!text || !(dash = strchr(text, '-')))
		return false;
	return text_to_int(text, (size_t)(dash - text), 0, KEY_MAX, first) &&
	    text_to_int(dash + 1, strlen(dash + 1), 0, KEY_MAX, second);
}

void
pieces_heard(struct page *p, struct piece_worker *workers, int n)
{
	const struct redis_value *values;
	struct err e = ERR_INIT;
	size_t count;
	bool good;

	if (!p->redis || n == 0)
		return;
	redis_begin(p->redis);
	for (int i = 0; i < n; i++)
		redis_put_words(p->redis, "HMGET",
		    arena_printf(p->arena, "%sw:%lld", p->redis_prefix, (long long)workers[i].id),
		    "seen", "progress", NULL);
	good = redis_flush(p->redis, &values, &count, &e);
	health_of_redis(p->shared, PART_PROGRESS, p->redis, good, &e);
	if (!good || count != (size_t)n)
		return;
	for (int i = 0; i < n; i++) {
		const struct redis_value *v = &values[i];
		int64_t seen_ms;

		if (v->kind != REDIS_LIST || v->count != 2)
			continue;
		if (v->items[0].kind == REDIS_TEXT &&
		    text_to_int(v->items[0].s, v->items[0].len, 0, INT64_MAX / 1000, &seen_ms) &&
		    seen_ms * 1000 > workers[i].seen_us)
			workers[i].seen_us = seen_ms * 1000;
		if (v->items[1].kind == REDIS_TEXT && v->items[1].len > 0)
			workers[i].progress = arena_dup(p->arena, v->items[1].s, v->items[1].len);
	}
}

int64_t
pieces_stale_s(const struct page *p)
{
	return settings_stale_s(p->settings);
}

const char *
pieces_state(const struct page *p, int64_t seen_us, bool holds)
{
	if (clock_wall_us() - seen_us > pieces_stale_s(p) * 1000000)
		return "stale";
	return holds ? "live" : "waiting";
}

const char *
pieces_spark(struct page *p, const char *csv, int width, int height)
{
	double values[SPARK_MAX], most = 1;
	char *path;
	size_t size = SPARK_MAX * 24;
	int n = 0, used = 0;

	for (const char *at = csv; *at != 0 && n < SPARK_MAX; n++) {
		values[n] = fmax(0, pieces_number(&at));
		most = fmax(most, values[n]);
	}
	if (n < 2)
		return "";
	path = arena_alloc(p->arena, size);
	for (int i = 0; i < n; i++)
		used +=
		    snprintf(path + used, size - (size_t)used, "%c%.4g %.4g", i == 0 ? 'M' : 'L',
			(double)width * i / (n - 1), height - 1 - (height - 2) * values[i] / most);
	return path;
}
