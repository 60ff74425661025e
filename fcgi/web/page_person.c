/*
 * page_person -- one person: what they did, day by day and stage by stage, and with which machines.
 *
 *	/person/{nickname}	?after= the next page of machines, by key (first seen, id)
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/url.h"
#include "domain/nickname.h"
#include "store/pg_array.h"
#include "web/chart.h"
#include "web/pieces.h"
#include "web/tpl/person.h"

#define MACHINE_ROWS 50
#define REFUSED_ROWS 20
#define DAYS 30
#define DAY_WIDTH 20

struct person {
	int64_t id, created_us, jobs, withdrawn, kept, today, week, by_hour24, machines, rank, all;
	const char *nickname, *spark;
};

static bool
read_person(struct page *p, struct person *who, struct err *e)
{
	const char *asked = p->path[0]; /* an old name of theirs will do */
	struct pg_param params[1];
	struct pg_rows *rows;

	if (!asked || p->path[1])
		return err_set(e, ERR_MISSING, "Person not found.", "no name in the path");
	params[0] = pg_text_param(asked, strlen(asked));
	if (!pg_call(p->pg,
		"select r.id, r.nickname, r.created, r.jobs, r.withdrawn, r.today, r.week,"
		" r.by_hour24, r.machines, r.rank, array_to_string(r.spark, ','),"
		" tracker.read_period('all'), r.kept"
		" from tracker.read_person($1) r",
		params, 1, &rows, e))
		return false;
	if (pg_rows_count(rows) == 0) {
		pg_rows_free(rows);
		return err_set(e, ERR_MISSING, "Person not found.", "nobody has that nickname");
	}
	*who = (struct person){.id = pg_int(rows, 0, 0),
	    .nickname = pg_dup(p->arena, rows, 0, 1),
	    .created_us = pg_time_us(rows, 0, 2),
	    .jobs = pg_int(rows, 0, 3),
	    .withdrawn = pg_int(rows, 0, 4),
	    .today = pg_int(rows, 0, 5),
	    .week = pg_int(rows, 0, 6),
	    .by_hour24 = pg_int(rows, 0, 7),
	    .machines = pg_int(rows, 0, 8),
	    .rank = pg_int(rows, 0, 9),
	    .spark = pg_dup(p->arena, rows, 0, 10),
	    .all = pg_int(rows, 0, 11),
	    .kept = pg_int(rows, 0, 12)};
	pg_rows_free(rows);
	return true;
}

static void
put_facts(struct page *p, struct template_dict *d, const struct person *who)
{
	template_str(d, T_PERSON, who->nickname);
	if (who->rank > 0)
		pieces_count(template_section(d, T_RANKED), T_RANK, who->rank);
	pieces_count(d, T_JOBS, who->jobs);
	template_str(d, T_JOBS_TEXT, pieces_jobs(p, who->jobs));
	if (who->all > 0 && who->jobs > 0)
		template_str(
		    template_section(d, T_SHARED), T_SHARE, pieces_share(p, who->jobs, who->all));
	pieces_count(d, T_DAY, who->by_hour24);
	pieces_count(d, T_TODAY, who->today);
	pieces_count(d, T_WEEK, who->week);
	pieces_count(d, T_MACHINES, who->machines);
	pieces_count(d, T_SENT_BACK, who->withdrawn + who->kept);
	if (who->kept > 0)
		pieces_count(template_section(d, T_SOME_KEPT), T_KEPT, who->kept);
	pieces_time(d, T_FIRST, T_ISO, T_AGO, who->created_us);
	template_str(d, T_URL, pieces_own_url(p));
	if (!nickname_is_reserved(
		p->arena, who->nickname, strlen(who->nickname), p->settings->reserved))
		template_show(d, T_SOMEBODYS);
}

