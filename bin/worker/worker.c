#include "worker/worker.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "worker/say.h"

#define MESSAGE_EVERY_US 600000000
#define IDLE_TIMEOUT_S 7200 /* of a tracker that does not tell */
#define SILENCE_SHARE 3     /* of the idle time-out: two beats may be lost */
#define SILENCE_LEAST_US 200000
#define MINUTE_US 60000000
#define UNWANTED_S 30 /* between two tries where we are refused */

/* ---- life ------------------------------------------------------------------------------------- */

bool
worker_open(struct worker *w, struct err *e)
{
	const struct options *o = &w->o;

	w->loop.fd = -1;
	w->idle_timeout_s = IDLE_TIMEOUT_S;
	random_open();
	if (!spool_open(&w->spool, o->spool_dir, o->url, e) || !guard_open(&w->guard, e) ||
	    !loop_open(&w->loop, e))
		return false;
	w->http = http_open(&o->http, e);
	if (!w->http)
		return false;
	hand_init(&w->hand, &o->hand, &w->loop, &w->spool, &w->guard);
	return true;
}

void
worker_close(struct worker *w)
{
	hand_fini(&w->hand);
	http_close(w->http);
	loop_fini(&w->loop);
	guard_close(&w->guard);
	spool_fini(&w->spool);
	while (w->identities) {
		struct identity *who = w->identities;

		w->identities = who->next;
		free(who->token);
		free(who);
	}
}

/* ---- who -------------------------------------------------------------------------------------- */

struct identity *
worker_identity(struct worker *w, const char *token)
{
	struct identity *who;

	for (who = w->identities; who; who = who->next)
		if (strcmp(who->token, token) == 0)
			return who;
	who = calloc(1, sizeof(*who));
	if (!who || !(who->token = strdup(token)))
		abort();
	who->next = w->identities;
	w->identities = who;
	return who;
}

struct identity *
worker_present(const struct worker *w)
{
	for (struct identity *who = w->identities; who; who = who->next)
		if (who->present)
			return who;
	return NULL;
}

int64_t
worker_silence_us(const struct worker *w, int64_t most_us)
{
	int64_t us = w->idle_timeout_s * 1000000 / SILENCE_SHARE;

	if (us < SILENCE_LEAST_US)
		us = SILENCE_LEAST_US;
	return us < most_us ? us : most_us;
}

/* ---- the tracker, there or away --------------------------------------------------------------- */

/* Numbers aside: "412 in stage A" is what "411 in stage A" was. */
static bool
says_the_same(const char *a, const char *b)
{
	while (*a != '\0' || *b != '\0') {
		while (isdigit((unsigned char)*a) || *a == ',')
			a++;
		while (isdigit((unsigned char)*b) || *b == ',')
			b++;
		if (*a != *b)
			return false;
		if (*a == '\0')
			break;
		a++;
		b++;
	}
	return true;
}

static const char *
away_text(enum away how)
{
	static const char *const text[] = {[AWAY_SILENT] = "cannot be reached",
	    [AWAY_BUSY] = "lets this worker wait",
	    [AWAY_UNWANTED] = "will not have this worker"};

	return text[how];
}

void
worker_away(struct worker *w, enum away how, const char *why, int64_t retry_after_s)
{
	int64_t least_s = how == AWAY_UNWANTED ? UNWANTED_S : 0;
	int64_t ms = backoff_fail(
	    &w->backoff, clock_us(), retry_after_s > least_s ? retry_after_s : least_s);
	bool same = w->away_told && how == w->away &&
	    (how == AWAY_SILENT || says_the_same(why, w->away_why));

	say(same ? SAY_DEBUG : SAY_WARN,
	    "the tracker %s (%s): trying again in %.1f s, and on; nothing finished is lost",
	    away_text(how), why, (double)ms / 1000);
	w->away = how;
	snprintf(w->away_why, sizeof(w->away_why), "%s", why);
	w->away_told = true;
}

void
worker_reached(struct worker *w)
{
	if (w->away_told)
		say(SAY_INFO,
		    w->away == AWAY_SILENT ? "the tracker answers again"
					   : "the tracker takes this worker again");
	w->away_told = false;
	w->was_reached = true;
	backoff_over(&w->backoff);
}

