#include "worker/late.h"

#include <stdlib.h>

#include "base/clock.h"
#include "worker/report.h"
#include "worker/talk.h"
#include "worker/v1.h"

#define ANSWER_MS 60000
#define CALL_ITEMS 100

struct late {
	struct worker *w;
	struct http_call call;
	struct identity *who; /* whom the call under way speaks for */
	struct item *one;     /* by v1: the item that it carries */
	struct backoff tell;  /* after answers that passed over what was told */
	bool by_sync;         /* /api/sync is known to be there */
	bool is_bye;
	int told, most;
};

/* A result with a lease needs /api/sync, so it waits until that is known to be there. */
static bool
is_due(const struct late *l, const struct item *i)
{
	return i->state == ITEM_ENDED && !i->who->present && !i->told_by && !i->lost &&
	    (!i->lease || l->by_sync);
}

static struct item *
find_due(const struct late *l)
{
	for (struct item *i = l->w->hand.items; i; i = i->next)
		if (is_due(l, i))
			return i;
	return NULL;
}

static bool
has_items(const struct late *l, const struct identity *who)
{
	for (const struct item *i = l->w->hand.items; i; i = i->next)
		if (i->who == who)
			return true;
	return false;
}

static struct identity *
find_bye(const struct late *l)
{
	for (struct identity *who = l->w->identities; who; who = who->next)
		if (!who->present && who->thanked && !has_items(l, who))
			return who;
	return NULL;
}

/* ---- answers ---------------------------------------------------------------------------------- */

/*
 * The token is not known any more. The results are offered once more under the present one: a
 * tracker that has them already says so, and the user is told the truth.
 */
static void
pass_on(struct late *l, struct item *i)
{
	struct identity *now = worker_present(l->w);

	if (!i->lease || i->last_try) {
		worker_settle(l->w, i, "unknown");
		return;
	}
	i->told_by = NULL;
	if (!now)
		return;
	i->who = now;
	i->last_try = true;
}

static void
pass_on_all(struct late *l)
{
	for (struct item *i = l->w->hand.items, *after; i; i = after) {
		after = i->next;
		if (i->told_by == &l->call)
			pass_on(l, i);
	}
}

/* True: the answer was of use. */
static bool
take_results(struct late *l)
{
	struct scan_field results = {.name = "results"};

	if (l->one) {
		if (talk_is_ok(&l->call))
			worker_settle(l->w, l->one, "accepted");
		return talk_is_ok(&l->call);
	}
	if (!talk_read(&l->call, &results, 1))
		return false;
	if (report_take_results(l->w, &l->call, results.value) == 0)
		backoff_fail(&l->tell, clock_us(), 0);
	else
		backoff_over(&l->tell);
	l->most = CALL_ITEMS;
	return true;
}

static bool
take_refusal(struct late *l)
{
	if (l->one)
		worker_settle(l->w, l->one, l->call.status == 403 ? "fenced" : "refused");
	else
		l->most = report_shrink(l->w, &l->call, l->told);
	return true;
}

static bool
take_answer(struct late *l, enum meaning meaning)
{
	bool ok = false;

	if (l->is_bye)
		ok = meaning != MEANS_AWAY && meaning != MEANS_DISTRUSTED;
	else if (meaning == MEANS_ANSWER)
		ok = take_results(l);
	else if (meaning == MEANS_REFUSED)
		ok = take_refusal(l);
	if (l->is_bye || meaning == MEANS_ANSWER)
		l->who->thanked = ok && !l->is_bye;
	return ok;
}

static void
on_answer(struct http_call *c)
{
	struct late *l = c->owner;
	enum meaning meaning = talk_meaning(c);

	if (meaning == MEANS_UNKNOWN && !l->is_bye) {
		pass_on_all(l);
		if (!worker_present(l->w))
			backoff_fail(&l->tell, clock_us(), 0);
	} else if (take_answer(l, meaning)) {
		worker_reached(l->w);
	} else {
		report_untell(l->w, c);
		talk_take_away(l->w, c, meaning);
	}
}

/* ---- calls ------------------------------------------------------------------------------------ */

static void
send_bye(struct late *l)
{
	l->is_bye = true;
	talk_open_body(&l->call, l->who);
	buf_putc(&l->call.body, '}');
	http_start(l->w->http, &l->call, "/api/bye", ANSWER_MS);
}

static void
send_one(struct late *l, struct item *i)
{
	l->one = i;
	i->told_by = &l->call;
	v1_put_result(&l->call, i);
	http_start(l->w->http, &l->call, "/api/completeJob", ANSWER_MS);
}

static void
send_many(struct late *l)
{
	l->told = report_put(l->w, l->who, &l->call, l->most);
	buf_putc(&l->call.body, '}');
	http_start(l->w->http, &l->call, "/api/sync", ANSWER_MS);
}

int64_t
late_tick(struct late *l, bool by_sync, int64_t now_us)
{
	struct item *i;

	l->by_sync = by_sync;
	i = find_due(l);
	if (l->call.busy)
		return INT64_MAX;
	if (backoff_holds(&l->w->backoff, now_us))
		return l->w->backoff.until_us;
	if (i && backoff_holds(&l->tell, now_us))
		return l->tell.until_us;
	l->is_bye = false;
	l->one = NULL;
	if (!i) {
		l->who = find_bye(l);
		if (l->who)
			send_bye(l);
		return INT64_MAX;
	}
	l->who = i->who;
	if (!i->lease)
		send_one(l, i);
	else
		send_many(l);
	return INT64_MAX;
}

bool
late_is_idle(const struct late *l)
{
	return !l->call.busy && !find_due(l) && !find_bye(l);
}

struct late *
late_new(struct worker *w)
{
	struct late *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	l->w = w;
	l->most = CALL_ITEMS;
	http_call_init(&l->call, HTTP_SMALL, on_answer, l);
	return l;
}

void
late_free(struct late *l)
{
	if (!l)
		return;
	http_call_fini(l->w->http, &l->call);
	free(l);
}
