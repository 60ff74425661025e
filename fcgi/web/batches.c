#include "web/batches.h"

#include <string.h>

#include "base/text.h"
#include "domain/counts.h"
#include "store/pg_array.h"
#include "web/pieces.h"
#include "web/tpl/batch_rows.h"

#define ROW_BYTES 24 /* its numbers */

/* Every statement ends in this, with numbers of batches in between. */
#define ROWS                                                                                       \
	"select r.batch, r.name, r.first, r.last, r.created, r.ended, r.priority, r.paused_why,"   \
	" r.note, r.done, r.total, r.failed, r.leased, r.waiting, r.per_minute, r.eta_s, r.why,"   \
	" r.needs, r.rate, r.low_s, r.high_s, r.shown_s, r.cancelled,"                             \
	" (select count(*) from (select from tracker.batch limit 2) x)"                            \
	" from tracker.read_batch_rows(array("
#define ROWS_END "), $1) r" /* $1: see settings_stale_s */

enum {
	BATCH,
	NAME,
	FIRST,
	LAST,
	CREATED,
	ENDED,
	PRIORITY,
	PAUSED_WHY,
	NOTE,
	DONE,
	TOTAL,
	FAILED,
	LEASED,
	WAITING,
	PER_MINUTE,
	ETA,
	WHY,
	NEEDS,
	RATE,
	LOW,
	HIGH,
	SHOWN,
	CANCELLED,
	KNOWN
};

/* So many of the words; a batch may need 64. */
static const char *
needs_text(struct page *p, const char *needs)
{
	const char *end = needs;
	int told = 0, more = 0;

	for (const char *at = needs; *at; at++)
		if (*at == ',' && ++told == WORDS_TOLD)
			end = at;
		else if (*at == ',' && told > WORDS_TOLD)
			more++;
	return told < WORDS_TOLD
	    ? needs
	    : arena_printf(p->arena, "%.*s and %d more", (int)(end - needs), needs, more + 1);
}

static const char *
why_text(struct page *p, const char *state, const char *paused_why, const char *needs)
{
	if (strcmp(state, "paused") == 0)
		return *paused_why == 0 ? "paused"
					: arena_printf(p->arena, "paused: %s", paused_why);
	if (strcmp(state, "cancelled") == 0)
		return "cancelled";
	if (strcmp(state, "needs") == 0)
		return arena_printf(p->arena, "no worker here has %s", needs);
	if (strcmp(state, "rate") == 0)
		return "its next job waits for its turn, by its rate";
	if (strcmp(state, "turn") == 0)
		return "others have their turn first";
	return strcmp(state, "idle") == 0 ? "nobody works on it" : "";
}

static int64_t
seconds_or_none(const struct pg_rows *rows, int i, int column)
{
	return pg_is_null(rows, i, column) ? -1 : pg_int(rows, i, column);
}

static void
take_row(struct page *p, const struct pg_rows *rows, int i, struct batch *b)
{
	*b = (struct batch){
	    .batch = pg_int(rows, i, BATCH),
	    .first = pg_int(rows, i, FIRST),
	    .last = pg_int(rows, i, LAST),
	    .created_us = pg_time_us(rows, i, CREATED),
	    .ended_us = pg_time_us(rows, i, ENDED),
	    .priority = pg_int(rows, i, PRIORITY),
	    .done = pg_int(rows, i, DONE),
	    .total = pg_int(rows, i, TOTAL),
	    .failed = pg_int(rows, i, FAILED),
	    .in_hand = pg_int(rows, i, LEASED),
	    .waiting = pg_int(rows, i, WAITING),
	    .name = pg_dup(p->arena, rows, i, NAME),
	    .note = pg_dup(p->arena, rows, i, NOTE),
	    .needs = pg_dup(p->arena, rows, i, NEEDS),
	    .rate = pg_is_null(rows, i, RATE) ? 0 : pg_int(rows, i, RATE),
	    .per_minute = pg_double(rows, i, PER_MINUTE),
	    .eta_s = seconds_or_none(rows, i, ETA),
	    .low_s = seconds_or_none(rows, i, LOW),
	    .high_s = seconds_or_none(rows, i, HIGH),
	    .shown_s = seconds_or_none(rows, i, SHOWN),
	    .cancelled = pg_int(rows, i, CANCELLED),
	};
	if (!pg_is_null(rows, i, WHY))
		b->state = pg_dup(p->arena, rows, i, WHY);
	else
		b->state = b->done < b->total ? "moving" : "ended";
	b->needs_told = needs_text(p, b->needs);
	b->why = why_text(p, b->state, pg_text(rows, i, PAUSED_WHY, NULL), b->needs_told);
}

static void
take_rows(struct page *p, const struct pg_rows *rows, int most, struct batches *b)
{
	int n = pg_rows_count(rows);

	*b = (struct batches){.n = n < most ? n : most, .more = n > most};
	for (int i = 0; i < b->n; i++)
		take_row(p, rows, i, &b->row[i]);
	if (n > 0)
		b->known = pg_int(rows, 0, KNOWN);
}

bool
batches_read_open(
    struct page *p, const struct batch *after, int most, struct batches *b, struct err *e)
{
	struct pg_scalar room[4];
	struct pg_param params[4];
	struct pg_rows *rows;

