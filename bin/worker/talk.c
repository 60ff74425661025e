#include "worker/talk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "base/url.h"
#include "worker/say.h"

#define WORD_MAX 512 /* bytes of a token, or of a name */

/* ---- what it means ---------------------------------------------------------------------------- */

static bool
is_passing(long status)
{
	return status == 0 || status == 408 || status == 425 || status == 429 ||
	    (status >= 500 && status != 501);
}

/* A page, of whatever is between us and the tracker, or is there instead of it. */
static bool
is_page(const struct http_call *c)
{
	const char *s = c->answer.len > 0 ? c->answer.data : "";

	return s[strspn(s, " \t\r\n")] == '<';
}

enum meaning
talk_meaning(const struct http_call *c)
{
	long status = c->status;

	if (c->distrusted)
		return MEANS_DISTRUSTED;
	if (is_passing(status))
		return MEANS_AWAY;
	if (status == 200)
		return MEANS_ANSWER;
	if (status == 404 && c->answer.len > 0 && strstr(c->answer.data, "find this worker"))
		return MEANS_UNKNOWN;
	if (status == 404 || status == 405 || status == 501)
		return MEANS_NO_CALL;
	if (status == 413)
		return MEANS_REFUSED; /* nginx says it with a page */
	if ((status == 400 || status == 401 || status == 403 || status == 422) && !is_page(c))
		return MEANS_REFUSED;
	return MEANS_STRANGE;
}

bool
talk_is_ok(const struct http_call *c)
{
	return c->answer.len > 0 && c->answer.len < 64 && strstr(c->answer.data, "OK");
}

char *
talk_why(const struct http_call *c, char *out, size_t size)
{
	const char *s = c->answer.len > 0 && !is_page(c) ? c->answer.data : "";
	int n;

	if (c->error[0] != '\0')
		return say_clean(out, size, c->error, strlen(c->error));
	n = snprintf(out, size, "answer %ld%s", c->status, *s ? ": " : "");
	if (n > 0 && (size_t)n < size)
		say_clean(out + n, size - (size_t)n, s, strcspn(s, "\n"));
	return out;
}

void
talk_take_away(struct worker *w, struct http_call *c, enum meaning meaning)
{
	char why[300], said[400];

	talk_why(c, why, sizeof(why));
	snprintf(said, sizeof(said), "%s: %s", w->o.url, why);
	if (c->status == 429)
		worker_away(w, AWAY_BUSY, why, c->retry_after_s);
	else if (meaning == MEANS_DISTRUSTED && !w->was_reached)
		worker_note_trouble(w, TROUBLE_DISTRUST, said);
	else if (meaning == MEANS_STRANGE && !w->was_reached && !w->hand.items)
		worker_note_trouble(w, TROUBLE_NO_TRACKER, said);
	else
		worker_away(w, AWAY_SILENT, why, c->retry_after_s);
}

/* ---- reading ---------------------------------------------------------------------------------- */

bool
talk_read(struct http_call *c, struct scan_field *fields, size_t n)
{
	struct err ignored = ERR_INIT;

	return c->answer.len > 0 && scan_fields(c->answer.data, c->answer.len, fields, n, &ignored);
}

bool
talk_decode(struct http_call *c, struct json_span value, struct json_text *out)
{
	return value.s && scan_as_text(value, c->answer.data + (value.s - c->answer.data), out);
}

bool
talk_text(struct http_call *c, struct json_span value, size_t most, struct json_text *out)
{
	return talk_decode(c, value, out) && out->len > 0 && out->len <= most &&
	    !text_has_control(out->s, out->len);
}

void
talk_take_data(struct http_call *c, struct json_span value, struct item *i)
{
	struct json_text text;

	if (talk_decode(c, value, &text)) {
		buf_put(&i->input, text.s, text.len);
		return;
	}
	i->is_json = json_is_valid(value.s, value.len);
	buf_put(&i->input, value.s, value.len);
}

/* ---- registering ------------------------------------------------------------------------------ */

void
talk_open_body(struct http_call *c, const struct identity *who)
{
	buf_clear(&c->body);
	buf_puts(&c->body, "{\"token\":");
	json_put_text(&c->body, who->token, strlen(who->token));
}