/* The last 30 days as bars. */
static void
put_days(struct page *p, struct template_dict *d, const struct person *who)
{
	struct buf path;
	double days[DAYS] = {0}, top = 0;
	const char *at = who->spark;
	int64_t now_us = clock_wall_us();

	for (int i = 0; i < DAYS && *at != 0; i++) {
		days[i] = fmax(0, pieces_number(&at));
		top = fmax(top, days[i]);
	}
	template_str(d, T_CHART_LABEL,
	    arena_printf(p->arena, "Jobs a day, last 30 days: at most %s, today %s",
		pieces_rate_text(p, top), pieces_rate_text(p, days[DAYS - 1])));
	top = fmax(2, chart_round_up(top)); /* there is no half a job */
	buf_init(&path, 0);
	for (int i = 0; i < DAYS; i++)
		if (days[i] > 0)
			buf_printf(&path, "M%d %dV%.5gh%dV%dz", i * DAY_WIDTH + 1, CHART_HEIGHT,
			    CHART_HEIGHT * (1 - days[i] / top), DAY_WIDTH - 2, CHART_HEIGHT);
	p->out->failed |= path.failed;
	template_text(d, T_PATH, path.len > 0 ? path.data : "", path.len);
	buf_fini(&path);
	pieces_rate(d, T_Y_TOP, top);
	pieces_rate(d, T_Y_MID, top / 2);
	for (int i = 0; i < CHART_TICKS; i++)
		template_str(template_section(d, T_X_TICK), T_X_TEXT,
		    pieces_day(p,
			now_us -
			    INT64_C(86400000000) * (DAYS - 1) * (CHART_TICKS - 1 - i) /
				(CHART_TICKS - 1)));
}

