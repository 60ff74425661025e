#include "worker/sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "worker/say.h"
#include "worker/worker.h"

#define LINGER_US 1000000            /* results of this long go together */
#define PROGRESS_US 5000000          /* between two tellings of progress */
#define HEARTBEAT_US 20000000        /* the longest silence; idle_timeout is 7,200 s by default */
#define RECOUNT_US 10000000          /* between two lists of what is in hand, if there are calls */
#define ANSWER_MS 60000              /* for a call that does not wait */
#define PATIENCE_S 600               /* the longest that a tracker may make us wait */
#define CALL_BYTES ((size_t)4 << 20) /* of results in a call, unless one alone is more */
#define CALL_ITEMS 1000
#define WANT_MAX 1000

struct sync {
	struct worker *w;
	struct identity *who; /* NULL = not registered */
	struct http_call hello, waiting, report, bye;
	int items_most;     /* in the next report: 1,000, less after a refusal */
	int told;           /* items in the report under way */
	int64_t ask_us;     /* ask for work not before */
	int64_t heard_us;   /* when the last call was begun */
	int64_t recount_us; /* list what is in hand, at the latest */
	int64_t progress_us;
	char progress[1100]; /* as told last */
	bool recount;        /* an answer was lost: list what is in hand */
	bool superseded;     /* a report has ended the waiting call */
	bool worked, unknown;
};

static const char *const lists[] = {[OUT_DONE] = "done",
    [OUT_FAILED] = "failed",
    [OUT_FLAGGED] = "flagged",
    [OUT_RELEASED] = "released"};

/* ---- writing a call --------------------------------------------------------------------------- */

static void
put_outcome(struct buf *b, const struct item *i)
{
	buf_printf(b, "{\"job\":%" PRId64 ",\"lease\":", i->job);
	json_put_text(b, i->lease, strlen(i->lease));
	if (i->outcome == OUT_DONE) {
		buf_puts(b, ",\"data\":");
		buf_put(b, i->result.data, i->result.len);
	} else if (i->outcome != OUT_RELEASED) {
		buf_puts(b, ",\"reason\":");
		json_put_text(b, i->reason, strlen(i->reason));
	}
	buf_putc(b, '}');
}

static bool
is_due(const struct item *i, const struct identity *who)
{
	return i->state == ITEM_ENDED && i->who == who && !i->told_by && i->lease && !i->dropped;
}

static int
put_list(struct worker *w, const struct identity *who, struct http_call *c, enum outcome outcome,
    int most)
{
	struct buf *b = &c->body;
	int n = 0;

	for (struct item *i = w->desk.items; i && n < most; i = i->next) {
		if (!is_due(i, who) || i->outcome != outcome)
			continue;
		if (outcome == OUT_DONE && b->len > 200 && b->len + i->result.len > CALL_BYTES)
			break;
		if (n++ == 0)
			buf_printf(b, ",\"%s\":[", lists[outcome]);
		else
			buf_putc(b, ',');
		put_outcome(b, i);
		i->told_by = c;
	}
	if (n > 0)
		buf_putc(b, ']');
	return n;
}

int
sync_put_outcomes(struct worker *w, const struct identity *who, struct http_call *c, int most)
{
	int n = 0;

	worker_open_body(c, who);
	for (int outcome = OUT_DONE; outcome <= OUT_RELEASED; outcome++)
		n += put_list(w, who, c, (enum outcome)outcome, most - n);
	return n;
}

