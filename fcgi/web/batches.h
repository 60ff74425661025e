/*
 * batches -- rows of batches, as the dashboard, /batches and /batch/NAME show them and stats.json tells them.
 *
 * Threads	each call is its page's.
 * Ownership	text is the page's arena's.
 * Units	*_us: UTC microseconds since 1970, 0 = never; *_s: seconds, -1 = unknown.
 * Errors	ERR_AWAY.
 * Source	tracker.read_open_batches, read_ended_batches, read_batch_rows.
 */
#ifndef WEB_BATCHES_H
#define WEB_BATCHES_H

#include "web/page.h"
#include "web/template.h"

#define BATCHES_FEW 20   /* on the dashboard */
#define BATCHES_MOST 100 /* on a page of their own */

struct batch {
	int64_t batch, first, last; /* numbers of its jobs */
	int64_t created_us, ended_us;
	int64_t priority;
	int64_t done, total; /* completions, over all stages, without what failed or is cancelled */
	int64_t failed, cancelled, in_hand, waiting;
	const char *name, *note;
	const char *needs;      /* words, ", " between; "" */
	const char *needs_told; /* the same in a sentence: a few, "and 3 more" */
	int64_t rate;           /* jobs a minute at most; 0 = as many as are asked for */
	const char *state;      /* moving, paused, cancelled, needs, rate, turn, idle, ended */
	const char *why;        /* for people: what holds it up; "" */
	double per_minute;
	int64_t eta_s, low_s, high_s;
	int64_t shown_s; /* eta_s, as precise as it is known */
};

struct batches {
	struct batch row[BATCHES_MOST];
	int n;
	bool more;     /* there are others behind the last */
	int64_t known; /* 1: the only one of all, 2: there are others, whatever is shown */
};

/* Those that are not over, in the order of their turns, behind `after` (NULL: from the first); `most` at most. */
bool batches_read_open(struct page *p, const struct batch *after, int most, struct batches *b,
    struct err *e) __attribute__((warn_unused_result));
/* Those that are over, the last one first. */
bool batches_read_ended(struct page *p, const struct batch *after, int most, struct batches *b,
    struct err *e) __attribute__((warn_unused_result));
/* ERR_MISSING when none has that name. */
bool batches_find(struct page *p, const char *name, struct batch *out, struct err *e)
    __attribute__((warn_unused_result));

/* Whether there is anything to see that the project's own numbers do not say: many, or one held up. */
bool batches_are_news(const struct batches *b);
/* 0 to 100; of one that is cancelled it says nothing. */
double batches_percent(const struct batch *b);
bool batches_is_cancelled(const struct batch *b);
/* Fills the section FAR, unless it is cancelled. */
void batches_put_far(struct page *p, struct template_dict *d, const struct batch *b);
/* "2 h 5 min", "Finished", "". */
const char *batches_eta_text(struct page *p, const struct batch *b);

/* Fills {{>BATCH_ROWS}} with as many rows as have room in `bytes` of words, one at least. Answers how many. */
int batches_put(struct page *p, struct template_dict *d, const struct batches *b, size_t bytes);

#endif
