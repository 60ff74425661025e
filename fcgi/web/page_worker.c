/*
 * page_worker -- one worker: how it is, what it holds, how it compares, what it did and lost.
 *
 *	/worker/{stage name}/{display name}	the client prints this address to its user
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "domain/rest.h"
#include "store/pg_array.h"
#include "web/pieces.h"
#include "web/tpl/worker.h"

#define LEASE_ROWS 100
#define RECENT_ROWS 10
#define STRIKE_ROWS 20
#define RATE_AFTER_H (1.0 / 60) /* a rate of less than a minute says nothing */

struct worker {
	int64_t stage, id, created_us, seen_us, gone_us, done, struck, held, peers, rests_s,
	    bad_row, sent_back;
	const char *name, *person, *gone_why, *progress, *state;
	double hours, peers_rate; /* peers_rate 0 = unknown */
};

static bool
read_worker(struct page *p, struct worker *w, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[2];
	struct pg_rows *rows;

	params[0] = pg_int2_param(&room, (int16_t)w->stage);
	params[1] = pg_text_param(p->path[1], strlen(p->path[1]));
	if (!pg_call(p->pg,
		"select r.id, r.name, r.person, r.created, r.seen, r.gone_at, r.gone_why, r.done,"
		" r.struck, r.held, r.hours, r.peers_rate, r.peers,"
		" r.rests_s, r.bad_row, r.sent_back"
		" from tracker.read_worker($1, $2) r",
		params, 2, &rows, e))
		return false;
	if (pg_rows_count(rows) == 0) {
		pg_rows_free(rows);
		return err_set(e, ERR_MISSING, "Worker not found.",
		    "no worker of that name in stage %d", (int)w->stage);
	}
	w->id = pg_int(rows, 0, 0);
	w->name = pg_dup(p->arena, rows, 0, 1);
	w->person = pg_dup(p->arena, rows, 0, 2);
	w->created_us = pg_time_us(rows, 0, 3);
	w->seen_us = pg_time_us(rows, 0, 4);
	w->gone_us = pg_is_null(rows, 0, 5) ? 0 : pg_time_us(rows, 0, 5);
	w->gone_why = pg_dup(p->arena, rows, 0, 6);
	w->done = pg_int(rows, 0, 7);
	w->struck = pg_int(rows, 0, 8);
	w->held = pg_int(rows, 0, 9);
	w->hours = pg_double(rows, 0, 10);
	w->peers_rate = pg_double(rows, 0, 11);
	w->peers = pg_int(rows, 0, 12);
	w->rests_s = pg_int(rows, 0, 13);
	w->bad_row = pg_int(rows, 0, 14);
	w->sent_back = pg_int(rows, 0, 15);
	pg_rows_free(rows);
	return true;
}

static void
read_beat(struct page *p, struct worker *w)
{
	struct piece_worker heard = {.id = w->id, .seen_us = w->seen_us};

	pieces_heard(p, &heard, 1);
	w->seen_us = heard.seen_us;
	w->progress = heard.progress;
	w->hours = fmax(w->hours, (double)(w->seen_us - w->created_us) / 3.6e9);
	w->state = w->gone_us != 0 ? "gone" : pieces_state(p, w->seen_us, w->held > 0);
}

static const char *
state_text(struct page *p, const struct worker *w)
{
	if (w->gone_us != 0)
		return arena_printf(p->arena, "gone: %s", pieces_left(w->gone_why));
	return strcmp(w->state, "live") == 0 ? "at work" : w->state;
}