static void
put_holding(struct sync *s, struct buf *b)
{
	const char *comma = "";

	buf_puts(b, ",\"holding\":[");
	for (const struct item *i = s->w->desk.items; i; i = i->next) {
		if (i->who != s->who || i->dropped || i->told_by)
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

	desk_progress(&s->w->desk, text, sizeof(text));
	if (strcmp(text, s->progress) == 0)
		return;
	buf_puts(b, ",\"progress\":");
	json_put_text(b, text, strlen(text));
	memcpy(s->progress, text, sizeof(text));
	s->progress_us = now_us;
}

static int
wants(const struct sync *s, int64_t now_us)
{
	int n =
	    now_us < s->ask_us || s->w->stopping != STOP_NOT ? 0 : desk_wants(&s->w->desk, now_us);

	return n < WANT_MAX ? n : WANT_MAX;
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
	buf_printf(b, ",\"want\":%d", want);
	s->heard_us = now_us;
}

static void
send_report(struct sync *s, int64_t now_us)
{
	struct buf *b = &s->report.body;

	s->told = sync_put_outcomes(s->w, s->who, &s->report, s->items_most);
	put_rest(s, b, wants(s, now_us), now_us);
	buf_puts(b, ",\"wait\":0}");
	s->superseded = s->waiting.busy;
	http_start(s->w->http, &s->report, "/api/sync", ANSWER_MS);
}

static void
send_waiting(struct sync *s, int want, int64_t now_us)
{
	struct buf *b = &s->waiting.body;

	sync_put_outcomes(s->w, s->who, &s->waiting, 0);
	put_rest(s, b, want, now_us);
	buf_printf(b, ",\"wait\":%" PRId64 "}", s->w->o.wait_s);
	s->superseded = false;
	http_start(s->w->http, &s->waiting, "/api/sync", s->w->o.wait_s * 1000 + ANSWER_MS);
}

/* ---- reading an answer ------------------------------------------------------------------------ */

void
sync_untell(struct worker *w, const struct http_call *c)
{
	for (struct item *i = w->desk.items; i; i = i->next)
		if (i->told_by == c)
			i->told_by = NULL;
}

static void
take_result(struct worker *w, const struct http_call *c, const json *result)
{
	struct json_text status;
	json *job = json_get(result, "job"), *word = json_get(result, "status");
	int64_t number;

	if (!job || !word || !json_as_int(job, &number) || !json_as_text(word, &status))
		return;
	for (struct item *i = w->desk.items; i; i = i->next) {
		if (i->told_by != c || i->job != number)
			continue;
		worker_settle(w, i, status.s);
		return;
	}
}

static bool
take_results_of(struct worker *w, struct http_call *c, const json *root)
{
	json *results = root ? json_get(root, "results") : NULL;

	if (!root || json_type(root) != JSON_IS_OBJECT)
		return false;
	if (results && json_type(results) == JSON_IS_LIST)
		for (size_t n = 0; n < json_list_len(results); n++)
			take_result(w, c, json_list_at(results, n));
	/* What the tracker was silent about is told again. */
	sync_untell(w, c);
	return true;
}

static json *
parse_answer(struct http_call *c)
{
	struct err e = ERR_INIT;

	return c->answer.len > 0 ? json_parse(c->answer.data, c->answer.len, &e) : NULL;
}

bool
sync_take_results(struct worker *w, struct http_call *c)
{
	json *root = parse_answer(c);
	bool ok = take_results_of(w, c, root);

	json_free(root);
	return ok;
}

static void
take_input(struct item *i, const json *value, struct json_span raw)
{
	struct json_text text;

	i->is_json = !json_as_text(value, &text);
	if (i->is_json)
		buf_put(&i->input, raw.s, raw.len);
	else
		buf_put(&i->input, text.s, text.len);
}

static void
take_job(struct sync *s, const json *job, struct json_span raw)
{
	struct json_text lease, stage;
	json *number = json_get(job, "job"), *name = json_get(job, "lease");
	json *data = json_get(job, "data"), *attempt = json_get(job, "attempt");
	struct item *i;
	int64_t n;

	if (!number || !name || !raw.s || !json_as_int(number, &n) || !json_as_text(name, &lease))
		return;
	i = item_new(s->who, n, lease.s);
	if (json_get(job, "stage") && json_as_text(json_get(job, "stage"), &stage))
		snprintf(i->stage, sizeof(i->stage), "%s", stage.s);
	if (attempt)
		json_as_int(attempt, &i->attempt);
	take_input(i, data, raw);
	desk_add(&s->w->desk, i);
}

static size_t
take_jobs(struct sync *s, const struct http_call *c, const json *root)
{
	json *jobs = json_get(root, "jobs");
	size_t n = jobs && json_type(jobs) == JSON_IS_LIST ? json_list_len(jobs) : 0;
	struct json_span *raw;

	if (n == 0)
		return 0;
	raw = calloc(n, sizeof(*raw));
	if (!raw)
		abort();
	json_spans(c->answer.data, c->answer.len, "jobs", "data", raw, n);
	for (size_t i = 0; i < n; i++)
		take_job(s, json_list_at(jobs, i), raw[i]);
	free(raw);
	return n;
}

static void
take_drop(struct sync *s, const json *root)
{
	json *drop = json_get(root, "drop");
	int64_t number;

	if (!drop || json_type(drop) != JSON_IS_LIST)
		return;
	for (size_t n = 0; n < json_list_len(drop); n++) {
		if (!json_as_int(json_list_at(drop, n), &number))
			continue;
		for (struct item *i = s->w->desk.items, *after; i; i = after) {
			after = i->next;
			if (i->who == s->who && i->job == number)
				desk_drop(&s->w->desk, i);
		}
	}
}

/*
 * Nothing came although we asked: tell the reason, and obey the delay, unless it answers a report:
 * the next call may wait at the tracker instead.
 */
static void
take_patience(struct sync *s, const json *root, bool waited, int64_t now_us)
{
	json *after = json_get(root, "retry_after"), *message = json_get(root, "message");
	json *finished = json_get(root, "finished");
	struct json_text text;
	double wait_s;
	bool end = false;

	if (waited && after && json_as_double(after, &wait_s) && wait_s > 0)
		s->ask_us = now_us + (int64_t)((wait_s < PATIENCE_S ? wait_s : PATIENCE_S) * 1e6);
	if (message && json_as_text(message, &text) && s->w->desk.running == 0)
		worker_tell_message(s->w, text.s, text.len);
	if (s->w->o.until_done && finished && json_as_bool(finished, &end) && end)
		worker_stop(s->w, STOP_AFTER_JOBS);
}

static void
take_answer(struct sync *s, struct http_call *c)
{
	int64_t now_us = clock_us();
	json *root = parse_answer(c);
	size_t jobs;

	if (!take_results_of(s->w, c, root)) {
		say(SAY_WARN, "the tracker's answer is no answer of /api/sync");
		backoff_fail(&s->w->backoff, now_us, 0);
		json_free(root);
		return;
	}
	s->worked = true;
	s->items_most = CALL_ITEMS;
	take_drop(s, root);
	jobs = take_jobs(s, c, root);
	if (jobs > 0)
		s->w->message[0] = '\0';
	else if (c == &s->report || !s->superseded)
		take_patience(s, root, c == &s->waiting, now_us);
	json_free(root);
}

/* ---- refusals --------------------------------------------------------------------------------- */

static void
take_unknown_worker(struct sync *s)
{
	say(SAY_WARN, "the tracker does not know this worker any more: registering again");
	s->who->present = false;
	s->who = NULL;
	s->progress[0] = '\0';
	http_cancel(s->w->http, &s->waiting);
}

int
sync_shrink(struct worker *w, struct http_call *c, int told)
{
	char text[200];
	struct item *only = NULL;

	worker_answer_text(c, text, sizeof(text));
	for (struct item *i = w->desk.items; i && told == 1; i = i->next)
		if (i->told_by == c)
			only = i;
	sync_untell(w, c);
	if (!only)
		return told > 1 ? told / 2 : 1;
	if (only->outcome != OUT_DONE) {
		worker_settle(w, only, text);
		return 1;
	}
	/* This result alone is refused: whoever does the job next should hear why. */
	only->outcome = OUT_FAILED;
	snprintf(only->reason, sizeof(only->reason), "the tracker refused the result (%ld): %s",
	    c->status, text);
	say(SAY_WARN, "job %" PRId64 ": %s", only->job, only->reason);
	return 1;
}

static bool
is_no_sync(const struct sync *s, const struct http_call *c)
{
	return !s->worked && (c->status == 404 || c->status == 405 || c->status == 501);
}

static void
take_refusal(struct sync *s, struct http_call *c)
{
	char text[200];

	if (worker_is_unknown(c)) {
		sync_untell(s->w, c);
		take_unknown_worker(s);
	} else if (is_no_sync(s, c)) {
		sync_untell(s->w, c);
		s->unknown = true;
	} else if (c == &s->report && s->told > 0) {
		s->items_most = sync_shrink(s->w, c, s->told);
	} else {
		say(SAY_ERROR, "the tracker refused the call (%ld): %s", c->status,
		    worker_answer_text(c, text, sizeof(text)));
		backoff_fail(&s->w->backoff, clock_us(), 0);
	}
}

static void
on_sync(struct http_call *c)
{
	struct sync *s = c->owner;

	if (!worker_was_answered(s->w, c)) {
		sync_untell(s->w, c);
		s->recount = true;
		s->progress[0] = '\0';
		return;
	}
	if (!s->who)
		sync_untell(s->w, c); /* an earlier answer had it that we are unknown */
	else if (c->status == 200)
		take_answer(s, c);
	else
		take_refusal(s, c);
}

/* ---- arriving and leaving --------------------------------------------------------------------- */

static void
on_hello(struct http_call *c)
{
	struct sync *s = c->owner;

	s->who = worker_welcome(s->w, c);
	s->heard_us = clock_us();
}

static void
say_hello(struct sync *s)
{
	struct buf path;

	buf_init(&path, 0);
	worker_put_new_path(s->w, &path);
	http_start(s->w->http, &s->hello, path.data, ANSWER_MS);
	buf_fini(&path);
}

static void
on_bye(struct http_call *c)
{
	struct sync *s = c->owner;

	if (worker_was_answered(s->w, c))
		s->w->finished = true;
}

static void
say_bye(struct sync *s)
{
	http_cancel(s->w->http, &s->waiting);
	if (!s->who) {
		s->w->finished = true;
		return;
	}
	worker_open_body(&s->bye, s->who);
	buf_putc(&s->bye.body, '}');
	http_start(s->w->http, &s->bye, "/api/bye", ANSWER_MS);
}

/* ---- deciding --------------------------------------------------------------------------------- */

/* When the oldest outcome must go; INT64_MAX when there is none. */
static int64_t
outcomes_due(const struct sync *s, int64_t now_us)
{
	const struct desk *d = &s->w->desk;

	if (d->ended == 0)
		return INT64_MAX;
	for (const struct item *i = d->items; i; i = i->next) {
		if (!is_due(i, s->who))
			continue;
		/* With a call waiting there is no work to be had by hurrying. */
		if (s->w->stopping != STOP_NOT || (desk_starves(d) && !s->waiting.busy))
			return now_us;
		return i->ended_us + LINGER_US;
	}
	return INT64_MAX;
}

static int64_t
progress_due(const struct sync *s)
{
	char text[sizeof(s->progress)];

	if (s->w->desk.running == 0)
		return INT64_MAX;
	desk_progress(&s->w->desk, text, sizeof(text));
	return strcmp(text, s->progress) != 0 ? s->progress_us + PROGRESS_US : INT64_MAX;
}

static int64_t
report_due(struct sync *s, int64_t now_us)
{
	int64_t due = sooner(outcomes_due(s, now_us), progress_due(s));

	if (s->waiting.busy || s->w->stopping == STOP_NOW)
		return due;
	return sooner(due, s->heard_us + HEARTBEAT_US);
}

static int64_t
tick_present(struct sync *s, int64_t now_us)
{
	int64_t report_us = report_due(s, now_us);
	int want = wants(s, now_us);

	if (s->report.busy)
		return INT64_MAX;
	if (now_us >= report_us) {
		send_report(s, now_us);
		return INT64_MAX;
	}
	if (want > 0 && !s->waiting.busy)
		send_waiting(s, want, now_us);
	return sooner(report_us, now_us < s->ask_us ? s->ask_us : INT64_MAX);
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
	if (w->stopping != STOP_NOT && !w->desk.items && !s->report.busy) {
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
	http_call_init(&s->hello, on_hello, s);
	http_call_init(&s->waiting, on_sync, s);
	http_call_init(&s->report, on_sync, s);
	http_call_init(&s->bye, on_bye, s);
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
