/* What both protocols share: registering, passing troubles, words for the user. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "base/url.h"
#include "worker/say.h"
#include "worker/worker.h"

#define MESSAGE_EVERY_US 600000000

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

void
worker_open_body(struct http_call *c, const struct identity *who)
{
	buf_clear(&c->body);
	buf_puts(&c->body, "{\"token\":");
	json_put_text(&c->body, who->token, strlen(who->token));
}

/* ---- registering ------------------------------------------------------------------------------ */

void
worker_put_new_path(const struct worker *w, struct buf *path)
{
	buf_puts(path, "/api/new?nickname=");
	url_encode(path, w->o.nickname, strlen(w->o.nickname));
	buf_puts(path, "&stage=");
	buf_puts(path, w->o.stage);
}

static const char *
member(const json *root, const char *key)
{
	struct json_text text;
	json *value = json_get(root, key);

	return value && json_as_text(value, &text) ? text.s : "";
}

static void
tell_welcome(const struct worker *w, const struct identity *who, const json *root)
{
	char stage[200], project[200], lower[200];
	const char *name = member(root, "stage_name");
	struct buf address;

	say_clean(stage, sizeof(stage), name, strlen(name));
	say_clean(
	    project, sizeof(project), member(root, "project"), strlen(member(root, "project")));
	text_lower(lower, stage, strlen(stage));
	lower[strlen(stage)] = '\0';
	buf_init(&address, 0);
	buf_printf(&address, "%s/worker/", w->o.url);
	url_encode(&address, lower, strlen(lower));
	buf_putc(&address, '/');
	url_encode(&address, who->name, strlen(who->name));
	say(SAY_INFO, "working as %s in stage %s of %s: %s", who->name, stage, project,
	    address.data);
	buf_fini(&address);
}

static struct identity *
read_welcome(struct worker *w, const struct http_call *c)
{
	struct err e = ERR_INIT;
	struct identity *who = NULL;
	const char *token, *name;
	json *root = c->answer.len > 0 ? json_parse(c->answer.data, c->answer.len, &e) : NULL;

	if (root && json_type(root) == JSON_IS_OBJECT) {
		token = member(root, "token");
		name = member(root, "display_name");
		if (token[0] != '\0') {
			who = worker_identity(w, token);
			who->present = true;
			say_clean(who->name, sizeof(who->name), name, strlen(name));
			tell_welcome(w, who, root);
		}
	}
	json_free(root);
	return who;
}

struct identity *
worker_welcome(struct worker *w, struct http_call *c)
{
	struct identity *who;
	char text[300];

	if (!worker_was_answered(w, c))
		return NULL;
	who = c->status == 200 ? read_welcome(w, c) : NULL;
	if (who)
		return who;
	if (c->status == 200 || c->status == 404)
		say(SAY_ERROR, "there is no tracker at %s (answer %ld to /api/new)", w->o.url,
		    c->status);
	else
		say(SAY_ERROR, "the tracker refused to register this worker (%ld): %s", c->status,
		    worker_answer_text(c, text, sizeof(text)));
	/* With results in hand it is worth waiting; without, somebody has mistyped something. */
	if (!w->desk.items)
		worker_fail(w, EX_CONFIG);
	else
		backoff_fail(&w->backoff, clock_us(), 0);
	return NULL;
}

/* ---- troubles --------------------------------------------------------------------------------- */

static bool
is_passing(const struct http_call *c)
{
	return c->status == 0 || c->status == 408 || c->status == 425 || c->status == 429 ||
	    (c->status >= 500 && c->status != 501);
}

static void
tell_outage(struct worker *w, const struct http_call *c, int64_t ms)
{
	char why[300], text[200];

	if (c->status == 0)
		snprintf(why, sizeof(why), "%s", c->error);
	else
		snprintf(why, sizeof(why), "%ld %s", c->status,
		    worker_answer_text(c, text, sizeof(text)));
	say(w->outage_told ? SAY_DEBUG : SAY_WARN,
	    "the tracker cannot be reached (%s): trying again in %.1f s, and on; nothing finished "
	    "is lost",
	    why, (double)ms / 1000);
	w->outage_told = true;
}

bool
worker_was_answered(struct worker *w, struct http_call *c)
{
	if (is_passing(c)) {
		if (c->distrusted && !w->was_heard) {
			say(SAY_ERROR, "%s: %s", w->o.url, c->error);
			say(SAY_ERROR,
			    "name its authority with --cacert FILE, or take any with --insecure");
			worker_fail(w, EX_UNAVAILABLE);
			return false;
		}
		tell_outage(w, c, backoff_fail(&w->backoff, clock_us(), c->retry_after_s));
		return false;
	}
	if (w->outage_told)
		say(SAY_INFO, "the tracker answers again");
	w->outage_told = false;
	w->was_heard = true;
	backoff_over(&w->backoff);
	return true;
}

bool
worker_is_unknown(const struct http_call *c)
{
	return c->status == 404 && c->answer.len > 0 && strstr(c->answer.data, "find this worker");
}

char *
worker_answer_text(const struct http_call *c, char *out, size_t size)
{
	const char *s = c->answer.len > 0 ? c->answer.data : "";

	return say_clean(out, size, s, strcspn(s, "\n"));
}

void
worker_tell_message(struct worker *w, const char *text, size_t len)
{
	char message[sizeof(w->message)];
	int64_t now_us = clock_us();

	say_clean(message, sizeof(message), text, len);
	if (message[0] == '\0' || w->stopping != STOP_NOT)
		return;
	if (strcmp(message, w->message) == 0 && now_us < w->message_us + MESSAGE_EVERY_US)
		return;
	memcpy(w->message, message, sizeof(message));
	w->message_us = now_us;
	say(SAY_INFO, "waiting: %s", message);
}

/* ---- outcomes --------------------------------------------------------------------------------- */

void
worker_settle(struct worker *w, struct item *i, const char *status)
{
	char word[32];

	say_clean(word, sizeof(word), status, strlen(status));
	if (strcmp(word, "accepted") == 0 || strcmp(word, "repeat") == 0)
		say(SAY_DEBUG, "job %" PRId64 ": %s", i->job, word);
	else if (i->outcome == OUT_RELEASED)
		say(SAY_DEBUG, "job %" PRId64 ": given back, %s", i->job, word);
	else if (strcmp(word, "fenced") == 0)
		say(SAY_WARN, "job %" PRId64 ": too late, it was handed to somebody else", i->job);
	else
		say(SAY_WARN, "job %" PRId64 ": the tracker does not know this hand-out (%s)",
		    i->job, word);
	desk_forget(&w->desk, i);
}
