/*
 * Who comes to /me: by a key, once, then by a session; and what they do there.
 *
 * Each act is one function of SQL, which asks again whose session it is and writes its line in audit. It needs the
 * session and the token of a form of it. What went well is answered with 303, so that no reload does it twice; but
 * for what is shown once, or is a file: a new key, which is kept nowhere to be shown from after a 303 (a form sent
 * again makes another one, among those on the page), their data, and that they are erased.
 */
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/log.h"
#include "base/text.h"
#include "base/url.h"
#include "domain/erasure.h"
#include "domain/health.h"
#include "domain/key.h"
#include "domain/news.h"
#include "domain/nickname.h"
#include "store/pg_array.h"
#include "web/own.h"
#include "web/routes.h"
#include "web/visit.h"

#define COOKIE "__Host-me"
#define SESSION_LIFE_S (12 * 3600)
#define LIMITED_S 3600                  /* may_try.sql counts by the hour */
#define ANSWER_BYTES (16 * 1024 * 1024) /* DATA_ROWS of 2,000 characters each, and the days */
#define DATA_ROWS 2000
#define PART_MOST INT64_C(253402300799999) /* own_data's: behind all machines */
/* Texts are searched whole for the name, once, on request of its owner; nginx waits for 75 s. */
#define ERASE_PATIENCE_MS 60000

struct visit {
	struct own_visit own;
	struct session session; /* what own.session points to */
	int status;
	const char *go;     /* instead of a page: where to */
	const char *cookie; /* to be set */
	const char *file;   /* `out` is no page, but this file */
	struct buf out;
};

typedef bool act_run(struct request *rq, struct visit *v, struct reader *r, struct err *e);

static const char said_out[] = "You are not signed in, or not any more. Show your key.";

static bool
sorry(struct visit *v, int status, const char *words)
{
	v->status = status;
	v->own.said.sorry = words;
	return true;
}

static bool
go(struct visit *v, const char *where)
{
	v->status = 303;
	v->go = where;
	return true;
}

/* As a program tells it: to all processes, this one too. */
static void
tell(struct request *rq, struct reader *r, const struct news *news)
{
	char channel[128], text[NEWS_TEXT];
	struct err e = ERR_INIT;
	bool good;

	news_channel(channel, sizeof(channel), rq->tracker->project_id);
	news_write(text, news);
	redis_begin(r->redis);
	redis_put_words(r->redis, "PUBLISH", channel, text, NULL);
	good = redis_flush(r->redis, NULL, NULL, &e); /* nothing depends on being heard */
	health_of_redis(rq->tracker->shared, PART_TELL, r->redis, good, &e);
}

/* What is public may be otherwise now: here, and wherever it is heard. */
static void
pages_changed(struct request *rq, struct reader *r)
{
	page_cache_forget(rq->tracker->pages);
	tell(rq, r, &(const struct news){.kind = NEWS_PAGES});
}

/* One call that answers with a word. */
static bool
ask_word(struct request *rq, struct reader *r, const char *sql, const struct pg_param *params,
    int n, const char **word, struct err *e)
{
	struct pg_rows *rows;

	if (!pg_call(r->pg, sql, params, n, &rows, e))
		return false;
	*word = request_cell(rq, rows, 0, 0);
	pg_rows_free(rows);
	return true;
}

static bool
is(const char *word, const char *other)
{
	return strcmp(word, other) == 0;
}

/* A number that stands in a form of ours; 0, which nothing has, when it is none. */
static int64_t
number_of(struct request *rq, const char *field)
{
	size_t len;
	const char *text = request_form(rq, field, &len);
	int64_t n;

	return text_to_int(text, len, 1, INT64_MAX, &n) ? n : 0;
}

/* ---- in and out ------------------------------------------------------------------------------ */