	params[0] = pg_int4_param(&room[0], (int32_t)pieces_stale_s(p));
	params[1] = pg_int4_param(&room[1], after ? (int32_t)after->priority : 0);
	params[2] = pg_int4_param(&room[2], after ? (int32_t)after->batch : -1);
	params[3] = pg_int4_param(&room[3], most);
	if (!pg_call(p->pg,
		ROWS "select o.batch from tracker.read_open_batches("
		     "case when $3 >= 0 then $2 end, $3, $4) o" ROWS_END,
		params, 4, &rows, e))
		return false;
	take_rows(p, rows, most, b);
	pg_rows_free(rows);
	return true;
}

bool
batches_read_ended(
    struct page *p, const struct batch *after, int most, struct batches *b, struct err *e)
{
	struct pg_scalar room[4];
	struct pg_param params[4];
	struct pg_rows *rows;

	params[0] = pg_int4_param(&room[0], (int32_t)pieces_stale_s(p));
	params[1] = pg_int8_param(&room[1], after ? after->ended_us : -1);
	params[2] = pg_int4_param(&room[2], after ? (int32_t)after->batch : 0);
	params[3] = pg_int4_param(&room[3], most);
	if (!pg_call(p->pg,
		ROWS
		"select o.batch from tracker.read_ended_batches(case when $2 >= 0 then"
		" 'epoch'::timestamptz + $2 * interval '1 microsecond' end, $3, $4) o" ROWS_END,
		params, 4, &rows, e))
		return false;
	take_rows(p, rows, most, b);
	pg_rows_free(rows);
	return true;
}

bool
batches_find(struct page *p, const char *name, struct batch *out, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[2] = {
	    pg_int4_param(&room, (int32_t)pieces_stale_s(p)), pg_text_param(name, strlen(name))};
	struct pg_rows *rows;
	bool found;

	if (!pg_call(p->pg, ROWS "select b.batch from tracker.batch b where b.name = $2" ROWS_END,
		params, 2, &rows, e))
		return false;
	found = pg_rows_count(rows) == 1;
	if (found)
		take_row(p, rows, 0, out);
	pg_rows_free(rows);
	return found || err_set(e, ERR_MISSING, "Batch not found.", "no batch of that name");
}

bool
batches_are_news(const struct batches *b)
{
	const struct batch *first = &b->row[0];

	return b->n > 0 &&
	    (b->known > 1 || strcmp(first->state, "paused") == 0 ||
		strcmp(first->state, "cancelled") == 0 || *first->needs != 0 || first->rate > 0);
}

double
batches_percent(const struct batch *b)
{
	double percent;

	if (b->done >= b->total)
		return b->total > 0 ? 100 : 0; /* of nothing: all failed, or was cancelled */
	percent = 100.0 * (double)b->done / (double)b->total;
	return percent > 99.99 ? 99.99 : percent;
}

bool
batches_is_cancelled(const struct batch *b)
{
	return strcmp(b->state, "cancelled") == 0;
}

void
batches_put_far(struct page *p, struct template_dict *d, const struct batch *b)
{
	struct template_dict *far;

	if (batches_is_cancelled(b))
		return;
	far = template_section(d, T_FAR);
	template_str(far, T_PERCENT, pieces_percent_text(p, batches_percent(b)));
	template_str(far, T_PERCENT_VALUE, arena_printf(p->arena, "%.2f", batches_percent(b)));
}

const char *
batches_eta_text(struct page *p, const struct batch *b)
{
	if (batches_is_cancelled(b))
		return "";
	if (b->done >= b->total)
		return "Finished";
	return b->eta_s < 0 ? "" : pieces_span(p, b->shown_s);
}

static void
put_row(struct page *p, struct template_dict *table, const struct batch *b)
{
	struct template_dict *row = template_section(table, T_ROW);

	template_str(row, T_NAME, b->name);
	if (b->priority != 0)
		template_int(template_section(row, T_PRIORITY), T_PRIORITY_NUMBER, b->priority);
	batches_put_far(p, row, b);
	if (*b->why != 0)
		template_str(template_section(row, T_WHY), T_REASON, b->why);
	pieces_count(row, T_JOBS, b->last - b->first + 1);
	pieces_rate(row, T_RATE, b->per_minute);
	template_str(row, T_ETA, batches_eta_text(p, b));
	pieces_count(row, T_FAILED, b->failed);
	pieces_time(row, T_ENDED, T_ISO, T_AGO, b->ended_us);
}

/* The name stands there twice: in the link, too, where a byte may be three. */
static size_t
row_bytes(const struct batch *b)
{
	return ROW_BYTES + 4 * strlen(b->name) + strlen(b->why);
}

int
batches_put(struct page *p, struct template_dict *d, const struct batches *b, size_t bytes)
{
	struct template_dict *table = template_include(d, "BATCH_ROWS", "batch_rows.tpl");
	size_t left = bytes;
	int i;

	template_show(table, b->n > 0 && b->row[0].ended_us != 0 ? T_OVER : T_OPEN);
	for (i = 0; i < b->n; i++) {
		size_t row = row_bytes(&b->row[i]);

		if (row > left && i > 0)
			break;
		left -= row < left ? row : left;
		put_row(p, table, &b->row[i]);
	}
	return i;
}
