/*
 * parts -- what every page shares: head and foot, times, counts, bars and addresses.
 *
 * Markup lives in templates/; here is only what fills it. A key is the name of a template's variable.
 *
 * Threads	each call is its page's.
 * Ownership	text returned is the page's arena's.
 * Units	*_us: UTC microseconds since 1970.
 */
#ifndef WEB_PARTS_H
#define WEB_PARTS_H

#include "web/page.h"
#include "web/template.h"

enum part_nav { NAV_NONE, NAV_DASHBOARD, NAV_BOARD, NAV_JOIN };

struct part_head {
	const char *title;       /* NULL: the project's name alone */
	const char *description; /* for chats and search engines */
	const char *address;     /* of this page, from the root: "/leaderboard" */
	enum part_nav nav;
};

/* Fills {{>HEAD}} and {{>FOOT}}. */
void parts_frame(struct page *p, struct template_dict *d, const struct part_head *head);

/* Plain text as {{#PART}} sections: {{#PART_TEXT}}, and {{#PART_LINK}} for http(s) addresses in it. */
void parts_linked(struct template_dict *d, const char *text);

/* 1234567 -> "1,234,567". */
void parts_count(struct template_dict *d, const char *key, int64_t n);
/* At most two decimals, fewer the bigger the number: "0.25", "3.4", "1,234". */
void parts_rate(struct template_dict *d, const char *key, double n);
/* "3 min ago" and the time in full, for <time datetime>. Opens `section` unless at_us is 0. */
void parts_time(
    struct template_dict *d, const char *section, const char *iso, const char *ago, int64_t at_us);
/* The same into a section that is open. */
void parts_time_in(struct template_dict *d, const char *iso, const char *ago, int64_t at_us);
/* A stage's letter in both cases, and its name. */
void parts_stage(struct page *p, struct template_dict *d, const char *letter, const char *letter_up,
    const char *name, int64_t stage);
/* "17 Nov". */
const char *parts_day(struct page *p, int64_t at_us);
/* "1.2 MiB". */
const char *parts_bytes(struct page *p, int64_t n);
/* The number at *at, which moves behind it and its comma. */
double parts_number(const char **at);
/* "2 h 5 min", of a span. */
const char *parts_span(struct page *p, int64_t seconds);
/* The same of a job: "under 0.1 s", "0.3 s", "12 s". */
const char *parts_took(struct page *p, int64_t took_us);
/* "just now", "1 min ago" */
void parts_ago_text(char *out, size_t size, int64_t seconds);
const char *parts_rate_text(struct page *p, double n);
const char *parts_count_text(struct page *p, int64_t n);
/* "a" for 1. */
const char *parts_letter(struct page *p, int64_t stage);
const char *parts_stage_name(const struct page *p, int64_t stage);
/* The stage's name as it stands in /worker/{stage}/…; see parts_find_stage. */
const char *parts_stage_part(struct page *p, int64_t stage);
/* 1..5 by name, whatever the case; 0 when there is none. */
bool parts_find_stage(struct page *p, const char *name, int64_t *stage, struct err *e);

/* "/worker/{stage}/{name}". */
void parts_worker_address(struct page *p, struct buf *out, int64_t stage, const char *name);
/* base_url, else something that says what goes there. */
const char *parts_own_url(const struct page *p);
/* "1 job", "1,234 jobs". */
const char *parts_jobs(struct page *p, int64_t n);
/* "1 worker", "3 workers". */
const char *parts_workers(struct page *p, int64_t n);
/* "12.3%", "< 0.1%", "> 99.9%" of less than all; "" when there is nothing to share. */
const char *parts_share(struct page *p, int64_t part, int64_t all);
/* "63.4%", "0.03%", "< 0.01%". */
const char *parts_percent_text(struct page *p, double percent);
/* A strike's kind in plain words. */
const char *parts_kind(const char *kind);
/*
 * Why, as far as everybody may read it. What a worker says may be the last line of its command's standard
 * error, with paths of somebody's disk: it is shown with public_data only. Words of ours and of the
 * operator always are.
 */
const char *parts_reason(struct page *p, const char *kind, const char *reason);

/* A text from the query; NULL when absent, empty, malformed or longer than 128 characters. */
const char *parts_query_text(struct page *p, const char *name);
/*
 * "after=NUMBER-NUMBER": the key of the last row of the page before; false when absent or malformed.
 * Neither is negative or over KEY_MAX, which is the year 9999 in microseconds: no query overflows.
 */
#define KEY_MAX INT64_C(253402300799999999)
bool parts_query_key(struct page *p, const char *name, int64_t *first, int64_t *second);

/* What Redis has heard of workers since PostgreSQL was told. Away: nothing changes. */
struct part_worker {
	int64_t id, seen_us;
	const char *progress; /* NULL: unknown */
};
void parts_heard(struct page *p, struct part_worker *workers, int n);

/* A worker is stale when silent for a quarter of idle_timeout, two minutes at least. */
int64_t parts_stale_s(const struct page *p);
/* "live", "waiting" (holds nothing), "stale". */
const char *parts_state(const struct page *p, int64_t seen_us, bool holds);

/* A line of `n` values as an SVG path in a box of width x height. */
const char *parts_spark(struct page *p, const char *csv, int width, int height);

#endif