static bool
act_in(struct request *rq, struct visit *v, struct reader *r, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[4];
	char address[ADDRESS_TEXT] = "";
	struct uuid key;
	const char *text, *word;
	size_t len;

	text = request_form(rq, "key", &len);
	/* What cannot be a key is counted as a wrong one. */
	if (!key_hash(text, len, &key))
		memset(&key, 0, sizeof(key));
	if (!address_text(address, request_param(rq, "REMOTE_ADDR")))
		address[0] = '\0';
	session_new(&v->session);
	params[0] = pg_uuid_param(&key);
	params[1] = pg_uuid_param(&v->session.hash);
	params[2] = pg_text_param(address[0] ? address : NULL, strlen(address));
	params[3] = pg_int4_param(&room, SESSION_LIFE_S);
	if (!ask_word(rq, r, "select tracker.open_session($1, $2, $3::text::inet, $4)", params, 4,
		&word, e))
		return false;
	if (is(word, "limited"))
		return sorry(v, 429,
		    "There were too many wrong keys from where you are. Look whether yours is "
		    "whole; "
		    "the right one is taken at any time.");
	if (!is(word, "in"))
		return sorry(v, 422,
		    "That is no key of anybody here, or not any more. A key begins with dct_ and "
		    "has "
		    "32 letters and digits behind it.");
	v->cookie = session_cookie(&rq->arena, COOKIE, &v->session, SESSION_LIFE_S);
	return go(v, OWN_PATH);
}

static bool
act_out(struct request *rq, struct visit *v, struct reader *r, struct err *e)
{
	struct pg_param param = pg_uuid_param(&v->session.hash);
	struct pg_rows *rows;

	if (!pg_call(r->pg, "select tracker.close_session($1)", &param, 1, &rows, e))
		return false;
	pg_rows_free(rows);
	v->cookie = session_cookie(&rq->arena, COOKIE, NULL, 0);
	return go(v, OWN_PATH "?done=out");
}

/* ---- machines -------------------------------------------------------------------------------- */

static bool
act_rest(struct request *rq, struct visit *v, struct reader *r, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[] = {
	    pg_uuid_param(&v->session.hash), pg_int8_param(&room, number_of(rq, "worker"))};
	struct news changed = {.kind = NEWS_GONE};
	struct pg_rows *rows;
	const char *status;

	if (!pg_call(r->pg, "select status, token from tracker.own_end_rest($1, $2)", params, 2,
		&rows, e))
		return false;
	status = request_cell(rq, rows, 0, 0);
	if (is(status, "done"))
		changed.token = pg_uuid(rows, 0, 1);
	pg_rows_free(rows);
	if (is(status, "out"))
		return sorry(v, 403, said_out);
	if (!is(status, "done"))
		return sorry(v, 422, "That is no machine of yours that is here now.");
	tell(rq, r, &changed); /* what waits for the end of the rest asks again */
	pages_changed(rq, r);
	return go(v, OWN_PATH "?done=rest#machines");
}

static bool
hide(struct request *rq, struct visit *v, struct reader *r, bool yes, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[] = {pg_uuid_param(&v->session.hash), pg_bool_param(&room, yes)};
	const char *word;

	if (!ask_word(rq, r, "select tracker.own_hide($1, $2)", params, 2, &word, e))
		return false;
	if (is(word, "out"))
		return sorry(v, 403, said_out);
	pages_changed(rq, r);
	return go(v, yes ? OWN_PATH "?done=hide#machines" : OWN_PATH "?done=show#machines");
}

static bool
act_hide(struct request *rq, struct visit *v, struct reader *r, struct err *e)
{
	return hide(rq, v, r, true, e);
}