static void
put_rate(struct page *p, struct template_dict *d, const struct worker *w)
{
	struct template_dict *compare;
	double rate = w->hours > RATE_AFTER_H ? (double)w->done / w->hours : -1;
	double most = fmax(rate, w->peers_rate);

	if (rate < 0) {
		template_show(d, T_TOO_EARLY);
		return;
	}
	pieces_rate(template_section(d, T_RATED), T_RATE, rate);
	if (w->peers < 2 || w->peers_rate <= 0 || w->gone_us != 0)
		return;
	template_str(template_section(d, T_PEERS), T_PEERS_TEXT,
	    rate >= 10 * w->peers_rate
		? "ten times its peers and more"
		: arena_printf(p->arena, "at %.0f%% of its peers", 100 * rate / w->peers_rate));
	compare = template_section(d, T_COMPARE);
	template_str(compare, T_COMPARE_MAX, arena_printf(p->arena, "%.3f", most));
	template_str(compare, T_COMPARE_OWN, arena_printf(p->arena, "%.3f", rate));
	template_str(compare, T_COMPARE_PEERS, arena_printf(p->arena, "%.3f", w->peers_rate));
}

/* Why nothing is handed out to it, for who looks after it. */
static void
put_rest(struct page *p, struct template_dict *d, const struct worker *w)
{
	char how_long[64], cause[REST_TEXT];

	if (w->gone_us != 0 || w->rests_s == 0)
		return;
	text_duration(how_long, sizeof(how_long), w->rests_s);
	rest_cause(cause, sizeof(cause), w->bad_row);
	template_str(template_section(d, T_REST), T_REST_TEXT,
	    arena_printf(p->arena, "It rests, and gets no work for %s: %s. %s", how_long, cause,
		rest_remedy(w->bad_row)));
}

static void
put_facts(struct page *p, struct template_dict *d, const struct worker *w)
{
	template_str(d, T_WORKER, w->name);
	template_str(d, T_PERSON, w->person);
	template_str(d, T_STATE, w->state);
	template_str(d, T_STATE_TEXT, state_text(p, w));
	pieces_stage(p, d, T_LETTER, T_LETTER_UP, T_STAGE, w->stage);
	pieces_count(d, T_DONE, w->done);
	if (w->sent_back > 0)
		pieces_count(template_section(d, T_SENT_BACK), T_JOBS_BACK, w->sent_back);
	pieces_count(d, T_STRUCK, w->struck);
	template_str(
	    d, T_PROGRESS_TEXT, w->progress && w->held > 0 ? w->progress : "none reported");
	pieces_time(d, T_FIRST, T_ISO, T_AGO, w->created_us);
	pieces_time(d, T_LAST, T_ISO, T_AGO, w->seen_us);
	put_rate(p, d, w);
	put_rest(p, d, w);
}

static bool
put_leases(struct page *p, struct template_dict *d, const struct worker *w, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[2];
	struct template_dict *jobs;
	struct pg_rows *rows;

	params[0] = pg_int8_param(&room[0], w->id);
	params[1] = pg_int4_param(&room[1], LEASE_ROWS);
	if (!pg_call(p->pg,
		"select r.job, r.attempt, r.since from tracker.read_worker_leases($1, $2) r",
		params, 2, &rows, e))
		return false;
	if (pg_rows_count(rows) == 0)
		template_str(template_section(d, T_NO_JOBS), T_NO_JOBS_WHY,
		    w->gone_us != 0 ? "it is gone." : "it waits for work, or is between two jobs.");
	else {
		jobs = template_section(d, T_JOBS);
		for (int i = 0; i < pg_rows_count(rows); i++) {
			struct template_dict *row = template_section(jobs, T_JOB_ROW);

			template_int(row, T_JOB, pg_int(rows, i, 0));
			pieces_count(row, T_JOB_TEXT, pg_int(rows, i, 0));
			pieces_count(row, T_ATTEMPT, pg_int(rows, i, 1));
			pieces_time(row, T_SINCE, T_ISO, T_AGO, pg_time_us(rows, i, 2));
		}
	}
	pg_rows_free(rows);
	return true;
}