void
talk_put_new_path(const struct worker *w, int slots, struct buf *path)
{
	buf_puts(path, "/api/new?nickname=");
	url_encode(path, w->o.nickname, strlen(w->o.nickname));
	buf_puts(path, "&stage=");
	url_encode(path, w->stage, strlen(w->stage));
	if (*w->o.has) {
		buf_puts(path, "&has=");
		url_encode(path, w->o.has, strlen(w->o.has));
	}
	if (*w->o.label) {
		buf_puts(path, "&label=");
		url_encode(path, w->o.label, strlen(w->o.label));
	}
	buf_printf(path, "&slots=%d", slots);
}

static void
tell_welcome(
    const struct worker *w, const struct identity *who, const char *stage_name, const char *project)
{
	char stage[200], lower[200];
	const char *where;
	struct buf address;

	say_clean(stage, sizeof(stage), stage_name, strlen(stage_name));
	text_lower(lower, stage, strlen(stage));
	lower[strlen(stage)] = '\0';
	buf_init(&address, 0);
	buf_printf(&address, "%s/worker/", http_url(w->http));
	url_encode(&address, lower, strlen(lower));
	buf_putc(&address, '/');
	url_encode(&address, who->name, strlen(who->name));
	where = buf_text(&address);
	say(SAY_INFO, "working as %s in stage %s of %s: %s", who->name, stage, project,
	    where ? where : http_url(w->http));
	buf_fini(&address);
}

static struct identity *
read_welcome(struct worker *w, struct http_call *c)
{
	enum { TOKEN, NAME, PROJECT, STAGE, IDLE, FIELDS };
	struct scan_field f[FIELDS] = {{.name = "token"}, {.name = "display_name"},
	    {.name = "project"}, {.name = "stage_name"}, {.name = "idle_timeout"}};
	struct json_text token, text[STAGE + 1];
	struct identity *who;
	int64_t idle_s;

	if (!talk_read(c, f, FIELDS))
		return NULL;
	for (int i = TOKEN; i <= STAGE; i++)
		if (!talk_text(c, f[i].value, WORD_MAX, &text[i]))
			text[i] = (struct json_text){"", 0};
	token = text[TOKEN];
	if (token.len == 0)
		return NULL;
	who = worker_identity(w, token.s);
	who->present = true;
	say_clean(who->name, sizeof(who->name), text[NAME].s, text[NAME].len);
	if (scan_as_int(f[IDLE].value, &idle_s) && idle_s >= 1 && idle_s <= YEAR_S)
		w->idle_timeout_s = idle_s;
	tell_welcome(w, who, text[STAGE].s, text[PROJECT].s);
	return who;
}

/* With results in hand, or where one was before, it is worth waiting; else somebody has mistyped. */
static void
take_no_welcome(struct worker *w, struct http_call *c, enum meaning meaning)
{
	char why[300], said[400];

	talk_why(c, why, sizeof(why));
	if (w->was_welcome || w->hand.items) {
		worker_away(w, meaning == MEANS_REFUSED ? AWAY_UNWANTED : AWAY_SILENT, why,
		    c->retry_after_s);
		return;
	}
	snprintf(said, sizeof(said), "%s/api/new: %s", w->o.url, why);
	worker_note_trouble(w, meaning == MEANS_REFUSED ? TROUBLE_REFUSED : TROUBLE_NO_TRACKER,
	    meaning == MEANS_REFUSED ? why : said);
}

struct identity *
talk_take_welcome(struct worker *w, struct http_call *c)
{
	enum meaning meaning = talk_meaning(c);
	struct identity *who = meaning == MEANS_ANSWER ? read_welcome(w, c) : NULL;

	if (who) {
		if (!w->was_reached || w->away_told)
			worker_reached(w);
		w->was_welcome = true;
		return who;
	}
	if (meaning == MEANS_AWAY || meaning == MEANS_DISTRUSTED || meaning == MEANS_STRANGE)
		talk_take_away(w, c, meaning);
	else
		take_no_welcome(w, c, meaning);
	return NULL;
}

void
talk_lose_identity(struct worker *w, struct identity *who, bool useful)
{
	say(SAY_WARN, "the tracker does not know %s any more: registering again", who->name);
	who->present = false;
	if (!useful)
		backoff_fail(&w->backoff, clock_us(), 0);
}
