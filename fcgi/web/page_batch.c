/*
 * page_batch -- one batch: how far it is, how quick, what holds it up, and its chart.
 *
 *	/batch/{name}?range=	of the chart: 1h, 24h, 7d, all
 */
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/url.h"
#include "store/pg_array.h"
#include "web/batches.h"
#include "web/chart.h"
#include "web/pieces.h"
#include "web/tpl/batch.h"

static const char *
state_words(const char *state)
{
	if (strcmp(state, "moving") == 0 || strcmp(state, "rate") == 0)
		return "at work";
	if (strcmp(state, "turn") == 0 || strcmp(state, "idle") == 0 || strcmp(state, "needs") == 0)
		return "waits";
	return strcmp(state, "ended") == 0 ? "over" : state;
}

static void
put_facts(struct page *p, struct template_dict *d, const struct batch *b)
{
	template_str(d, T_BATCH, b->name);
	template_str(d, T_STATE, state_words(b->state));
	if (strcmp(b->state, "paused") == 0 || strcmp(b->state, "cancelled") == 0)
		template_show(d, T_HELD);
	if (*b->why != 0 && strcmp(b->why, b->state) != 0)
		template_str(template_section(d, T_WHY), T_REASON, b->why);
	batches_put_far(p, d, b);
	if (b->cancelled > 0)
		pieces_count(template_section(d, T_GIVEN_UP), T_CANCELLED, b->cancelled);
	if (b->eta_s >= 0) {
		struct template_dict *left = template_section(d, T_LEFT);

		template_str(left, T_ETA, batches_eta_text(p, b));
		template_str(left, T_RANGE, pieces_range_text(p, b->low_s, b->high_s));
	}
	pieces_count(d, T_DONE, b->done);
	pieces_count(d, T_TOTAL, b->total);
	pieces_rate(d, T_RATE, b->per_minute);
	pieces_count(d, T_JOBS, b->last - b->first + 1);
	template_int(d, T_FIRST, b->first);
	pieces_count(d, T_FIRST_TEXT, b->first);
	template_int(d, T_LAST, b->last);
	pieces_count(d, T_LAST_TEXT, b->last);
	pieces_count(d, T_FAILED, b->failed);
	template_int(d, T_PRIORITY, b->priority);
	pieces_time(d, T_LOADED, T_ISO, T_AGO, b->created_us);
	pieces_time(d, T_ENDED, T_ISO, T_AGO, b->ended_us);
	if (*b->needs != 0)
		template_str(template_section(d, T_NEEDING), T_NEEDS, b->needs_told);
	if (b->rate > 0)
		pieces_count(template_section(d, T_LIMITED), T_LIMIT, b->rate);
	if (*b->note != 0)
		template_str(template_section(d, T_NOTED), T_NOTE, b->note);
}

static bool
put_stages(struct page *p, struct template_dict *d, const struct batch *b, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[1] = {pg_int4_param(&room, (int32_t)b->batch)};
	struct pg_rows *rows;

	if (!pg_call(p->pg,
		"select r.stage, r.ready + r.retry, r.leased, r.done, r.failed"
		" from tracker.read_batches(array[$1]) r",
		params, 1, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++) {
		struct template_dict *stage = template_section(d, T_STAGE);

		pieces_stage(p, stage, T_LETTER, T_LETTER_UP, T_NAME, pg_int(rows, i, 0));
		pieces_count(stage, T_OPEN, pg_int(rows, i, 1));
		pieces_count(stage, T_LEASED, pg_int(rows, i, 2));
		pieces_count(stage, T_DONE, pg_int(rows, i, 3));
		pieces_count(stage, T_FAILED, pg_int(rows, i, 4));
	}
	pg_rows_free(rows);
	return true;
}

/* Of one that is over, all of it by default. */
static bool
put_chart(struct page *p, struct template_dict *d, const struct batch *b, const char *address,
    struct err *e)
{
	int64_t age_s = b->ended_us != 0 ? 0 : (clock_wall_us() - b->created_us) / 1000000;
	struct chart *c = arena_alloc(p->arena, sizeof(*c));

	if (b->done == 0)
		return true;
	if (!chart_read(p, b->batch, chart_find_range(pieces_query_text(p, "range"), age_s), c, e))
		return false;
	chart_put(p, d, address, c);
	return true;
}

static const char *
description(struct page *p, const struct batch *b)
{
	const char *jobs = pieces_jobs(p, b->last - b->first + 1);

	if (batches_is_cancelled(b))
		return arena_printf(p->arena, "%s: %s, %s of them cancelled.", b->name, jobs,
		    pieces_count_text(p, b->cancelled));
	return arena_printf(p->arena, "%s: %s of %s done, %s.", b->name,
	    pieces_percent_text(p, batches_percent(b)), jobs, state_words(b->state));
}

static bool
fill(struct page *p, struct template_dict *d, struct err *e)
{
	const char *address;
	struct buf path;
	struct batch b;

	if (!p->path[0] || *p->path[0] == 0 || p->path[1])
		return err_set(e, ERR_MISSING, "Batch not found.", "no name in the path");
	if (!batches_find(p, p->path[0], &b, e))
		return false;
	buf_init(&path, 0);
	buf_puts(&path, "/batch/");
	url_encode(&path, b.name, strlen(b.name));
	address = arena_dup(p->arena, path.data, path.len);
	p->out->failed |= path.failed;
	buf_fini(&path);
	pieces_frame(p, d,
	    &(struct piece_head){
		.title = b.name, .description = description(p, &b), .address = address});
	put_facts(p, d, &b);
	return put_stages(p, d, &b, e) && put_chart(p, d, &b, address, e);
}

bool
page_batch(struct page *p, struct err *e)
{
	struct template_dict *d = template_new("batch");
	bool ok = fill(p, d, e) && template_render("batch.tpl", d, p->out, e);

	template_free(d);
	return ok;
}
