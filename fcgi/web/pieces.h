/*
 * pieces -- what every page shares: head and foot, times, counts, bars and addresses.
 *
 * Markup lives in templates/; here is only what fills it. A key is the name of a template's variable.
 *
 * Threads	each call is its page's.
 * Ownership	text returned is the page's arena's.
 * Units	*_us: UTC microseconds since 1970.
 */
#ifndef WEB_PIECES_H
#define WEB_PIECES_H

#include "web/page.h"
#include "web/template.h"

enum piece_nav { NAV_NONE, NAV_DASHBOARD, NAV_BOARD, NAV_JOIN };

struct piece_head {
	const char *title;       /* NULL: the project's name alone */
	const char *description; /* for chats and search engines */
	const char *address;     /* of this page, from the root: "/leaderboard" */
	enum piece_nav nav;
};

/* Fills {{>HEAD}} and {{>FOOT}}. */
void pieces_frame(struct page *p, struct template_dict *d, const struct piece_head *head);

/* Plain text as {{#PIECE}} sections: {{#PIECE_TEXT}}, and {{#PIECE_LINK}} for http(s) addresses in it. */
void pieces_linked(struct template_dict *d, const char *text);

/* 1234567 -> "1,234,567". */
void pieces_count(struct template_dict *d, const char *key, int64_t n);
/* At most two decimals, fewer the bigger the number: "0.25", "3.4", "1,234". */
void pieces_rate(struct template_dict *d, const char *key, double n);
/* "3 min ago" and the time in full, for <time datetime>. Opens `section` unless at_us is 0. */
void pieces_time(
    struct template_dict *d, const char *section, const char *iso, const char *ago, int64_t at_us);
/* The same into a section that is open. */
void pieces_time_in(struct template_dict *d, const char *iso, const char *ago, int64_t at_us);
/* A stage's letter in both cases, and its name. */
void pieces_stage(struct page *p, struct template_dict *d, const char *letter,
    const char *letter_up, const char *name, int64_t stage);
/* "17 Nov". */
const char *pieces_day(struct page *p, int64_t at_us);
/* "1.2 MiB". */
const char *pieces_bytes(struct page *p, int64_t n);
/* The number at *at, which moves behind it and its comma. */
double pieces_number(const char **at);
/* "2 h 5 min", of a span. */
const char *pieces_span(struct page *p, int64_t seconds);
/* "between 2 h and 3 h"; NULL when low_s is -1. high_s -1: nobody knows an end. */
const char *pieces_range_text(struct page *p, int64_t low_s, int64_t high_s);
/* The same of a job: "under 0.1 s", "0.3 s", "12 s". */
const char *pieces_took(struct page *p, int64_t took_us);
/* "just now", "1 min ago" */
void pieces_ago_text(char *out, size_t size, int64_t seconds);
const char *pieces_rate_text(struct page *p, double n);
const char *pieces_count_text(struct page *p, int64_t n);
/* "a" for 1. */
const char *pieces_letter(struct page *p, int64_t stage);
const char *pieces_stage_name(const struct page *p, int64_t stage);
/* The stage's name as it stands in /worker/{stage}/…; see pieces_find_stage. */
const char *pieces_stage_in_path(struct page *p, int64_t stage);
/* 1..5 by name, whatever the case; 0 when there is none. */
bool pieces_find_stage(struct page *p, const char *name, int64_t *stage, struct err *e);

/* "/worker/{stage}/{name}". */
void pieces_worker_address(struct page *p, struct buf *out, int64_t stage, const char *name);
/* base_url, else something that says what goes there. */
const char *pieces_own_url(const struct page *p);
/* "1 job", "1,234 jobs". */
const char *pieces_jobs(struct page *p, int64_t n);
/* "1 worker", "3 workers". */
const char *pieces_workers(struct page *p, int64_t n);
/* "12.3%", "< 0.1%", "> 99.9%" of less than all; "" when there is nothing to share. */
const char *pieces_share(struct page *p, int64_t part, int64_t all);
/* "63.4%", "0.03%", "< 0.01%". */
const char *pieces_percent_text(struct page *p, double percent);
/* A strike's kind in plain words. */
const char *pieces_kind(const char *kind);
/* "said goodbye", of worker.gone_why. */
const char *pieces_left(const char *why);
/*
 * Why, as far as everybody may read it. What a worker says may be the last line of its command's standard
 * error, with paths of somebody's disk: it is shown with public_data only. Words of ours and of the
 * operator always are.
 */
const char *pieces_reason(struct page *p, const char *kind, const char *reason);

/* A text from the query; NULL when absent, empty, malformed or longer than 128 characters. */
const char *pieces_query_text(struct page *p, const char *name);
/*
 * "after=NUMBER-NUMBER": the key of the last row of the page before; false when absent or malformed.
 * Neither is negative or over KEY_MAX, which is the year 9999 in microseconds: no query overflows.
 */
#define KEY_MAX INT64_C(253402300799999999)
bool pieces_query_key(struct page *p, const char *name, int64_t *first, int64_t *second);

/* What Redis has heard of workers since PostgreSQL was told. Away: nothing changes. */
struct piece_worker {
	int64_t id, seen_us;
	const char *progress; /* NULL: unknown */
};
void pieces_heard(struct page *p, struct piece_worker *workers, int n);

/* See settings_stale_s. */
int64_t pieces_stale_s(const struct page *p);
/* "live", "waiting" (holds nothing), "stale". */
const char *pieces_state(const struct page *p, int64_t seen_us, bool holds);

/* A line of `n` values as an SVG path in a box of width x height. */
const char *pieces_spark(struct page *p, const char *csv, int width, int height);

#endif