static bool
put_recent(struct page *p, struct template_dict *d, const struct worker *w, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[2];
	struct template_dict *recent;
	struct pg_rows *rows;

	params[0] = pg_int8_param(&room[0], w->id);
	params[1] = pg_int4_param(&room[1], RECENT_ROWS);
	if (!pg_call(p->pg,
		"select r.job, r.attempt, r.started, r.finished"
		" from tracker.read_worker_recent($1, $2) r",
		params, 2, &rows, e))
		return false;
	if (pg_rows_count(rows) > 0) {
		recent = template_section(d, T_RECENT);
		for (int i = 0; i < pg_rows_count(rows); i++) {
			struct template_dict *row = template_section(recent, T_RECENT_ROW);
			int64_t finished_us = pg_time_us(rows, i, 3);

			template_int(row, T_JOB, pg_int(rows, i, 0));
			pieces_count(row, T_JOB_TEXT, pg_int(rows, i, 0));
			pieces_count(row, T_ATTEMPT, pg_int(rows, i, 1));
			template_str(
			    row, T_TOOK, pieces_took(p, finished_us - pg_time_us(rows, i, 2)));
			pieces_time(row, T_FINISHED, T_ISO, T_AGO, finished_us);
		}
	}
	pg_rows_free(rows);
	return true;
}

static bool
put_strikes(struct page *p, struct template_dict *d, const struct worker *w, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[2];
	struct template_dict *strikes;
	struct pg_rows *rows;

	params[0] = pg_int8_param(&room[0], w->id);
	params[1] = pg_int4_param(&room[1], STRIKE_ROWS);
	if (!pg_call(p->pg,
		"select r.job, r.kind, r.reason, r.at from tracker.read_worker_strikes($1, $2) r",
		params, 2, &rows, e))
		return false;
	if (pg_rows_count(rows) > 0) {
		strikes = template_section(d, T_STRIKES);
		for (int i = 0; i < pg_rows_count(rows); i++) {
			struct template_dict *row = template_section(strikes, T_STRIKE);
			const char *kind = pg_text(rows, i, 1, NULL);

			template_int(row, T_JOB, pg_int(rows, i, 0));
			pieces_count(row, T_JOB_TEXT, pg_int(rows, i, 0));
			template_str(row, T_KIND, pieces_kind(kind));
			template_str(
			    row, T_REASON, pieces_reason(p, kind, pg_text(rows, i, 2, NULL)));
			pieces_time(row, T_AT, T_ISO, T_AGO, pg_time_us(rows, i, 3));
		}
	}
	pg_rows_free(rows);
	return true;
}

static bool
find_worker(struct page *p, struct worker *w, struct err *e)
{
	*w = (struct worker){.stage = 0};
	if (!p->path[0] || !pieces_find_stage(p, p->path[0], &w->stage, e))
		return err_set(e, ERR_INPUT, "Invalid worker stage.", "no stage in the path");
	if (w->stage == 0)
		return err_set(e, ERR_INPUT, "Invalid worker stage.", "unknown stage");
	if (!p->path[1] || p->path[2])
		return err_set(e, ERR_MISSING, "Worker not found.", "no name in the path");
	return read_worker(p, w, e);
}

static bool
fill(struct page *p, struct template_dict *d, struct err *e)
{
	struct buf address;
	struct worker w;

	if (!find_worker(p, &w, e))
		return false;
	read_beat(p, &w);
	buf_init(&address, 0);
	pieces_worker_address(p, &address, w.stage, w.name);
	pieces_frame(p, d,
	    &(struct piece_head){.title = w.name,
		.description = arena_printf(p->arena, "A worker of %s in stage %s: %s done.",
		    w.person, pieces_stage_name(p, w.stage), pieces_jobs(p, w.done)),
		.address = arena_dup(p->arena, address.data, address.len)});
	p->out->failed |= address.failed;
	buf_fini(&address);
	put_facts(p, d, &w);
	return put_leases(p, d, &w, e) && put_recent(p, d, &w, e) && put_strikes(p, d, &w, e);
}

bool
page_worker(struct page *p, struct err *e)
{
	struct template_dict *d = template_new("worker");
	bool ok = fill(p, d, e) && template_render("worker.tpl", d, p->out, e);

	template_free(d);
	return ok;
}