static bool
act_show(struct request *rq, struct visit *v, struct reader *r, struct err *e)
{
	return hide(rq, v, r, false, e);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool
act_key(struct request *rq, struct visit *v, struct reader *r, struct err *e)
{
	struct pg_param params[3];
	struct err ignored = ERR_INIT;
	const char *label = NULL, *word;
	char *text = arena_alloc(&rq->arena, KEY_TEXT);
	struct uuid key;
	size_t len = 0;

	/* What is no text was something, and is not taken for nothing. */
	if (!url_query(&rq->arena, rq->body, "label", &label, &len, &ignored) ||
	    (label && (text_chars(label, len) > KEY_LABEL_CHARS || text_has_control(label, len))))
		return sorry(
		    v, 422, "What a key is for may be said in 64 characters, in one line.");
	key_new(text, &key);
	params[0] = pg_uuid_param(&v->session.hash);
	params[1] = pg_uuid_param(&key);
	params[2] = pg_text_param(label ? label : "", len);
	if (!ask_word(rq, r, "select tracker.own_add_key($1, $2, $3)", params, 3, &word, e))
		return false;
	if (is(word, "out"))
		return sorry(v, 403, said_out);
	if (!is(word, "done"))
		return sorry(v, 422, "You have as many keys as one may have. Revoke one first.");
	v->own.said.key = text;
	return true;
}

static bool
act_revoke(struct request *rq, struct visit *v, struct reader *r, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[3];
	const char *word;
	size_t len;

	params[0] = pg_uuid_param(&v->session.hash);
	params[1] = pg_int8_param(&room[0], number_of(rq, "key"));
	params[2] = pg_bool_param(&room[1], is(request_form(rq, "sure", &len), "yes"));
	if (!ask_word(rq, r, "select tracker.own_revoke_key($1, $2, $3)", params, 3, &word, e))
		return false;
	if (is(word, "out"))
		return sorry(v, 403, said_out);
	if (is(word, "last"))
		return sorry(v, 422,
		    "It is your last key: without it only who runs the project can give you "
		    "another. "
		    "Say that you know, and revoke it then.");
	if (!is(word, "done"))
		return sorry(v, 422, "That is no key of yours that is good.");
	return go(v, OWN_PATH "?done=revoke#keys");
}

/* ---- name ------------------------------------------------------------------------------------ */

static const char *
no_name(struct request *rq, const char *status, const char *name, const char *words,
    const struct err *why)
{
	static const struct {
		const char *status, *words;
	} known[] = {
	    {"many", "You have as many names as one may have. Ask who runs the project."},
	    {"taken", "Somebody has this name. Choose another one."},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is(known[i].status, status))
			return known[i].words;
	if (is(status, "banned"))
		return arena_printf(&rq->arena, "You are banned: %s", words);
	if (is(status, "alike"))
		return arena_printf(&rq->arena,
		    "This name looks like %s, which is another one's. Choose one that looks "
		    "different.",
		    name);
	return why->said ? why->said : "That may be no name.";
}

static bool
rename_me(struct request *rq, struct visit *v, struct reader *r, const char *sent, size_t sent_len,
    struct err *e)
{
	struct nickname_look look = nickname_look(&rq->arena, sent, sent_len);
	char address[ADDRESS_TEXT] = "", mark[NICKNAME_MARK];
	struct err why = ERR_INIT;
	struct pg_array skeletons;
	struct pg_param params[6];
	struct pg_rows *rows = NULL;
	const char *tidy = NULL, *status;
	size_t tidy_len = 0;
	bool ok;

	if (!nickname_tidy(&rq->arena, sent, sent_len, &tidy, &tidy_len, &why))
		tidy = NULL;
	if (!address_text(address, request_param(rq, "REMOTE_ADDR")))
		address[0] = '\0';
	pg_array_init(&skeletons, PG_UUID_ARRAY);
	pg_array_uuid(&skeletons, &look.folded);
	pg_array_uuid(&skeletons, &look.written);
	params[0] = pg_uuid_param(&v->session.hash);
	params[1] = pg_text_param(tidy, tidy_len);
	params[2] = pg_text_param(sent, sent_len);
	params[3] = pg_array_param(&skeletons);
	params[4] = pg_text_param(mark, strlen(nickname_mark(mark)));
	params[5] = pg_text_param(address[0] ? address : NULL, strlen(address));
	ok = pg_call(r->pg,
	    "select s.status, s.name, s.words from"
	    " tracker.own_rename($1, $2, $3, $4, $5, $6::text::inet) s",
	    params, 6, &rows, e);
	pg_array_fini(&skeletons);
	if (!ok)
		return false;
	status = request_cell(rq, rows, 0, 0);
	if (is(status, "out"))
		sorry(v, 403, said_out);
	else if (is(status, "done"))
		go(v, OWN_PATH "?done=rename");
	else
		sorry(v, 422,
		    no_name(rq, status, request_cell(rq, rows, 0, 1), request_cell(rq, rows, 0, 2),
			&why));
	pg_rows_free(rows);
	if (v->go)
		pages_changed(rq, r);
	return true;
}

static bool
act_rename(struct request *rq, struct visit *v, struct reader *r, struct err *e)
{
	size_t len;
	const char *sent = request_form(rq, "nickname", &len);

	if (nickname_is_reserved(&rq->arena, sent, len, rq->tracker->settings->reserved))
		return sorry(v, 422, "This name belongs to nobody. Choose another one.");
	if (!nickname_was_allowed(sent, len))
		return sorry(v, 422, "A name has 1 to 128 characters, in one line.");
	return rename_me(rq, v, r, sent, len, e);
}

/* ---- data ------------------------------------------------------------------------------------ */

/* "NUMBER-NUMBER", as the file before says it; nothing is the first. */
static bool
read_part(struct request *rq, int64_t part[2])
{
	size_t len, first;
	const char *text = request_form(rq, "part", &len);

	part[0] = part[1] = 0;
	if (len == 0)
		return true;
	first = strcspn(text, "-");
	return first < len && text_to_int(text, first, 0, PART_MOST, &part[0]) &&
	    text_to_int(text + first + 1, len - first - 1, 0, PART_MOST, &part[1]);
}

static bool
act_data(struct request *rq, struct visit *v, struct reader *r, struct err *e)
{
	struct pg_scalar room[3];
	struct pg_param params[4];
	struct pg_rows *rows;
	const char *text;
	int64_t part[2];
	size_t len;

	if (!read_part(rq, part))
		return sorry(v, 422,
		    "That is no place at which a file ended: it is two numbers with a "
		    "hyphen between.");
	params[0] = pg_uuid_param(&v->session.hash);
	params[1] = pg_int8_param(&room[0], part[0]);
	params[2] = pg_int8_param(&room[1], part[1]);
	params[3] = pg_int4_param(&room[2], DATA_ROWS);
	if (!pg_call(r->pg,
		"select tracker.own_data((select s.person from tracker.find_session($1) s), $2, "
		"$3, $4)",
		params, 4, &rows, e))
		return false;
	if (pg_is_null(rows, 0, 0))
		sorry(v, 403, said_out);
	else {
		text = pg_text(rows, 0, 0, &len);
		buf_put(&v->out, text, len);
		buf_putc(&v->out, '\n');
		v->file = arena_printf(
		    &rq->arena, "my-data-%lld-%lld.json", (long long)part[0], (long long)part[1]);
	}
	pg_rows_free(rows);
	return true;
}

/* ---- erase ----------------------------------------------------------------------------------- */

static void
tell_erased(struct request *rq, struct reader *r, const struct pg_rows *rows)
{
	struct err e = ERR_INIT, ignored = ERR_INIT;
	bool good;

	page_cache_forget(rq->tracker->pages);
	good = erasure_tell(r->redis, rq->tracker->project_id, rows, 1,
	    &e); /* else what it keeps is gone in minutes */
	health_of_redis(rq->tracker->shared, PART_ERASE, r->redis, good, &e);
	if (!erasure_forget_statistics(r->pg, &ignored))
		log_event(LOG_WARN_, "statistics_kept", "why=%s", ignored.why);
}

static bool
erase_me(struct request *rq, struct visit *v, struct reader *r, const char *name, struct err *e)
{
	struct pg_param params[] = {
	    pg_uuid_param(&v->session.hash), pg_text_param(name, strlen(name))};
	struct pg_rows *rows = NULL;
	const char *status;

	if (!pg_call(r->pg,
		"select s.status, s.line, s.worker, s.token, s.stage, s.freed, s.names"
		" from tracker.own_erase($1, $2) s",
		params, 2, &rows, e))
		return false;
	status = request_cell(rq, rows, 0, 0);
	if (is(status, "out"))
		sorry(v, 403, said_out);
	else if (is(status, "banned"))
		sorry(v, 403,
		    "You are banned. Nothing was erased: ask whoever runs the project to erase "
		    "you.");
	else if (!is(status, "done"))
		sorry(v, 422, "That is not your name. Nothing was erased.");
	else {
		v->own.said.erased =
		    arena_printf(&rq->arena, "erased-%lld", (long long)pg_int(rows, 0, 1));
		v->cookie = session_cookie(&rq->arena, COOKIE, NULL, 0);
		tell_erased(rq, r, rows);
	}
	pg_rows_free(rows);
	return true;
}

static bool
act_erase(struct request *rq, struct visit *v, struct reader *r, struct err *e)
{
	struct err ignored = ERR_INIT;
	size_t len, again_len;
	const char *name = request_form(rq, "name", &len);
	const char *again = request_form(rq, "again", &again_len);
	bool ok;

	if (len != again_len || memcmp(name, again, len) != 0)
		return sorry(v, 422, "The two names are not the same. Nothing was erased.");
	pg_set_patience(r->pg, ERASE_PATIENCE_MS);
	ok = pg_run(r->pg, "set statement_timeout = '60s'", e) && erase_me(rq, v, r, name, e);
	pg_set_patience(r->pg, READER_PATIENCE_MS);
	if (!pg_run(r->pg, "set statement_timeout = '10s'", &ignored))
		stat_add(STAT_PG_AWAY, 1); /* the next connection begins so */
	return ok;
}

/* ---- a visit --------------------------------------------------------------------------------- */

static const struct act {
	const char *name;
	bool by_key; /* needs no session */
	act_run *run;
} acts[] = {
    {"in", true, act_in},
    {"out", false, act_out},
    {"rest", false, act_rest},
    {"hide", false, act_hide},
    {"show", false, act_show},
    {"key", false, act_key},
    {"revoke", false, act_revoke},
    {"rename", false, act_rename},
    {"data", false, act_data},
    {"erase", false, act_erase},
};

static bool
act(struct request *rq, struct visit *v, struct reader *r, struct err *e)
{
	size_t len, form_len;
	const char *name = request_form(rq, "act", &len);
	const char *form = request_form(rq, "form", &form_len);

	if (!v->own.by_https)
		return sorry(v, 403, "Not in the clear: nothing was done.");
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (!is(acts[i].name, name))
			continue;
		if (!acts[i].by_key && !v->own.session)
			return sorry(v, 403, said_out);
		if (!acts[i].by_key && !session_made(&v->session, form, form_len))
			return sorry(v, 403,
			    "That form is of another session: nothing was done. Try it again "
			    "here.");
		return acts[i].run(rq, v, r, e);
	}
	return sorry(v, 422, "What shall be done?");
}

