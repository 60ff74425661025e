/*
 * facts -- the state of the whole project, read once for the dashboard, the numbers and the badges.
 *
 * Threads	each call is its page's, facts_forget any; what was read is shared by all pages of the process for a
 *		second, the crowd for five.
 * Ownership	text is the page's arena's.
 * Units	*_us: UTC microseconds since 1970; *_s: seconds, -1 = unknown.
 * Errors	ERR_AWAY.
 * Source	tracker.read_counts, read_present, read_failing, read_pace, read_eta, read_latest.
 */
#ifndef WEB_FACTS_H
#define WEB_FACTS_H

#include "web/page.h"

struct facts_stage {
	int64_t stage;
	const char *name;
	bool paused;
	bool gated; /* something that waits has needs or a rate */
	int64_t ready, retry, due, leased, done, failed, cancelled;
	int64_t held, held_retry; /* of ready, and of retry: of batches that are paused */
	int64_t expected;  /* jobs that it is to see: neither lost before nor cancelled here */
	int64_t remaining; /* of these, what is neither done nor failed */
	int64_t present, working; /* workers */
	int64_t done_5m, done_1h, done_24h;
	int64_t bad_5m;       /* attempts that failed */
	int64_t bad_workers;  /* of so many workers */
	int64_t bad_since_us; /* since then more fail than are done; 0 = unknown */
	const char *bad_how;  /* what most of them did, in words */
	double bad_per_minute;
};

struct facts_result {
	int64_t stage, job, started_us, finished_us;
	const char *worker, *person;
};

#define FACTS_LATEST 8 /* latest completions that are shown */

struct facts {
	struct facts_stage stage[STAGES_MAX];
	int stages;
	int64_t jobs;                   /* loaded */
	int64_t total, done, remaining; /* completions, over all stages */
	int64_t failed, cancelled, leased, waiting, present, working;
	int64_t done_5m, done_1h, done_24h;
	double bad_per_minute;                    /* attempts that fail */
	int64_t first_us;                         /* minute of the first completion; 0 = none */
	int64_t last_us;                          /* last completion that stands */
	struct facts_result latest[FACTS_LATEST]; /* that stand, newest first */
	int latest_n;
	double per_minute; /* of the last five minutes, or since the first completion */
	const char *state; /* empty, finished, cancelled, calculating, stalled, paused, moving */
	bool heard;        /* one of those who are here, lately */
	int64_t eta_s, low_s, high_s;
	int64_t shown_s; /* eta_s, as precise as it is known */
	int slowest;     /* stage that sets the time, 0 = none to name */
};

bool facts_read(struct page *p, struct facts *f, struct err *e) __attribute__((warn_unused_result));
/* A name that stands in them has changed: they are read anew. */
void facts_forget(void);

/* "3 days and 4 hours", "Calculating...", "Finished", "Unknown". */
const char *facts_eta_text(struct page *p, const struct facts *f);
/* The share of a stage's attempts of late that failed: 0 to 1. */
double facts_bad_share(const struct facts_stage *s);
/* "between 2 h and 3 h"; NULL when there is none. */
const char *facts_range_text(struct page *p, const struct facts *f);
/* 0 to 100; 100 when something was done and nothing is left to do, and never before. */
double facts_percent(const struct facts *f);
/* "63.4%", "0.03%", "< 0.01%". */
const char *facts_percent_text(struct page *p, const struct facts *f);
/* One sentence for a shared link. */
const char *facts_sentence(struct page *p, const struct facts *f);

#define FACTS_BAR 4
/* Widths of done, in hand, open and failed in a stage's bar that is 1,000 wide. */
void facts_bar(const struct facts *f, int stage, int64_t parts[FACTS_BAR]);

#define FACTS_NOTES 16
/* Why nothing moves, or what to look at, in words. Answers how many. */
int facts_notes(struct page *p, const struct facts *f, const char *notes[FACTS_NOTES]);

#endif
