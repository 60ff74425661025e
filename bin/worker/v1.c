#include "worker/v1.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/structured.h"
#include "base/text.h"
#include "worker/say.h"
#include "worker/worker.h"

#define ANSWER_MS 60000
#define PROGRESS_US 5000000
#define HEARTBEAT_US 600000000 /* a twelfth of the default idle time-out */
#define ASK_FIRST_MS 2000      /* no job: ask again after this, doubled up to ASK_MAX_MS */
#define ASK_MAX_MS 30000

/* What the call under way says; VOICE_NONE: none is. */
enum voice {
	VOICE_NONE,
	VOICE_HELLO,
	VOICE_ASK,
	VOICE_PROGRESS,
	VOICE_DONE,
	VOICE_FLAG,
	VOICE_FAIL,
	VOICE_BYE
};

struct slot {
	struct v1 *v1;
	struct http_call call;
	enum voice voice;
	struct identity *who; /* NULL = not registered */
	struct item *item;    /* in hand; NULL = none */
	int64_t ask_us;       /* not before */
	int64_t ask_ms;       /* the delay after the next "no jobs" */
	int64_t heard_us;
	char progress[1100];
	bool gone;
};

struct v1 {
	struct worker *w;
	int slots;
	struct slot slot[];
};

/* ---- calls ------------------------------------------------------------------------------------ */

static void
send_call(struct slot *s, enum voice voice, const char *path)
{
	s->voice = voice;
	s->heard_us = clock_us();
	if (s->call.body.len > 0)
		buf_putc(&s->call.body, '}');
	http_start(s->v1->w->http, &s->call, path, ANSWER_MS);
}

static void
send_token(struct slot *s, enum voice voice, const char *path)
{
	worker_open_body(&s->call, s->who);
	send_call(s, voice, path);
}

static void
send_hello(struct slot *s)
{
	struct buf path;

	buf_init(&path, 0);
	worker_put_new_path(s->v1->w, &path);
	buf_clear(&s->call.body);
	send_call(s, VOICE_HELLO, path.data);
	buf_fini(&path);
}

static void
send_progress(struct slot *s, enum voice voice, const char *text)
{
	worker_open_body(&s->call, s->who);
	buf_puts(&s->call.body, ",\"progress\":");
	json_put_text(&s->call.body, text, strlen(text));
	send_call(s, voice, "/api/updateProgress");
}

/* A JSON value as v1's data: the string that the tracker is to keep. */
static void
put_data(struct buf *b, const char *value, size_t len)
{
	struct json_text text = {NULL, 0};
	struct err ignored = ERR_INIT;
	json *parsed = *value == '"' ? json_parse(value, len, &ignored) : NULL;
	const char *head;
	struct buf kept;

	json_as_text(parsed, &text);
	head = structured_head(value, &text);
	if (!head) {
		buf_put(b, value, len);
	} else {
		buf_init(&kept, 0);
		buf_puts(&kept, head);
		buf_put(&kept, value, len);
		json_put_text(b, kept.data, kept.len);
		buf_fini(&kept);
	}
	json_free(parsed);
}

void
v1_put_result(struct http_call *c, const struct item *i)
{
	size_t space = strspn(i->result.data, " \t\r\n");

	worker_open_body(c, i->who);
	buf_puts(&c->body, ",\"data\":");
	put_data(&c->body, i->result.data + space, i->result.len - space);
	buf_putc(&c->body, '}');
}

static void
send_result(struct slot *s)
{
	v1_put_result(&s->call, s->item);
	s->item->told_by = &s->call;
	s->voice = VOICE_DONE;
	s->heard_us = clock_us();
	http_start(s->v1->w->http, &s->call, "/api/completeJob", ANSWER_MS);
}

/* ---- answers ---------------------------------------------------------------------------------- */

static void
settle(struct slot *s, const char *status)
{
	worker_settle(s->v1->w, s->item, status);
	s->item = NULL;
	s->progress[0] = '\0';
}

static void
lose_identity(struct slot *s)
{
	say(SAY_WARN, "the tracker does not know %s any more: registering again", s->who->name);
	s->who->present = false;
	s->who = NULL;
}

static void
take_data(struct item *i, const struct json_text *data)
{
	struct json_span value = {data->s, data->len};

	i->is_json = structured_read(data->s, data->len, &value);
	buf_put(&i->input, value.s, value.len);
}

static void
take_job(struct slot *s)
{
	struct worker *w = s->v1->w;
	struct err e = ERR_INIT;
	json *root =
	    s->call.answer.len > 0 ? json_parse(s->call.answer.data, s->call.answer.len, &e) : NULL;
	struct json_text data;
	int64_t number;

	if (!root || !json_get(root, "data") || !json_get(root, "number") ||
	    !json_as_text(json_get(root, "data"), &data) ||
	    !json_as_int(json_get(root, "number"), &number)) {
		say(SAY_WARN, "the tracker's answer to newJob is no job");
		backoff_fail(&w->backoff, clock_us(), 0);
		json_free(root);
		return;
	}
	s->item = item_new(s->who, number, NULL);
	memcpy(s->item->stage, w->o.stage, sizeof(w->o.stage));
	take_data(s->item, &data);
	json_free(root);
	s->ask_ms = ASK_FIRST_MS;
	w->message[0] = '\0';
	desk_add(&w->desk, s->item);
}

static void
take_none(struct slot *s)
{
	char text[300];

	worker_answer_text(&s->call, text, sizeof(text));
	worker_tell_message(s->v1->w, text, strlen(text));
	s->ask_us = clock_us() + random_jitter(s->ask_ms, 25) * 1000;
	s->ask_ms = s->ask_ms * 2 < ASK_MAX_MS ? s->ask_ms * 2 : ASK_MAX_MS;
}

