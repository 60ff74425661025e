/* Who takes a name, by the form of /join. */
#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "domain/key.h"
#include "domain/nickname.h"
#include "store/pg_array.h"
#include "web/join.h"
#include "web/routes.h"
#include "web/visit.h"

#define ANSWER_BYTES (256 * 1024)
#define KEY_LABEL "the first one"
#define LIMITED_S 3600 /* as the page says; sign_up.sql counts by the hour */

struct joining {
	const char *sent, *tidy; /* the name; tidy NULL: it may be no new one */
	size_t sent_len, tidy_len;
	struct err nickname; /* why */
	struct uuid token, invite, key;
	bool has_token, has_invite;
	char address[ADDRESS_TEXT];
	char key_text[KEY_TEXT];
	struct join_said said;
	struct buf out;
};

static void
read_form(struct request *rq, struct joining *j)
{
	const char *token, *invite;
	struct uuid shown;
	size_t len;

	j->sent = request_form(rq, "nickname", &j->sent_len);
	if (!nickname_tidy(&rq->arena, j->sent, j->sent_len, &j->tidy, &j->tidy_len, &j->nickname))
		j->tidy = NULL;
	token = request_form(rq, "token", &len);
	token += strspn(token, " \t\r\n");
	len = strcspn(token, " \t\r\n");
	if ((j->has_token = uuid_parse(&shown, token, len)))
		j->token = hash_128(shown.b, sizeof(shown.b));
	invite = request_form(rq, "invite", &len);
	j->has_invite = key_hash(invite, len, &j->invite);
	if (!address_text(j->address, request_param(rq, "REMOTE_ADDR")))
		j->address[0] = '\0';
}

/* The address that the visitor typed: it stands in the lines that we show, so it holds nothing else. */
static const char *
own_url(struct request *rq)
{
	const char *host = request_param(rq, "HTTP_HOST");

	if (*host == 0 ||
	    host[strspn(host,
		"0123456789.:[]-abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != 0)
		return "https://tracker.example";
	return arena_printf(&rq->arena, "https://%s", host);
}

static struct pg_param
one_or_null(struct pg_array *array, const struct uuid *id, bool is_there)
{
	pg_array_init(array, PG_UUID_ARRAY);
	if (is_there)
		pg_array_uuid(array, id);
	return pg_array_param(array);
}

static bool
sign_up(struct request *rq, struct joining *j, struct pg *pg, struct err *e)
{
	struct nickname_look look = nickname_look(&rq->arena, j->sent, j->sent_len);
	struct pg_array skeletons, key, token, invite;
	struct pg_scalar closed;
	struct pg_param params[9];
	struct pg_rows *rows = NULL;
	char mark[NICKNAME_MARK];
	bool ok;

	key_new(j->key_text, &j->key);
	pg_array_init(&skeletons, PG_UUID_ARRAY);
	pg_array_uuid(&skeletons, &look.folded);
	pg_array_uuid(&skeletons, &look.written);
	params[0] = pg_text_param(j->tidy, j->tidy_len);
	params[1] = pg_text_param(j->sent, j->sent_len);
	params[2] = pg_array_param(&skeletons);
	params[3] = pg_text_param(mark, strlen(nickname_mark(mark)));
	params[4] = one_or_null(&key, &j->key, true);
	params[5] = pg_text_param(j->address[0] ? j->address : NULL, strlen(j->address));
	params[6] = one_or_null(&token, &j->token, j->has_token);
	params[7] = one_or_null(&invite, &j->invite, j->has_invite);
	params[8] = pg_bool_param(&closed, rq->tracker->settings->signup[0] == 'c');
	ok = pg_call(pg,
	    "select s.status, s.name, s.words from tracker.sign_up($1, $2, $3, $4,"
	    " ($5::uuid[])[1], '" KEY_LABEL
	    "', $6::text::inet, ($7::uuid[])[1], ($8::uuid[])[1], $9) s",
	    params, 9, &rows, e);
	if (ok) {
		j->said.status = pg_dup(&rq->arena, rows, 0, 0);
		j->said.name = pg_dup(&rq->arena, rows, 0, 1);
		j->said.words = pg_dup(&rq->arena, rows, 0, 2);
		j->said.key = j->key_text;
		pg_rows_free(rows);
	}
	pg_array_fini(&skeletons);
	pg_array_fini(&key);
	pg_array_fini(&token);
	pg_array_fini(&invite);
	return ok;
}

/* Where to go, as far as it is known: who reached us by another port has typed no address of https. */
static const char *
in_the_clear(struct request *rq)
{
	const char *url = rq->tracker->settings->base_url;

	if (!text_starts(url, "https://"))
		return "By https only: a key is nothing to send in the clear. No name was taken.";
	return arena_printf(&rq->arena,
	    "By https only: a key is nothing to send in the clear. No name was taken: go to "
	    "%s/join.",
	    url);
}

/* A name that needs no look into the database to be refused. */
static bool
is_refused(struct request *rq, struct joining *j)
{
	j->said = (struct join_said){"refused", "", "", NULL, j->sent, own_url(rq)};
	if (!request_is_by_https(rq)) {
		j->said.status = "plain";
		j->said.words = in_the_clear(rq);
	} else if (j->sent_len == 0)
		j->said.words = "Which name?";
	else if (!j->tidy && !nickname_was_allowed(j->sent, j->sent_len))
		j->said.words = j->nickname.said;
	else if (nickname_is_reserved(
		     &rq->arena, j->sent, j->sent_len, rq->tracker->settings->reserved))
		j->said.words = "This name belongs to nobody. Choose another one.";
	return j->said.words[0] != 0;
}

/* On the reader of acts. */
static void
join(struct op *op, struct reader *reader)
{
	struct request *rq = op->owner;
	struct joining *j = rq->state;
	struct page page = visit_page(rq, reader, &j->out);

	page.query = "";
	if (!is_refused(rq, j) && !sign_up(rq, j, reader->pg, &op->err))
		return;
	if (strcmp(j->said.status, "no_name") == 0 && j->nickname.said)
		j->said.words = j->nickname.said;
	if (join_render(&page, &j->said, &op->err))
		j->out.len = text_clean(j->out.data, j->out.len, true);
}

static bool
is_limited(const struct join_said *said)
{
	return strcmp(said->status, "limited") == 0;
}

static int
status_of(const struct join_said *said)
{
	if (strcmp(said->status, "made") == 0)
		return 200;
	if (strcmp(said->status, "plain") == 0)
		return 403;
	return is_limited(said) ? 429 : 422;
}

static void
answer_join(struct op *op)
{
	struct joining *j = ((struct request *)op->owner)->state;

	visit_answer(op, &j->out,
	    (struct reply){.status = status_of(&j->said),
		.type = "text/html; charset=utf-8",
		.retry_after_s = is_limited(&j->said) ? LIMITED_S : 0});
}

/* POST /join nickname=N[&token=T][&invite=I] -> the page with the key, 200; 422 and why not, 429; 403 in the clear. */
bool
handle_join(struct request *rq, struct err *e)
{
	struct joining *j = arena_calloc(&rq->arena, 1, sizeof(*j));
	struct op *op = request_op(rq, OP_ACT, answer_join);

	(void)e;
	buf_init(&j->out, ANSWER_BYTES);
	read_form(rq, j);
	rq->state = j;
	op->render.render = join;
	op->render.page = rq;
	op->render.from = request_from(rq);
	op_submit(rq->tracker, op);
	return true;
}