/* On a reader: what is looked at on that of pages, what is done on that of acts. */
static void
serve(struct op *op, struct reader *reader)
{
	struct request *rq = op->owner;
	struct visit *v = rq->state;
	struct page page = visit_page(rq, reader, &v->out);

	if (rq->method == POST && !act(rq, v, reader, &op->err))
		return;
	if (!v->go && !v->file && own_render(&page, &v->own, &op->err))
		v->out.len = text_clean(v->out.data, v->out.len, true);
}

static void
answer(struct op *op)
{
	struct visit *v = ((struct request *)op->owner)->state;

	visit_answer(op, &v->out,
	    (struct reply){.status = v->status,
		.type = v->file ? "application/json" : "text/html; charset=utf-8",
		.location = v->go,
		.cookie = v->cookie,
		.file = v->file,
		.retry_after_s = v->status == 429 ? LIMITED_S : 0});
}

/*
 * GET /me -> one's own page, or a form to show a key.
 * POST /me act=ACT&form=TOKEN... -> 303 when it was done; else the page and why not: 403, 422, 429.
 */
bool
handle_own(struct request *rq, struct err *e)
{
	struct visit *v = arena_calloc(&rq->arena, 1, sizeof(*v));
	struct op *op = request_op(rq, rq->method == POST ? OP_ACT : OP_RENDER, answer);

	(void)e;
	buf_init(&v->out, ANSWER_BYTES);
	v->status = 200;
	v->own.by_https = request_is_by_https(rq);
	if (session_read(&v->session, request_param(rq, "HTTP_COOKIE"), COOKIE))
		v->own.session = &v->session;
	rq->state = v;
	op->render.render = serve;
	op->render.page = rq;
	op->render.from = request_from(rq);
	op_submit(rq->tracker, op);
	return true;
}