void
worker_tell_message(struct worker *w, const char *text, size_t len)
{
	char message[sizeof(w->message)];
	int64_t now_us = clock_us();
	bool same;

	say_clean(message, sizeof(message), text, len);
	if (message[0] == '\0' || w->stopping != STOP_NOT)
		return;
	same = says_the_same(message, w->message);
	memcpy(w->message, message, sizeof(message));
	if (same && now_us < w->message_us + MESSAGE_EVERY_US)
		return;
	w->message_us = now_us;
	say(w->rests ? SAY_WARN : SAY_INFO, "waiting: %s", message);
}

/* ---- stopping --------------------------------------------------------------------------------- */

void
worker_stop(struct worker *w, enum stopping how)
{
	int64_t now_us = clock_us();

	if (how <= w->stopping)
		return;
	w->stopping = how;
	w->give_up_us = 0;
	if (how == STOP_NOW)
		hand_give_back(&w->hand);
	else
		hand_close(&w->hand);
	/* A last try now, whatever the back-off says. */
	if (backoff_holds(&w->backoff, now_us))
		w->backoff.until_us = now_us;
}

void
worker_note_trouble(struct worker *w, enum trouble what, const char *said)
{
	if (w->trouble != TROUBLE_NONE)
		return;
	w->trouble = what;
	say_clean(w->trouble_said, sizeof(w->trouble_said), said, strlen(said));
}

/* ---- outcomes --------------------------------------------------------------------------------- */

/* The minutes since the last result hold none. */
static void
turn_rate(int64_t rate[RATE_MINUTES], int64_t last, int64_t minute)
{
	for (int64_t m = last + 1; m <= minute && m <= last + RATE_MINUTES; m++)
		rate[m % RATE_MINUTES] = 0;
}

static void
count_rate(struct worker *w)
{
	int64_t minute = clock_us() / MINUTE_US;

	turn_rate(w->rate, w->rate_minute, minute);
	w->rate_minute = minute;
	w->rate[minute % RATE_MINUTES]++;
}

/* The minute under way counts by its part. */
double
worker_rate(const struct worker *w, int64_t now_us)
{
	int64_t rate[RATE_MINUTES], sum = 0, minute = now_us / MINUTE_US;

	memcpy(rate, w->rate, sizeof(rate));
	turn_rate(rate, w->rate_minute, minute);
	for (int i = 0; i < RATE_MINUTES; i++)
		sum += rate[i];
	return (double)sum /
	    (RATE_MINUTES - 1 + (double)(now_us % MINUTE_US + 1) / (double)MINUTE_US);
}

static void
settle_result(struct worker *w, const struct item *i, const char *word)
{
	if (strcmp(word, "accepted") == 0 || strcmp(word, "repeat") == 0) {
		w->tally.taken++;
		count_rate(w);
		say(SAY_DEBUG, "job %" PRId64 ": %s", i->job, word);
	} else if (strcmp(word, "late") == 0) {
		w->tally.seconds++;
		say(SAY_INFO, "job %" PRId64 ": somebody was quicker; this result confirms theirs",
		    i->job);
	} else if (strcmp(word, "fenced") == 0) {
		w->tally.late++;
		say(SAY_WARN, "job %" PRId64 ": too late, it was handed to somebody else", i->job);
	} else {
		w->tally.refused++;
		say(SAY_WARN, "job %" PRId64 ": the tracker does not know this hand-out (%s)",
		    i->job, word);
	}
}

void
worker_settle(struct worker *w, struct item *i, const char *status)
{
	char word[32];

	say_clean(word, sizeof(word), status, strlen(status));
	if (i->outcome == OUT_DONE)
		settle_result(w, i, word);
	else
		say(SAY_DEBUG, "job %" PRId64 ": %s, %s", i->job, i->reason, word);
	w->tally.failed += i->outcome == OUT_FAILED;
	w->tally.flagged += i->outcome == OUT_FLAGGED;
	w->tally.given_back += i->outcome == OUT_RELEASED;
	hand_forget(&w->hand, i);
}
