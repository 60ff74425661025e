/*
 * page_own -- /me: what is one's own, for who has shown the key of their name.
 *
 *	?after= the next page of machines, by key (first seen, id)	?done= what was done, in a word
 *
 * Never kept by any cache: api_own.c answers with it.
 */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "domain/rest.h"
#include "store/pg_array.h"
#include "web/own.h"
#include "web/pieces.h"
#include "web/tpl/own.h"

#define MACHINE_ROWS 50
#define LEFT_ROWS 20
#define FAILURE_ROWS 30

struct self {
	int64_t id, key;
	const char *nickname;
	bool hidden;
};

/* *found: the session is good. */
static bool
find_self(struct page *p, const struct session *s, struct self *who, bool *found, struct err *e)
{
	struct pg_param param = pg_uuid_param(&s->hash);
	struct pg_rows *rows;
	const char *name;
	size_t len;

	if (!pg_call(p->pg,
		"select r.person, r.nickname, r.key, r.machines_hidden"
		" from tracker.find_session($1) r",
		&param, 1, &rows, e))
		return false;
	*found = pg_rows_count(rows) > 0;
	if (*found) {
		name = pg_text(rows, 0, 1, &len);
		*who = (struct self){.id = pg_int(rows, 0, 0),
		    .nickname = arena_dup(p->arena, name, len),
		    .key = pg_int(rows, 0, 2),
		    .hidden = pg_bool(rows, 0, 3)};
	}
	pg_rows_free(rows);
	return true;
}

/* ---- machines -------------------------------------------------------------------------------- */

enum { STAGE, ID, NAME, LABEL, CREATED, SEEN, SLOTS, HOLDS, DONE, STRUCK, RESTS_S, BAD_ROW };

static void
put_rest(struct page *p, struct template_dict *row, const struct pg_rows *rows, int i)
{
	int64_t rests_s = pg_int(rows, i, RESTS_S), bad = pg_int(rows, i, BAD_ROW);
	struct template_dict *rest;
	char cause[REST_TEXT];

	if (rests_s == 0) {
		template_show(row, T_AWAKE);
		return;
	}
	rest = template_section(row, T_RESTS);
	template_int(rest, T_ID, pg_int(rows, i, ID));
	rest_cause(cause, sizeof(cause), bad);
	template_str(
	    rest, T_WHY, arena_printf(p->arena, "For %s: %s.", pieces_span(p, rests_s), cause));
}

/* What it is called, where it is, and what it runs. */
static void
put_name(struct page *p, struct template_dict *row, const struct self *who,
    const struct pg_rows *rows, int i)
{
	int64_t stage = pg_int(rows, i, STAGE);

	template_str(row, T_WORKER, pg_text(rows, i, NAME, NULL));
	template_str(row, T_PART, pieces_stage_in_path(p, stage));
	template_show(row, who->hidden ? T_HIDDEN : T_PUBLIC);
	pieces_stage(p, row, T_LETTER, T_LETTER_UP, T_NAME, stage);
	template_str(row, T_LABEL, pg_text(rows, i, LABEL, NULL));
}

static void
put_machine(struct page *p, struct template_dict *table, const struct self *who,
    const struct pg_rows *rows, int i, int64_t seen_us)
{
	struct template_dict *row = template_section(table, T_ROW);

	template_str(row, T_STATE, pieces_state(p, seen_us, pg_int(rows, i, HOLDS) > 0));
	put_name(p, row, who, rows, i);
	pieces_count(row, T_SLOTS, pg_int(rows, i, SLOTS));
	pieces_count(row, T_IN_HAND, pg_int(rows, i, HOLDS));
	pieces_count(row, T_DONE, pg_int(rows, i, DONE));
	pieces_count(row, T_STRUCK, pg_int(rows, i, STRUCK));
	pieces_time(row, T_SEEN, T_ISO, T_AGO, seen_us);
	put_rest(p, row, rows, i);
}

/* Those that the page shows, here or not. */
struct shown {
	int n;
	struct {
		int64_t id;
		const char *name;
	} machine[MACHINE_ROWS + LEFT_ROWS];
};

static void
note_shown(struct page *p, struct shown *shown, const struct pg_rows *rows, int i)
{
	size_t len;
	const char *name = pg_text(rows, i, NAME, &len);

	shown->machine[shown->n].id = pg_int(rows, i, ID);
	shown->machine[shown->n++].name = arena_dup(p->arena, name, len);
}

static const char *
name_of(const struct shown *shown, int64_t worker)
{
	for (int i = 0; i < shown->n; i++)
		if (shown->machine[i].id == worker)
			return shown->machine[i].name;
	return "";
}

