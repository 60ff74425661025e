/*
 * page_batches -- all batches: those that are at work in the order of their turns, or those that are over.
 *
 *	?state=ended	those that are over, the last one first
 *	?after=		the next page, by key: (priority + 100, number), or (over since, number)
 */
#include <string.h>

#include "base/text.h"
#include "web/batches.h"
#include "web/pieces.h"
#include "web/tpl/batches.h"

#define WORDS_BYTES (24 * 1024) /* of names: a page travels in 30 kB */
#define PRIORITY_LEAST (-100)

static bool
read_rows(struct page *p, bool ended, struct batches *b, struct err *e)
{
	struct batch after = {.batch = 0};
	int64_t key;
	bool goes_on = pieces_query_key(p, "after", &key, &after.batch) && after.batch <= INT32_MAX;

	if (ended) {
		after.ended_us = key;
		return batches_read_ended(p, goes_on ? &after : NULL, BATCHES_MOST, b, e);
	}
	goes_on = goes_on && key <= -2 * PRIORITY_LEAST;
	after.priority = key + PRIORITY_LEAST;
	return batches_read_open(p, goes_on ? &after : NULL, BATCHES_MOST, b, e);
}

static void
put_next(struct page *p, struct template_dict *table, bool ended, const struct batch *last)
{
	struct template_dict *next = template_section(table, T_NEXT);

	template_str(next, T_KEY,
	    arena_printf(p->arena, "%lld-%lld",
		(long long)(ended ? last->ended_us : last->priority - PRIORITY_LEAST),
		(long long)last->batch));
	if (ended)
		template_show(next, T_KEEP_ENDED);
}

static bool
fill(struct page *p, struct template_dict *d, struct err *e)
{
	const char *state = pieces_query_text(p, "state");
	bool ended = state && strcmp(state, "ended") == 0;
	struct batches *b = arena_alloc(p->arena, sizeof(*b));
	struct template_dict *table;
	int shown;

	if (!read_rows(p, ended, b, e))
		return false;
	pieces_frame(p, d,
	    &(struct piece_head){.title = "Batches",
		.description = ended ? "Batches that are over." : "Batches at work.",
		.address = "/batches"});
	template_show(d, ended ? T_AT_ENDED : T_AT_OPEN);
	if (b->n == 0) {
		template_show(template_section(d, T_NOBODY), ended ? T_NONE_ENDED : T_NONE_OPEN);
		return true;
	}
	table = template_section(d, T_TABLE);
	shown = batches_put(p, table, b, WORDS_BYTES);
	if (b->more || shown < b->n)
		put_next(p, table, ended, &b->row[shown - 1]);
	return true;
}

bool
page_batches(struct page *p, struct err *e)
{
	struct template_dict *d = template_new("batches");
	bool ok = fill(p, d, e) && template_render("batches.tpl", d, p->out, e);

	template_free(d);
	return ok;
}
