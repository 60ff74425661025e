#include "worker/sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "worker/report.h"
#include "worker/say.h"
#include "worker/talk.h"

#define LINGER_US 1000000     /* results of this long go together */
#define PROGRESS_US 5000000   /* between two tellings of progress */
#define HEARTBEAT_US 20000000 /* the longest silence, however patient the tracker is */
#define SHORT_EVERY_US 600000000
#define RECOUNT_US 10000000 /* between two lists of what is in hand, if there are calls */
#define ANSWER_MS 60000     /* for a call that does not wait */
#define CALL_ITEMS 1000
#define WANT_MAX 1000
#define LEASE_MAX 256
#define LOST_MAX 10000 /* of one answer's `drop` */

struct sync {
	struct worker *w;
	struct identity *who; /* NULL = not registered */
	struct http_call hello, waiting, report, bye;
	int items_most;      /* in the next report: 1,000, less after a refusal */
	int told;            /* items in the report under way */
	int wanted;          /* by the last call */
	int allowance;       /* how many we may hold, by the last answer that says; 0 = not known */
	struct backoff ask;  /* for work: after answers that brought none too soon */
	struct backoff tell; /* of outcomes: after answers that passed over them */
	int64_t spoke_us;    /* when the last call was begun */
	int64_t recount_us;  /* list what is in hand, at the latest */
	int64_t progress_us;
	int64_t short_told_us; /* that slots are idle for want of allowance */
	char progress[1100];   /* as told last */
	bool recount;          /* an answer was lost: list what is in hand */
	bool superseded;       /* a report has ended the waiting call */
	bool useful;           /* the tracker has been, since we registered */
	bool worked, unknown;
};

/* ---- writing a call --------------------------------------------------------------------------- */

static void
put_holding(struct sync *s, struct buf *b)
{
	const char *comma = "";

	buf_puts(b, ",\"holding\":[");
	for (const struct item *i = s->w->hand.items; i; i = i->next) {
		if (i->who != s->who || i->lost || i->told_by)
			continue;
		buf_printf(b, "%s%" PRId64, comma, i->job);
		comma = ",";
	}
	buf_putc(b, ']');
}

static void
put_progress(struct sync *s, struct buf *b, int64_t now_us)
{
	char text[sizeof(s->progress)];

	hand_progress(&s->w->hand, text, sizeof(text));
	if (strcmp(text, s->progress) == 0)
		return;
	buf_puts(b, ",\"progress\":");
	json_put_text(b, text, strlen(text));
	memcpy(s->progress, text, sizeof(text));
	s->progress_us = now_us;
}

/* How many more the tracker would give us: what it has not heard the outcome of counts as held. */
static int
may_have(const struct sync *s)
{
	int left = s->allowance > 0 ? s->allowance : WANT_MAX;

	for (const struct item *i = s->w->hand.items; i && left > 0; i = i->next)
		left -= i->who == s->who && !i->lost;
	return left < WANT_MAX ? left : WANT_MAX;
}

static int
wants(const struct sync *s, int64_t now_us)
{
	int n, most;

	if (backoff_holds(&s->ask, now_us) || s->w->stopping != STOP_NOT)
		return 0;
	n = hand_wants(&s->w->hand, now_us);
	most = may_have(s);
	return n < most ? n : most;
}

/* The members that both kinds of call share, and the end of the object. */
static void
put_rest(struct sync *s, struct buf *b, int want, int64_t now_us)
{
	put_progress(s, b, now_us);
	if (s->recount || now_us >= s->recount_us) {
		put_holding(s, b);
		s->recount_us = now_us + RECOUNT_US;
	}
	s->recount = false;
	s->wanted = want;
	buf_printf(b, ",\"want\":%d,\"slots\":%d", want, s->w->o.hand.slots);
	s->spoke_us = now_us;
}

static void
send_report(struct sync *s, int64_t now_us)
{
	struct buf *b = &s->report.body;

	s->told = report_put(s->w, s->who, &s->report, s->items_most);
	put_rest(s, b, wants(s, now_us), now_us);
	buf_puts(b, ",\"wait\":0}");
	s->superseded = s->waiting.busy;
	http_start(s->w->http, &s->report, "/api/sync", ANSWER_MS);
}

static int64_t
wait_s(const struct sync *s)
{
	int64_t most_s = s->w->o.wait_s, s_ = worker_silence_us(s->w, most_s * 1000000) / 1000000;

	return s_ > 0 || most_s == 0 ? s_ : 1;
}