/* Their own words, so in full. */
static bool
put_failures(struct page *p, struct template_dict *d, const struct shown *shown, struct err *e)
{
	struct template_dict *failures, *row;
	struct pg_array workers;
	struct pg_scalar room;
	struct pg_param params[2];
	struct pg_rows *rows = NULL;
	bool ok;

	pg_array_init(&workers, PG_INT8_ARRAY);
	for (int i = 0; i < shown->n; i++)
		pg_array_int8(&workers, shown->machine[i].id);
	params[0] = pg_array_param(&workers);
	params[1] = pg_int4_param(&room, FAILURE_ROWS);
	ok = pg_call(p->pg,
	    "select r.worker, r.job, r.kind, r.reason, r.at"
	    " from tracker.own_failures($1, $2) r",
	    params, 2, &rows, e);
	pg_array_fini(&workers);
	if (!ok)
		return false;
	failures = pg_rows_count(rows) > 0 ? template_section(d, T_FAILURES) : NULL;
	for (int i = 0; i < pg_rows_count(rows); i++) {
		row = template_section(failures, T_FAILURE);
		template_int(row, T_JOB, pg_int(rows, i, 1));
		pieces_count(row, T_JOB_TEXT, pg_int(rows, i, 1));
		template_str(row, T_WORKER, name_of(shown, pg_int(rows, i, 0)));
		template_str(row, T_KIND, pieces_kind(pg_text(rows, i, 2, NULL)));
		template_str(row, T_REASON, pg_text(rows, i, 3, NULL));
		pieces_time(row, T_AT, T_ISO, T_AGO, pg_time_us(rows, i, 4));
	}
	pg_rows_free(rows);
	return true;
}

/* Which of their columns is which: as far as LABEL they are those of the machines that are here. */
enum { LEFT_AT = LABEL + 1, LEFT_WHY, LEFT_DONE, LEFT_STRUCK };

/* Whoever misses a machine sees how it left. */
static bool
put_left(struct page *p, struct template_dict *d, const struct self *who, struct shown *shown,
    struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[2];
	struct template_dict *left, *row;
	struct pg_rows *rows;

	params[0] = pg_int8_param(&room[0], who->id);
	params[1] = pg_int4_param(&room[1], LEFT_ROWS);
	if (!pg_call(p->pg,
		"select r.stage, r.id, r.name, r.label, r.gone_at, r.why, r.done, r.struck"
		" from tracker.own_left($1, $2) r",
		params, 2, &rows, e))
		return false;
	left = pg_rows_count(rows) > 0 ? template_section(d, T_LEFT) : NULL;
	for (int i = 0; i < pg_rows_count(rows); i++) {
		row = template_section(left, T_ROW);
		put_name(p, row, who, rows, i);
		template_str(row, T_WHY, pieces_left(pg_text(rows, i, LEFT_WHY, NULL)));
		pieces_count(row, T_DONE, pg_int(rows, i, LEFT_DONE));
		pieces_count(row, T_STRUCK, pg_int(rows, i, LEFT_STRUCK));
		pieces_time(row, T_AT, T_ISO, T_AGO, pg_time_us(rows, i, LEFT_AT));
		note_shown(p, shown, rows, i);
	}
	pg_rows_free(rows);
	return true;
}

static void
put_rows(struct page *p, struct template_dict *d, const struct self *who,
    const struct pg_rows *rows, struct shown *shown_ids)
{
	int n = pg_rows_count(rows), shown = n < MACHINE_ROWS ? n : MACHINE_ROWS;
	struct piece_worker *heard = arena_calloc(p->arena, (size_t)shown + 1, sizeof(*heard));
	struct template_dict *table;

	if (n == 0) {
		template_show(d, T_NO_MACHINES);
		return;
	}
	for (int i = 0; i < shown; i++)
		heard[i] = (struct piece_worker){
		    .id = pg_int(rows, i, ID), .seen_us = pg_time_us(rows, i, SEEN)};
	pieces_heard(p, heard, shown);
	table = template_section(d, T_TABLE);
	for (int i = 0; i < shown; i++) {
		put_machine(p, table, who, rows, i, heard[i].seen_us);
		note_shown(p, shown_ids, rows, i);
	}
	if (n > shown)
		template_str(template_section(d, T_NEXT), T_AFTER,
		    arena_printf(p->arena, "%lld-%lld",
			(long long)pg_time_us(rows, shown - 1, CREATED),
			(long long)pg_int(rows, shown - 1, ID)));
}