static void
on_ask(struct slot *s)
{
	if (s->call.status == 200)
		take_job(s);
	else if (s->call.status == 404)
		lose_identity(s);
	else
		take_none(s);
}

static void
on_done(struct slot *s)
{
	bool lost = s->call.status == 404;
	char text[200];

	if (s->call.status == 200) {
		settle(s, "accepted");
		return;
	}
	say(SAY_WARN, "job %" PRId64 ": the tracker did not take the result (%ld): %s",
	    s->item->job, s->call.status, worker_answer_text(&s->call, text, sizeof(text)));
	settle(s, "fenced");
	if (lost)
		lose_identity(s);
}

static void
on_returned(struct slot *s)
{
	bool lost = s->call.status == 404;

	settle(s, lost ? "unknown" : "accepted");
	if (lost)
		lose_identity(s);
}

static void
on_bye(struct slot *s)
{
	if (s->item)
		settle(s, "accepted");
	s->who->present = false;
	s->who = NULL;
	s->gone = s->v1->w->stopping != STOP_NOT;
}

static void
on_call(struct http_call *c)
{
	struct slot *s = c->owner;
	enum voice voice = s->voice;

	if (!worker_was_answered(s->v1->w, c)) {
		s->voice = VOICE_NONE;
		if (s->item)
			s->item->told_by = NULL;
		return;
	}
	if (voice == VOICE_HELLO)
		s->who = worker_welcome(s->v1->w, c);
	else if (voice == VOICE_ASK)
		on_ask(s);
	else if (voice == VOICE_DONE)
		on_done(s);
	else if (voice == VOICE_FLAG || voice == VOICE_FAIL)
		on_returned(s);
	else if (voice == VOICE_BYE)
		on_bye(s);
	s->voice = VOICE_NONE;
}

/* ---- deciding --------------------------------------------------------------------------------- */

static void
tell_outcome(struct slot *s)
{
	char text[256], raw[sizeof(s->item->reason) + 16];

	switch (s->item->outcome) {
	case OUT_DONE:
		send_result(s);
		return;
	case OUT_FLAGGED:
		send_token(s, VOICE_FLAG, "/api/flagInvalidData");
		return;
	case OUT_FAILED:
		snprintf(raw, sizeof(raw), "failed: %s", s->item->reason);
		say_clean(text, sizeof(text), raw, strlen(raw));
		send_progress(s, VOICE_FAIL, text);
		return;
	case OUT_RELEASED:
		send_token(s, VOICE_BYE, "/api/bye");
		return;
	}
}

static int64_t
tick_running(struct slot *s, int64_t now_us)
{
	char note[sizeof(s->progress)];
	int64_t due = s->heard_us + HEARTBEAT_US;

	say_clean(note, sizeof(note), s->item->run.notes.last, s->item->run.notes.last_len);
	if (strcmp(note, s->progress) != 0)
		due = sooner(due, s->heard_us + PROGRESS_US);
	if (now_us < due)
		return due;
	memcpy(s->progress, note, sizeof(note));
	send_progress(s, VOICE_PROGRESS, note[0] != '\0' ? note : "working");
	return INT64_MAX;
}

static int64_t
tick_idle(struct slot *s, int64_t now_us)
{
	struct worker *w = s->v1->w;

	if (w->stopping != STOP_NOT) {
		if (!s->who)
			s->gone = true;
		else
			send_token(s, VOICE_BYE, "/api/bye");
		return INT64_MAX;
	}
	if (!s->who) {
		send_hello(s);
		return INT64_MAX;
	}
	if (desk_wants(&w->desk, now_us) == 0)
		return INT64_MAX;
	if (now_us < s->ask_us)
		return s->ask_us;
	send_token(s, VOICE_ASK, "/api/newJob");
	return INT64_MAX;
}

static int64_t
tick_slot(struct slot *s, int64_t now_us)
{
	if (s->gone || s->call.busy)
		return INT64_MAX;
	if (!s->item)
		return tick_idle(s, now_us);
	if (s->item->state == ITEM_RUNNING)
		return tick_running(s, now_us);
	if (s->item->state == ITEM_ENDED)
		tell_outcome(s);
	return INT64_MAX;
}

int64_t
v1_tick(struct v1 *v, int64_t now_us)
{
	int64_t next = INT64_MAX;
	bool all_gone = true;

	if (backoff_holds(&v->w->backoff, now_us))
		return v->w->backoff.until_us;
	for (int i = 0; i < v->slots; i++) {
		next = sooner(next, tick_slot(&v->slot[i], now_us));
		all_gone = all_gone && v->slot[i].gone;
	}
	v->w->finished = v->w->finished || (all_gone && !v->w->desk.items);
	return next;
}

struct v1 *
v1_new(struct worker *w)
{
	int slots = w->o.desk.slots;
	struct v1 *v = calloc(1, sizeof(*v) + (size_t)slots * sizeof(v->slot[0]));

	if (!v)
		abort();
	v->w = w;
	v->slots = slots;
	for (int i = 0; i < slots; i++) {
		v->slot[i].v1 = v;
		v->slot[i].ask_ms = ASK_FIRST_MS;
		http_call_init(&v->slot[i].call, on_call, &v->slot[i]);
	}
	/* Who tried sync is registered already. */
	v->slot[0].who = worker_present(w);
	return v;
}

void
v1_free(struct v1 *v)
{
	if (!v)
		return;
	for (int i = 0; i < v->slots; i++)
		http_call_fini(v->w->http, &v->slot[i].call);
	free(v);
}