static void
send_waiting(struct sync *s, int want, int64_t now_us)
{
	struct buf *b = &s->waiting.body;

	report_put(s->w, s->who, &s->waiting, 0);
	put_rest(s, b, want, now_us);
	buf_printf(b, ",\"wait\":%" PRId64 "}", wait_s(s));
	s->superseded = false;
	http_start(s->w->http, &s->waiting, "/api/sync", wait_s(s) * 1000 + ANSWER_MS);
}

/* ---- reading an answer ------------------------------------------------------------------------ */

/* True: it is one more in hand. */
static bool
take_job(struct sync *s, struct http_call *c, struct json_span job)
{
	enum { JOB, LEASE, DATA, STAGE, ATTEMPT, FIELDS };
	struct scan_field f[FIELDS] = {{.name = "job"}, {.name = "lease"}, {.name = "data"},
	    {.name = "stage"}, {.name = "attempt"}};
	struct json_text lease, stage;
	struct item *i;
	int64_t n;

	if (!scan_members(job, f, FIELDS) || !scan_as_int(f[JOB].value, &n) || !f[DATA].value.s ||
	    !talk_text(c, f[LEASE].value, LEASE_MAX, &lease))
		return false;
	i = item_new(s->who, n, lease.s);
	if (talk_text(c, f[STAGE].value, sizeof(i->stage) - 1, &stage))
		snprintf(i->stage, sizeof(i->stage), "%s", stage.s);
	if (!scan_as_int(f[ATTEMPT].value, &i->attempt))
		i->attempt = 0;
	talk_take_data(c, f[DATA].value, i);
	return hand_add(&s->w->hand, i);
}

/*
 * What was asked for; and, since an answer that got lost may come again with this one, as much once more
 * as all slots could have asked for.
 */
static int
jobs_most(const struct sync *s)
{
	return s->wanted + 2 * s->w->o.hand.slots;
}

static int
take_jobs(struct sync *s, struct http_call *c, struct json_span jobs)
{
	struct json_span rest = jobs, job;
	int taken = 0, most = jobs_most(s);

	for (int n = 0; n < most + WANT_MAX && scan_next(&rest, &job); n++) {
		if (taken == most) {
			say(SAY_WARN, "the tracker sends jobs that nobody asked for: not taken");
			break;
		}
		taken += take_job(s, c, job);
	}
	return taken;
}

static void
take_lost(struct sync *s, struct json_span lost)
{
	struct json_span rest = lost, one;
	int64_t job;

	for (int n = 0; n < LOST_MAX && scan_next(&rest, &one); n++) {
		if (!scan_as_int(one, &job))
			continue;
		for (struct item *i = s->w->hand.items, *after; i; i = after) {
			after = i->next;
			if (i->who == s->who && i->job == job)
				hand_lose(&s->w->hand, i);
		}
	}
}

/* A number of seconds, 0 when it is none. */
static int64_t
seconds_of(struct json_span value)
{
	char text[32], *end;
	double n;

	if (!value.s || value.len >= sizeof(text))
		return 0;
	memcpy(text, value.s, value.len);
	text[value.len] = '\0';
	n = strtod(text, &end);
	if (end == text || !(n >= 1))
		return 0;
	return n < BACKOFF_ASKED_MAX_S ? (int64_t)(n + 0.5) : BACKOFF_ASKED_MAX_S;
}

/* The waiting call brought nothing: when to ask again. */
static void
pace(struct sync *s, int64_t after_s, int64_t now_us)
{
	if (after_s > 0) {
		backoff_over(&s->ask);
		s->ask.until_us = now_us + after_s * 1000000;
	} else if (s->waiting.took_ms + 1000 < wait_s(s) * 1000) {
		backoff_fail(&s->ask, now_us, 0);
	}
}

/* Slots may stay idle since the tracker lets us hold fewer jobs: told now and then. */
static void
tell_allowance(struct sync *s, int64_t now_us)
{
	int slots = s->w->o.hand.slots, idle = slots - s->allowance;

	if (idle <= 0 || now_us < s->short_told_us + SHORT_EVERY_US)
		return;
	s->short_told_us = now_us;
	say(SAY_INFO,
	    "the tracker lets this worker have %d %s at a time for now, so %d of its %d slots "
	    "%s: each result is one more, each failure one less",
	    s->allowance, text_plural(s->allowance, "job", "jobs"), idle, slots,
	    text_plural(idle, "is idle", "are idle"));
}

static void
take_allowance(struct sync *s, struct json_span value, int64_t now_us)
{
	int64_t allowance;

	if (!scan_as_int(value, &allowance) || allowance < 1 || allowance > WANT_MAX)
		return;
	s->allowance = (int)allowance;
	tell_allowance(s, now_us);
}