static bool
put_machines(struct page *p, struct template_dict *d, const struct self *who, struct err *e)
{
	int64_t after_us = -1, after_id = 0;
	struct pg_scalar room[4];
	struct pg_param params[4];
	struct shown shown = {.n = 0};
	struct pg_rows *rows;

	if (!pieces_query_key(p, "after", &after_us, &after_id))
		after_us = -1;
	params[0] = pg_int8_param(&room[0], who->id);
	params[1] = pg_int8_param(&room[1], after_us);
	params[2] = pg_int8_param(&room[2], after_id);
	params[3] = pg_int4_param(&room[3], MACHINE_ROWS);
	if (!pg_call(p->pg,
		"select r.stage, r.id, r.name, r.label, r.created, r.seen, r.slots, r.holds, "
		"r.done,"
		" r.struck, r.rests_s, r.bad_row"
		" from tracker.own_machines($1,"
		" case when $2 >= 0 then 'epoch'::timestamptz + $2 * interval '1 microsecond' end,"
		" $3, $4) r",
		params, 4, &rows, e))
		return false;
	put_rows(p, d, who, rows, &shown);
	pg_rows_free(rows);
	template_show(d, who->hidden ? T_UNSEEN : T_SHOWN);
	return put_left(p, d, who, &shown, e) && put_failures(p, d, &shown, e);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void
put_key(struct template_dict *d, const struct self *who, const struct pg_rows *rows, int i)
{
	struct template_dict *row = template_section(d, T_KEY_ROW);
	const char *label = pg_text(rows, i, 1, NULL);

	template_int(row, T_ID, pg_int(rows, i, 0));
	template_str(row, T_LABEL, *label != 0 ? label : "without a label");
	if (pg_int(rows, i, 0) == who->key)
		template_show(row, T_THIS);
	pieces_time(row, T_MADE, T_ISO, T_AGO, pg_time_us(rows, i, 2));
	if (pg_is_null(rows, i, 3))
		template_show(row, T_UNUSED);
	else
		pieces_time(row, T_USED, T_ISO, T_AGO, pg_time_us(rows, i, 3));
	if (pg_rows_count(rows) == 1)
		template_show(row, T_LAST);
}

static bool
put_keys(struct page *p, struct template_dict *d, const struct self *who, struct err *e)
{
	struct pg_param param = pg_text_param(who->nickname, strlen(who->nickname));
	struct pg_rows *rows;

	if (!pg_call(p->pg,
		"select r.id, r.label, r.created, r.used from tracker.list_keys($1) r"
		" where r.revoked is null",
		&param, 1, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++)
		put_key(d, who, rows, i);
	pg_rows_free(rows);
	return true;
}

/* ---- the page -------------------------------------------------------------------------------- */

/* What was done, as the address says it after the form was sent: words of ours alone. */
static const char *
done_words(struct page *p)
{
	static const struct {
		const char *word, *said;
	} known[] = {
	    {"out", "You are signed out of this browser."},
	    {"rest", "The rest is over: the machine gets jobs when it asks next."},
	    {"hide", "Your machines are on no page but this one."},
	    {"show", "Your machines are on the pages again."},
	    {"rename", "This is your name now. The old one stays yours."},
	    {"revoke", "The key is of no use any more."},
	};
	const char *word = pieces_query_text(p, "done");

	for (size_t i = 0; word && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].word, word) == 0)
			return known[i].said;
	return NULL;
}

static bool
put_own(struct page *p, struct template_dict *d, const struct own_visit *visit,
    const struct self *who, struct err *e)
{
	struct template_dict *own;

	template_str(d, T_FORM, visit->session->form);
	template_str(d, T_PERSON, who->nickname);
	template_show(d, T_TOP);
	if (visit->said.key) {
		template_str(template_section(d, T_KEY_MADE), T_KEY, visit->said.key);
		return true;
	}
	own = template_section(d, T_OWN);
	return put_machines(p, own, who, e) && put_keys(p, own, who, e);
}

static void
put_plain(struct page *p, struct template_dict *d)
{
	struct template_dict *plain = template_section(d, T_PLAIN);

	if (text_starts(p->settings->base_url, "https://"))
		template_str(template_section(plain, T_ELSEWHERE), T_URL, p->settings->base_url);
}

static bool
fill(struct page *p, struct template_dict *d, const struct own_visit *visit, struct err *e)
{
	const struct own_said *said = &visit->said;
	const char *done = said->done ? said->done : done_words(p);
	struct self who = {.id = 0};
	bool known = false;

	if (visit->by_https && visit->session && !find_self(p, visit->session, &who, &known, e))
		return false;
	pieces_frame(p, d,
	    &(struct piece_head){
		.title = "Your page", .description = "What is yours alone.", .address = OWN_PATH});
	if (said->sorry)
		template_str(template_section(d, T_SORRY), T_REASON, said->sorry);
	else if (done)
		template_str(template_section(d, T_DONE), T_WORDS, done);
	if (known)
		return put_own(p, d, visit, &who, e);
	template_show(d, T_STRANGER);
	if (said->erased)
		template_str(template_section(d, T_ERASED), T_WHO, said->erased);
	else if (!visit->by_https)
		put_plain(p, d);
	else
		template_show(d, T_IN);
	return true;
}

bool
own_render(struct page *p, const struct own_visit *visit, struct err *e)
{
	struct template_dict *d = template_new("own");
	bool ok = fill(p, d, visit, e) && template_render("own.tpl", d, p->out, e);

	template_free(d);
	return ok;
}
