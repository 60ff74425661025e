/*
 * page_leaderboard -- people by jobs done.
 *
 *	?period=	all (the default), week (7 days), today
 *	?after=		the next page, by key (jobs, id)
 *	?q=		people whose name begins so, by name; then the key is ?from= (name) and the
 *id of ?after=
 */
#include <string.h>

#include "store/pg_array.h"
#include "web/pieces.h"
#include "web/tpl/leaderboard.h"

#define ROWS 50

static const struct period {
	const char *key, *name, *caption;
} periods[] = {
    {"today", "Today", "Jobs done today"},
    {"week", "7 days", "Jobs done in the last 7 days"},
    {"all", "All time", "Jobs done since the beginning"},
};
#define PERIODS ((int)(sizeof(periods) / sizeof(periods[0])))

struct asked {
	const struct period *period;
	const char *search, *from; /* NULL = none */
	int64_t after_jobs, after_id;
	bool after;
};

static void
read_asked(struct page *p, struct asked *a)
{
	const char *period = pieces_query_text(p, "period");

	*a = (struct asked){.period = &periods[PERIODS - 1]};
	for (int i = 0; i < PERIODS; i++)
		if (period && strcmp(periods[i].key, period) == 0)
			a->period = &periods[i];
	a->search = pieces_query_text(p, "q");
	a->from = pieces_query_text(p, "from");
	a->after = pieces_query_key(p, "after", &a->after_jobs, &a->after_id);
	if (a->search && !a->from)
		a->after = false;
}

/* What there is to share among all: the net completions of the period. */
static bool
read_all(struct page *p, const struct asked *a, int64_t *all, struct err *e)
{
	struct pg_param params[1] = {pg_text_param(a->period->key, strlen(a->period->key))};
	struct pg_rows *rows;

	if (!pg_call(p->pg, "select tracker.read_period($1)", params, 1, &rows, e))
		return false;
	*all = pg_rows_count(rows) > 0 ? pg_int(rows, 0, 0) : 0;
	pg_rows_free(rows);
	return true;
}

static void
put_row(struct page *p, struct template_dict *table, const struct pg_rows *rows, int i, int64_t all)
{
	struct template_dict *row = template_section(table, T_ROW), *place;
	int64_t rank = pg_int(rows, i, 0), jobs = pg_int(rows, i, 3);

	if (rank > 0) {
		place = template_section(row, T_HAS_RANK);
		pieces_count(place, T_RANK, rank);
		if (rank <= 3)
			template_int(template_section(place, T_MEDAL), T_MEDAL_N, rank);
	}
	template_str(row, T_PERSON, pg_text(rows, i, 2, NULL));
	pieces_count(row, T_JOBS, jobs);
	template_str(row, T_SHARE, pieces_share(p, jobs, all));
	pieces_count(row, T_DAY, pg_int(rows, i, 4));
	if (!pg_is_null(rows, i, 5))
		pieces_time(row, T_LAST, T_ISO, T_AGO, pg_time_us(rows, i, 5));
	template_str(row, T_SPARK, pieces_spark(p, pg_text(rows, i, 6, NULL), 84, 20));
}

static void
put_next(struct page *p, struct template_dict *d, const struct asked *a, const struct pg_rows *rows,
    int last)
{
	struct template_dict *next = template_section(d, T_NEXT), *keep;

	template_str(next, T_KEY,
	    arena_printf(p->arena, "%lld-%lld", (long long)pg_int(rows, last, 3),
		(long long)pg_int(rows, last, 1)));
	if (a->search) {
		keep = template_section(next, T_KEEP_SEARCH);
		template_str(keep, T_FROM, pg_text(rows, last, 7, NULL));
	}
}

static void
put_nobody(struct page *p, struct template_dict *d, const struct asked *a)
{
	struct template_dict *nobody = template_section(d, T_NOBODY);

	if (a->search)
		template_show(nobody, T_NOBODY_FOUND);
	else
		template_str(template_section(nobody, T_NOBODY_YET), T_URL, pieces_own_url(p));
}

static bool
read_rows(struct page *p, const struct asked *a, struct pg_rows **rows, struct err *e)
{
	struct pg_scalar room[3];
	struct pg_param params[4];

	params[2] = pg_int8_param(&room[1], a->after_id);
	params[3] = pg_int4_param(&room[2], ROWS);
	if (a->search) {
		params[0] = pg_text_param(a->search, strlen(a->search));
		params[1] = pg_text_param(
		    a->after ? a->from : NULL, a->after && a->from ? strlen(a->from) : 0);
		return pg_call(p->pg,
		    "select 0::int8, r.id, r.nickname, r.jobs, r.by_hour24,"
		    " r.last_at, array_to_string(r.spark, ','), r.key"
		    " from tracker.read_people($1, $2, $3, $4) r",
		    params, 4, rows, e);
	}
	params[0] = pg_text_param(a->period->key, strlen(a->period->key));
	params[1] = pg_int8_param(&room[0], a->after ? a->after_jobs : -1);
	return pg_call(p->pg,
	    "select r.rank, r.id, r.nickname, r.jobs, r.by_hour24,"
	    " r.last_at, array_to_string(r.spark, ','), ''"
	    " from tracker.read_board($1, nullif($2, -1), $3, $4) r",
	    params, 4, rows, e);
}

static bool
put_board(struct page *p, struct template_dict *d, const struct asked *a, struct err *e)
{
	struct template_dict *table;
	struct pg_rows *rows;
	int64_t all;

	if (!read_all(p, a, &all, e) || !read_rows(p, a, &rows, e))
		return false;
	if (pg_rows_count(rows) == 0)
		put_nobody(p, d, a);
	else {
		table = template_section(d, T_TABLE);
		template_str(table, T_CAPTION, a->search ? "People found" : a->period->caption);
		if (!a->search)
			template_show(table, T_HEAD_RANK);
		for (int i = 0; i < pg_rows_count(rows) && i < ROWS; i++)
			put_row(p, table, rows, i, all);
		if (pg_rows_count(rows) > ROWS)
			put_next(p, d, a, rows, ROWS - 1);
	}
	pg_rows_free(rows);
	return true;
}

static void
put_controls(struct template_dict *d, const struct asked *a)
{
	for (int i = 0; i < PERIODS; i++) {
		struct template_dict *tab = template_section(d, T_PERIOD_TAB);

		template_str(tab, T_PERIOD_KEY, periods[i].key);
		template_str(tab, T_PERIOD_NAME, periods[i].name);
		if (&periods[i] == a->period && !a->search)
			template_show(tab, T_PERIOD_AT);
	}
	template_str(d, T_PERIOD, a->period->key);
	template_str(d, T_SEARCH, a->search ? a->search : "");
	if (a->search)
		template_show(d, T_SEARCHED);
	if (a->after)
		template_show(d, T_BACK);
}

static bool
fill(struct page *p, struct template_dict *d, struct err *e)
{
	struct asked a;

	read_asked(p, &a);
	pieces_frame(p, d,
	    &(struct piece_head){.title = "Leaderboard",
		.description =
		    "Who has done how many jobs, today, in 7 days and since the beginning.",
		.address = "/leaderboard",
		.nav = NAV_BOARD});
	put_controls(d, &a);
	return put_board(p, d, &a, e);
}

bool
page_leaderboard(struct page *p, struct err *e)
{
	struct template_dict *d = template_new("leaderboard");
	bool ok = fill(p, d, e) && template_render("leaderboard.tpl", d, p->out, e);

	template_free(d);
	return ok;
}