static bool
is_true(struct json_span value)
{
	return value.len == 4 && memcmp(value.s, "true", 4) == 0;
}

/* True: the answer was of use. */
static bool
take_answer(struct sync *s, struct http_call *c)
{
	enum { RESULTS, JOBS, LOST, AFTER, MESSAGE, FINISHED, ALLOWANCE, RESTING, FIELDS };
	struct scan_field f[FIELDS] = {{.name = "results"}, {.name = "jobs", .lenient = true},
	    {.name = "drop"}, {.name = "retry_after"}, {.name = "message"}, {.name = "finished"},
	    {.name = "allowance"}, {.name = "resting"}};
	struct json_text message;
	int64_t now_us = clock_us(), taken;
	int settled;

	if (!talk_read(c, f, FIELDS))
		return false;
	worker_reached(s->w);
	taken = s->w->tally.taken;
	settled = report_take_results(s->w, c, f[RESULTS].value);
	if (s->w->tally.taken > taken)
		backoff_over(&s->ask); /* a result ends a rest */
	if (c == &s->report && s->told > 0 && settled == 0)
		backoff_fail(&s->tell, now_us, 0);
	else if (settled > 0)
		backoff_over(&s->tell);
	take_lost(s, f[LOST].value);
	take_allowance(s, f[ALLOWANCE].value, now_us);
	s->w->rests = is_true(f[RESTING].value);
	if (take_jobs(s, c, f[JOBS].value) > 0) {
		s->w->message[0] = '\0';
		backoff_over(&s->ask);
		return true;
	}
	if (c == &s->waiting && !s->superseded)
		pace(s, seconds_of(f[AFTER].value), now_us);
	if ((c == &s->report || !s->superseded) && (s->w->rests || s->w->hand.running == 0) &&
	    talk_text(c, f[MESSAGE].value, SIZE_MAX, &message))
		worker_tell_message(s->w, message.s, message.len);
	if (s->w->o.until_done && is_true(f[FINISHED].value))
		worker_stop(s->w, STOP_AFTER_JOBS);
	return true;
}

/* ---- what an answer means --------------------------------------------------------------------- */

static void
on_answer(struct sync *s, struct http_call *c)
{
	if (!take_answer(s, c)) {
		report_untell(s->w, c);
		worker_away(s->w, AWAY_SILENT, "its answer is no answer of /api/sync", 0);
		return;
	}
	s->worked = s->useful = true;
	s->items_most = CALL_ITEMS;
}

static void
on_unknown(struct sync *s, struct http_call *c)
{
	report_untell(s->w, c);
	talk_lose_identity(s->w, s->who, s->useful);
	s->who = NULL;
	s->progress[0] = '\0';
	http_cancel(s->w->http, &s->waiting);
}

static void
on_refused(struct sync *s, struct http_call *c)
{
	char why[200];

	if (c == &s->report && s->told > 0) {
		s->items_most = report_shrink(s->w, c, s->told);
		return;
	}
	worker_away(s->w, AWAY_UNWANTED, talk_why(c, why, sizeof(why)), 0);
}

static void
on_no_answer(struct sync *s, struct http_call *c, enum meaning meaning)
{
	report_untell(s->w, c);
	s->recount = true;
	s->progress[0] = '\0';
	talk_take_away(s->w, c, meaning);
}

static void
on_sync(struct http_call *c)
{
	struct sync *s = c->owner;
	enum meaning meaning = talk_meaning(c);

	if (!s->who)
		report_untell(s->w, c); /* an earlier answer had it that we are unknown */
	else if (meaning == MEANS_ANSWER)
		on_answer(s, c);
	else if (meaning == MEANS_UNKNOWN)
		on_unknown(s, c);
	else if (meaning == MEANS_REFUSED)
		on_refused(s, c);
	else if (meaning == MEANS_NO_CALL && !s->worked) {
		report_untell(s->w, c);
		s->unknown = true;
	} else
		on_no_answer(s, c, meaning);
}

/* ---- arriving and leaving --------------------------------------------------------------------- */

static void
on_hello(struct http_call *c)
{
	struct sync *s = c->owner;

	s->who = talk_take_welcome(s->w, c);
	s->spoke_us = clock_us();
	s->useful = false;
	s->allowance = 0;
}

static void
say_hello(struct sync *s)
{
	struct buf path;

	buf_init(&path, 0);
	talk_put_new_path(s->w, s->w->o.hand.slots, &path);
	http_start_keyed(s->w->http, &s->hello, buf_text(&path), ANSWER_MS);
	buf_fini(&path);
}

