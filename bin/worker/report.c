#include "worker/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "worker/say.h"
#include "worker/talk.h"

#define CALL_BYTES ((size_t)4 << 20) /* of results in a call, unless one alone is more */
#define STATUS_MAX 64
#define WHY_MAX 200
#define RESULTS_MAX 2000 /* of one answer: twice what a call tells */

static const char *const lists[] = {[OUT_DONE] = "done",
    [OUT_FAILED] = "failed",
    [OUT_FLAGGED] = "flagged",
    [OUT_RELEASED] = "released"};

/* ---- writing ---------------------------------------------------------------------------------- */

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

bool
report_is_due(const struct item *i, const struct identity *who)
{
	return i->state == ITEM_ENDED && i->who == who && !i->told_by && i->lease && !i->lost;
}

static int
put_list(struct worker *w, const struct identity *who, struct http_call *c, enum outcome outcome,
    int most)
{
	struct buf *b = &c->body;
	int n = 0;

	for (struct item *i = w->hand.items; i && n < most; i = i->next) {
		if (!report_is_due(i, who) || i->outcome != outcome)
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
report_put(struct worker *w, const struct identity *who, struct http_call *c, int most)
{
	int n = 0;

	talk_open_body(c, who);
	for (int outcome = OUT_DONE; outcome <= OUT_RELEASED; outcome++)
		n += put_list(w, who, c, (enum outcome)outcome, most - n);
	return n;
}

/* ---- reading ---------------------------------------------------------------------------------- */

void
report_untell(struct worker *w, const struct http_call *c)
{
	for (struct item *i = w->hand.items; i; i = i->next)
		if (i->told_by == c)
			i->told_by = NULL;
}

static void
blame(struct worker *w, struct item *i, const char *why)
{
	if (i->outcome != OUT_DONE) {
		worker_settle(w, i, why);
		return;
	}
	/* This result alone is refused: whoever does the job next should be told why. */
	w->tally.refused++;
	i->outcome = OUT_FAILED;
	snprintf(i->reason, sizeof(i->reason), "the tracker refused the result: %s", why);
	say(SAY_WARN, "job %" PRId64 ": %s", i->job, i->reason);
}

static bool
take_result(struct worker *w, struct http_call *c, struct json_span result)
{
	struct scan_field f[] = {{.name = "job"}, {.name = "status"}, {.name = "why"}};
	struct json_text status, why;
	int64_t job;

	if (!scan_members(result, f, 3) || !scan_as_int(f[0].value, &job) ||
	    !talk_text(c, f[1].value, STATUS_MAX, &status))
		return false;
	for (struct item *i = w->hand.items; i; i = i->next) {
		if (i->told_by != c || i->job != job)
			continue;
		if (strcmp(status.s, "refused") == 0 && talk_text(c, f[2].value, WHY_MAX, &why))
			blame(w, i, why.s);
		else
			worker_settle(w, i, status.s);
		return true;
	}
	return false;
}

int
report_take_results(struct worker *w, struct http_call *c, struct json_span results)
{
	struct json_span rest = results, result;
	int settled = 0;

	for (int n = 0; n < RESULTS_MAX && scan_next(&rest, &result); n++)
		settled += take_result(w, c, result);
	report_untell(w, c);
	return settled;
}

/* ---- refusals --------------------------------------------------------------------------------- */

int
report_shrink(struct worker *w, struct http_call *c, int told)
{
	struct item *only = NULL;
	char why[200];

	for (struct item *i = w->hand.items; i && told == 1; i = i->next)
		if (i->told_by == c)
			only = i;
	report_untell(w, c);
	if (only)
		blame(w, only, talk_why(c, why, sizeof(why)));
	return told > 1 ? told / 2 : 1;
}
