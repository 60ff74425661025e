#include "worker/v1.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/structured.h"
#include "worker/report.h"
#include "worker/say.h"
#include "worker/talk.h"

#define ANSWER_MS 60000
#define PROGRESS_US 5000000
#define HEARTBEAT_US 600000000 /* the longest silence, however patient the tracker is */
#define ASK_FIRST_MS 2000      /* no job: ask again after this, doubled up to ASK_MAX_MS */
#define ASK_MAX_MS 30000
#define PARKED_MS 5000 /* closed without an answer later than this: it was waiting for work */

/* What the call under way says; VOICE_NONE: none is. */
enum voice {
	VOICE_NONE,
	VOICE_HELLO,
	VOICE_ALIVE,
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
	int64_t spoke_us;
	char progress[1100];
	bool useful; /* the tracker has been, since this slot registered */
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
	s->spoke_us = clock_us();
	if (s->call.body.len > 0)
		buf_putc(&s->call.body, '}');
	if (voice == VOICE_HELLO)
		http_start_keyed(s->v1->w->http, &s->call, path, ANSWER_MS);
	else
		http_start(s->v1->w->http, &s->call, path, ANSWER_MS);
}

static void
send_token(struct slot *s, enum voice voice, const char *path)
{
	talk_open_body(&s->call, s->who);
	send_call(s, voice, path);
}

static void
send_hello(struct slot *s)
{
	struct buf path;

	buf_init(&path, 0);
	talk_put_new_path(s->v1->w, 1, &path);
	buf_clear(&s->call.body);
	send_call(s, VOICE_HELLO, buf_text(&path));
	buf_fini(&path);
}

static void
send_progress(struct slot *s, enum voice voice, const char *text)
{
	talk_open_body(&s->call, s->who);
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
		b->failed = b->failed || kept.failed;
		buf_fini(&kept);
	}
	json_free(parsed);
}

void
v1_put_result(struct http_call *c, const struct item *i)
{
	size_t space = strspn(i->result.data, " \t\r\n");

	talk_open_body(c, i->who);
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
	s->spoke_us = clock_us();
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
	talk_lose_identity(s->v1->w, s->who, s->useful);
	s->who = NULL;
}

static void
take_data(struct item *i, const struct json_text *data)
{
	struct json_span value = {data->s, data->len};

	i->is_json = structured_read(data->s, data->len, &value);
	buf_put(&i->input, value.s, value.len);
}

static bool
take_job(struct slot *s)
{
	struct scan_field f[] = {{.name = "data"}, {.name = "number"}};
	struct worker *w = s->v1->w;
	struct json_text data;
	int64_t number;

	if (!talk_read(&s->call, f, 2) || !scan_as_int(f[1].value, &number) ||
	    !talk_decode(&s->call, f[0].value, &data))
		return false;
	s->item = item_new(s->who, number, NULL);
	memcpy(s->item->stage, w->stage, sizeof(w->stage));
	take_data(s->item, &data);
	s->ask_ms = ASK_FIRST_MS;
	w->message[0] = '\0';
	hand_add(&w->hand, s->item);
	return true;
}

static void
ask_later(struct slot *s)
{
	int64_t most_ms = worker_silence_us(s->v1->w, ASK_MAX_MS * 1000) / 1000;

	if (s->ask_ms > most_ms)
		s->ask_ms = most_ms;
	s->ask_us = clock_us() + random_jitter(s->ask_ms, 25) * 1000;
	s->ask_ms *= 2;
}

/* No job now: said in words, or by a tracker that lets us wait and then closes without an answer. */
static bool
take_none(struct slot *s)
{
	const char *text = s->call.answer.len > 0 ? s->call.answer.data : "";

	if (s->call.cut) {
		if (s->call.took_ms < PARKED_MS)
			return false;
		s->ask_us = 0;
		return true;
	}
	worker_tell_message(s->v1->w, text, strcspn(text, "\n"));
	ask_later(s);
	return true;
}

/* True: the answer was of use. */
static bool
on_ask(struct slot *s, enum meaning meaning)
{
	if (meaning == MEANS_ANSWER)
		return take_job(s);
	if (meaning == MEANS_REFUSED || s->call.cut)
		return take_none(s);
	return false;
}