static bool
put_stages(struct page *p, struct template_dict *d, const struct person *who, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[1] = {pg_int8_param(&room, who->id)};
	struct pg_rows *rows;

	if (!pg_call(p->pg,
		"select r.stage, r.done - r.withdrawn from tracker.read_person_stages($1) r",
		params, 1, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++) {
		struct template_dict *stage = template_section(d, T_STAGE);

		pieces_stage(p, stage, T_LETTER, T_LETTER_UP, T_NAME, pg_int(rows, i, 0));
		pieces_count(stage, T_DONE, pg_int(rows, i, 1));
	}
	pg_rows_free(rows);
	return true;
}

static void
put_machine(
    struct page *p, struct template_dict *table, const struct pg_rows *rows, int i, int64_t seen_us)
{
	struct template_dict *row = template_section(table, T_ROW), *job;
	bool holds = !pg_is_null(rows, i, 7);

	template_str(row, T_STATE, pieces_state(p, seen_us, holds));
	template_str(row, T_PART, pieces_stage_in_path(p, pg_int(rows, i, 0)));
	template_str(row, T_WORKER, pg_text(rows, i, 2, NULL));
	pieces_stage(p, row, T_LETTER, T_LETTER_UP, T_NAME, pg_int(rows, i, 0));
	pieces_count(row, T_DONE, pg_int(rows, i, 5));
	pieces_count(row, T_STRUCK, pg_int(rows, i, 6));
	pieces_time(row, T_SEEN, T_ISO, T_AGO, seen_us);
	if (!holds) {
		template_show(row, T_HOLDS_NONE);
		return;
	}
	job = template_section(row, T_HOLDS);
	template_int(job, T_JOB, pg_int(rows, i, 7));
	pieces_count(job, T_JOB_TEXT, pg_int(rows, i, 7));
}

static void
put_rows(struct page *p, struct template_dict *d, const struct pg_rows *rows)
{
	int n = pg_rows_count(rows), shown = n > MACHINE_ROWS ? MACHINE_ROWS : n;
	struct piece_worker *heard = arena_calloc(p->arena, (size_t)n + 1, sizeof(*heard));
	struct template_dict *table = template_section(d, T_TABLE);

	for (int i = 0; i < shown; i++) {
		heard[i].id = pg_int(rows, i, 1);
		heard[i].seen_us = pg_time_us(rows, i, 4);
	}
	pieces_heard(p, heard, shown);
	for (int i = 0; i < shown; i++)
		put_machine(p, table, rows, i, heard[i].seen_us);
	if (n > shown)
		template_str(template_section(d, T_NEXT), T_KEY,
		    arena_printf(p->arena, "%lld-%lld", (long long)pg_time_us(rows, shown - 1, 3),
			(long long)pg_int(rows, shown - 1, 1)));
}

static bool
put_machines(struct page *p, struct template_dict *d, const struct person *who, struct err *e)
{
	int64_t after_us = -1, after_id = 0;
	struct pg_scalar room[4];
	struct pg_param params[4];
	struct pg_rows *rows;

	if (!pieces_query_key(p, "after", &after_us, &after_id))
		after_us = -1;
	params[0] = pg_int8_param(&room[0], who->id);
	params[1] = pg_int8_param(&room[1], after_us);
	params[2] = pg_int8_param(&room[2], after_id);
	params[3] = pg_int4_param(&room[3], MACHINE_ROWS);
	if (!pg_call(p->pg,
		"select r.stage, r.id, r.name, r.created, r.seen, r.done, r.struck, r.job"
		" from tracker.read_person_workers($1,"
		" case when $2 >= 0 then 'epoch'::timestamptz + $2 * interval '1 microsecond' end,"
		" $3, $4) r",
		params, 4, &rows, e))
		return false;
	if (pg_rows_count(rows) == 0)
		template_show(
		    d, who->machines > 0 && after_us < 0 ? T_HIDES_MACHINES : T_NO_MACHINES);
	else
		put_rows(p, d, rows);
	pg_rows_free(rows);
	return true;
}

static bool
put_refused(struct page *p, struct template_dict *d, const struct person *who, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[2];
	struct template_dict *refused;
	struct pg_rows *rows;

	params[0] = pg_int8_param(&room[0], who->id);
	params[1] = pg_int4_param(&room[1], REFUSED_ROWS);
	if (!pg_call(p->pg,
		"select r.stage, r.job, r.worker, r.refused, r.reason"
		" from tracker.read_person_refused($1, $2) r",
		params, 2, &rows, e))
		return false;
	if (pg_rows_count(rows) > 0) {
		refused = template_section(d, T_REFUSED);
		for (int i = 0; i < pg_rows_count(rows); i++) {
			struct template_dict *row = template_section(refused, T_REFUSED_ROW);

			template_str(row, T_NAME, pieces_stage_name(p, pg_int(rows, i, 0)));
			template_int(row, T_JOB, pg_int(rows, i, 1));
			pieces_count(row, T_JOB_TEXT, pg_int(rows, i, 1));
			template_str(row, T_WORKER, pg_text(rows, i, 2, NULL));
			pieces_time(row, T_AT, T_ISO, T_AGO, pg_time_us(rows, i, 3));
			template_str(
			    row, T_REASON, pieces_reason(p, "refused", pg_text(rows, i, 4, NULL)));
		}
	}
	pg_rows_free(rows);
	return true;
}

static bool
fill(struct page *p, struct template_dict *d, struct err *e)
{
	struct person who = {.id = 0};
	struct buf address;

	if (!read_person(p, &who, e))
		return false;
	buf_init(&address, 0);
	buf_puts(&address, "/person/");
	url_encode(&address, who.nickname, strlen(who.nickname));
	pieces_frame(p, d,
	    &(struct piece_head){.title = who.nickname,
		.description = arena_printf(p->arena, "%s done, %s in the last 24 hours.",
		    pieces_jobs(p, who.jobs), pieces_count_text(p, who.by_hour24)),
		.address = arena_dup(p->arena, address.data, address.len)});
	p->out->failed |= address.failed;
	buf_fini(&address);
	put_facts(p, d, &who);
	put_days(p, d, &who);
	return put_stages(p, d, &who, e) && put_machines(p, d, &who, e) &&
	    put_refused(p, d, &who, e);
}

bool
page_person(struct page *p, struct err *e)
{
	struct template_dict *d = template_new("person");
	bool ok = fill(p, d, e) && template_render("person.tpl", d, p->out, e);

	template_free(d);
	return ok;
}