static void
on_bye(struct http_call *c)
{
	struct sync *s = c->owner;
	enum meaning meaning = talk_meaning(c);

	if (meaning == MEANS_AWAY || meaning == MEANS_DISTRUSTED)
		talk_take_away(s->w, c, meaning);
	else
		s->w->finished = true;
}

static void
say_bye(struct sync *s)
{
	if (!s->who) {
		s->w->finished = true;
		return;
	}
	talk_open_body(&s->bye, s->who);
	buf_putc(&s->bye.body, '}');
	http_start(s->w->http, &s->bye, "/api/bye", ANSWER_MS);
}

/* ---- deciding --------------------------------------------------------------------------------- */

/* When the oldest outcome must go; INT64_MAX when there is none. */
static int64_t
outcomes_due(const struct sync *s, int64_t now_us)
{
	const struct hand *h = &s->w->hand;

	if (h->ended == 0)
		return INT64_MAX;
	for (const struct item *i = h->items; i; i = i->next) {
		if (!report_is_due(i, s->who))
			continue;
		if (backoff_holds(&s->tell, now_us))
			return s->tell.until_us;
		/* With a call waiting there is no work to be had by hurrying. */
		if (s->w->stopping != STOP_NOT || (hand_starves(h) && !s->waiting.busy))
			return now_us;
		return i->ended_us + LINGER_US;
	}
	return INT64_MAX;
}

static int64_t
progress_due(const struct sync *s)
{
	char text[sizeof(s->progress)];

	if (s->w->hand.running == 0)
		return INT64_MAX;
	hand_progress(&s->w->hand, text, sizeof(text));
	return strcmp(text, s->progress) != 0 ? s->progress_us + PROGRESS_US : INT64_MAX;
}

static int64_t
report_due(struct sync *s, int64_t now_us)
{
	int64_t due = sooner(outcomes_due(s, now_us), progress_due(s));

	if (s->waiting.busy || s->w->stopping == STOP_NOW)
		return due;
	return sooner(due, s->spoke_us + worker_silence_us(s->w, HEARTBEAT_US));
}

static int64_t
tick_present(struct sync *s, int64_t now_us)
{
	int64_t report_us = report_due(s, now_us);
	int want = wants(s, now_us);

	if (s->report.busy)
		return INT64_MAX;
	/* After an outage a call that is answered at once: the waiting one would leave us in doubt. */
	if (now_us >= report_us || s->w->away_told) {
		send_report(s, now_us);
		return INT64_MAX;
	}
	if (want > 0 && !s->waiting.busy)
		send_waiting(s, want, now_us);
	return sooner(report_us, backoff_holds(&s->ask, now_us) ? s->ask.until_us : INT64_MAX);
}

int64_t
sync_tick(struct sync *s, int64_t now_us)
{
	struct worker *w = s->w;

	if (s->hello.busy || s->bye.busy)
		return INT64_MAX;
	if (w->stopping != STOP_NOT)
		http_cancel(w->http, &s->waiting);
	if (backoff_holds(&w->backoff, now_us))
		return w->backoff.until_us;
	if (w->stopping != STOP_NOT && !w->hand.items && !s->report.busy) {
		say_bye(s);
		return INT64_MAX;
	}
	if (s->who)
		return tick_present(s, now_us);
	/* Also when stopping: results in hand may need somebody to offer them. */
	if (!s->report.busy)
		say_hello(s);
	return INT64_MAX;
}

bool
sync_works(const struct sync *s)
{
	return s->worked;
}

bool
sync_is_unknown(const struct sync *s)
{
	return s->unknown;
}

struct sync *
sync_new(struct worker *w)
{
	struct sync *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->w = w;
	s->items_most = CALL_ITEMS;
	s->short_told_us = -SHORT_EVERY_US;
	http_call_init(&s->hello, HTTP_SMALL, on_hello, s);
	http_call_init(&s->waiting, (size_t)w->o.max_input, on_sync, s);
	http_call_init(&s->report, (size_t)w->o.max_input, on_sync, s);
	http_call_init(&s->bye, HTTP_SMALL, on_bye, s);
	return s;
}

void
sync_free(struct sync *s)
{
	if (!s)
		return;
	http_call_fini(s->w->http, &s->hello);
	http_call_fini(s->w->http, &s->waiting);
	http_call_fini(s->w->http, &s->report);
	http_call_fini(s->w->http, &s->bye);
	free(s);
}