static bool
on_done(struct slot *s, enum meaning meaning)
{
	char why[200];

	if (meaning == MEANS_ANSWER && talk_is_ok(&s->call)) {
		settle(s, "accepted");
		return true;
	}
	if (meaning != MEANS_REFUSED)
		return false;
	say(SAY_WARN, "job %" PRId64 ": the tracker did not take the result: %s", s->item->job,
	    talk_why(&s->call, why, sizeof(why)));
	settle(s, s->call.status == 403 ? "fenced" : "refused");
	return true;
}

static bool
on_returned(struct slot *s, enum meaning meaning)
{
	bool ok = meaning == MEANS_ANSWER && talk_is_ok(&s->call);

	if (ok || meaning == MEANS_REFUSED)
		settle(s, ok ? "accepted" : "refused");
	return ok || meaning == MEANS_REFUSED;
}

static bool
on_alive(struct slot *s, enum meaning meaning)
{
	const char *text = s->call.answer.len > 0 ? s->call.answer.data : "";

	if (meaning != MEANS_ANSWER || (!strstr(text, "True") && !strstr(text, "False")))
		return false;
	if (strstr(text, "False"))
		lose_identity(s);
	return true;
}

static bool
on_bye(struct slot *s, enum meaning meaning)
{
	if (meaning == MEANS_AWAY || meaning == MEANS_DISTRUSTED)
		return false;
	if (s->item)
		settle(s, "accepted");
	s->who->present = false;
	s->who = NULL;
	s->gone = s->v1->w->stopping != STOP_NOT;
	return true;
}

static void
on_unknown(struct slot *s)
{
	if (s->item)
		settle(s, "unknown");
	lose_identity(s);
}

/* By what the call said; true: the answer was of use. */
static bool
take_answer(struct slot *s, enum voice voice, enum meaning meaning)
{
	switch (voice) {
	case VOICE_ALIVE:
		return on_alive(s, meaning);
	case VOICE_ASK:
		return on_ask(s, meaning);
	case VOICE_DONE:
		return on_done(s, meaning);
	case VOICE_FLAG:
	case VOICE_FAIL:
		return on_returned(s, meaning);
	case VOICE_BYE:
		return on_bye(s, meaning);
	default: /* progress; of an unknown worker too: its result may still be welcome */
		return (meaning == MEANS_ANSWER && talk_is_ok(&s->call)) ||
		    meaning == MEANS_REFUSED || meaning == MEANS_UNKNOWN;
	}
}

static void
on_call(struct http_call *c)
{
	struct slot *s = c->owner;
	struct worker *w = s->v1->w;
	enum meaning meaning = talk_meaning(c);
	enum voice voice = s->voice;

	s->voice = VOICE_NONE;
	if (voice == VOICE_HELLO) {
		s->who = talk_take_welcome(w, c);
		s->useful = false;
	} else if (meaning == MEANS_UNKNOWN && voice != VOICE_BYE && voice != VOICE_PROGRESS) {
		on_unknown(s);
	} else if (take_answer(s, voice, meaning)) {
		s->useful = true;
		worker_reached(w);
	} else {
		report_untell(w, c);
		talk_take_away(w, c, meaning);
	}
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
	int64_t due = s->spoke_us + worker_silence_us(s->v1->w, HEARTBEAT_US);

	say_clean(note, sizeof(note), s->item->run.notes.last, s->item->run.notes.last_len);
	if (strcmp(note, s->progress) != 0)
		due = sooner(due, s->spoke_us + PROGRESS_US);
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
	/* After an outage a call that is answered at once: a tracker may let newJob wait. */
	if (w->away_told) {
		send_token(s, VOICE_ALIVE, "/api/validateWorker");
		return INT64_MAX;
	}
	if (hand_wants(&w->hand, now_us) == 0)
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
	v->w->finished = v->w->finished || (all_gone && !v->w->hand.items);
	return next;
}

struct v1 *
v1_new(struct worker *w)
{
	int slots = w->o.hand.slots;
	struct v1 *v = calloc(1, sizeof(*v) + (size_t)slots * sizeof(v->slot[0]));

	if (!v)
		abort();
	v->w = w;
	v->slots = slots;
	for (int i = 0; i < slots; i++) {
		v->slot[i].v1 = v;
		v->slot[i].ask_ms = ASK_FIRST_MS;
		http_call_init(&v->slot[i].call, (size_t)w->o.max_input, on_call, &v->slot[i]);
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
