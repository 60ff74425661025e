#include "export/result.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/structured.h"
#include "domain/stage.h"

/* ---- a cell ---------------------------------------------------------------------------------- */

/* A value on its way to a line: `json` is its text as JSON, otherwise it is a text. */
struct cell {
	const char *s; /* NULL: null */
	size_t len;
	bool json;
	char room[40]; /* for numbers and times */
};

static void
set_text(struct cell *c, struct result_text t)
{
	c->s = t.s;
	c->len = t.len;
}

static void
set_word(struct cell *c, const char *word)
{
	set_text(c, (struct result_text){word, strlen(word)});
}

static void
set_data(struct cell *c, struct result_text t, bool raw)
{
	struct json_span value;

	set_text(c, t);
	if (t.s && !raw && structured_read(t.s, t.len, &value)) {
		set_text(c, (struct result_text){value.s, value.len});
		c->json = true;
	}
}

static void
set_format(struct cell *c, struct result_text t)
{
	struct json_span value;

	if (t.s)
		set_word(c, structured_read(t.s, t.len, &value) ? "json" : "text");
}

static void
set_int(struct cell *c, int64_t n)
{
	snprintf(c->room, sizeof(c->room), "%" PRId64, n);
	set_word(c, c->room);
	c->json = true;
}

/* clock_iso ends in "Z"; the microseconds go before it. */
static void
set_time(struct cell *c, int64_t wall_us)
{
	char iso[32];

	clock_iso(iso, wall_us);
	snprintf(c->room, sizeof(c->room), "%.*s.%06dZ", (int)strcspn(iso, "Z"), iso,
	    (int)(wall_us % 1000000));
	set_word(c, c->room);
}

/* ---- columns --------------------------------------------------------------------------------- */

enum column {
	JOB,
	STAGE,
	INPUT,
	INPUT_FORMAT,
	OUTPUT,
	FORMAT,
	WHO,
	WORKER,
	STARTED,
	FINISHED,
	ATTEMPTS
};

static const char *const names[RESULT_COLUMNS] = {"job", "stage", "input", "input_format", "output",
    "format", "who", "worker", "started", "finished", "attempts"};

static void
fill(struct cell *c, const struct result *r, int column, bool raw)
{
	*c = (struct cell){.s = NULL};
	switch ((enum column)column) {
	case JOB:
		set_int(c, r->job);
		break;
	case STAGE:
		c->room[0] = stage_letter(r->stage);
		set_word(c, c->room);
		break;
	case INPUT:
		set_data(c, r->input, raw);
		break;
	case INPUT_FORMAT:
		set_format(c, r->input);
		break;
	case OUTPUT:
		set_data(c, r->output, raw);
		break;
	case FORMAT:
		set_format(c, r->output);
		break;
	case WHO:
		set_text(c, r->who);
		break;
	case WORKER:
		set_text(c, r->worker);
		break;
	case STARTED:
		set_time(c, r->started_us);
		break;
	case FINISHED:
		set_time(c, r->finished_us);
		break;
	case ATTEMPTS:
		set_int(c, r->attempts);
		break;
	}
}

static int
column_find(const char *name, size_t len)
{
	for (int i = 0; i < RESULT_COLUMNS; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return i;
	return -1;
}

static bool
has_column(const struct result_form *form, int column)
{
	for (int i = 0; i < form->n_columns; i++)
		if (form->columns[i] == column)
			return true;
	return false;
}

bool
result_columns(struct result_form *form, const char *list, struct err *e)
{
	form->n_columns = 0;
	for (;;) {
		size_t len = strcspn(list, ",");
		int column = column_find(list, len);

		if (column < 0)
			return err_set(e, ERR_FIELD, NULL, "no column '%.*s'", (int)len, list);
		if (has_column(form, column))
			return err_set(e, ERR_FIELD, NULL, "column '%s' twice", names[column]);
		form->columns[form->n_columns++] = column;
		if (list[len] == '\0')
			return true;
		list += len + 1;
	}
}

static int
column_count(const struct result_form *form)
{
	return form->n_columns > 0 ? form->n_columns : RESULT_COLUMNS;
}

static int
column_at(const struct result_form *form, int i)
{
	return form->n_columns > 0 ? form->columns[i] : i;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Inside strings of valid JSON there are no bare line ends, so all of these stand between parts. */
static void
put_on_one_line(struct buf *b, const char *s, size_t len)
{
	size_t at = b->len;

	buf_put(b, s, len);
	for (; at < b->len; at++)
		if (b->data[at] == '\n' || b->data[at] == '\r')
			b->data[at] = ' ';
}

static void
put_json(struct buf *b, const struct cell *c)
{
	if (!c->s)
		buf_puts(b, "null");
	else if (c->json)
		put_on_one_line(b, c->s, c->len);
	else
		json_put_text(b, c->s, c->len);
}

static void
put_csv(struct buf *b, const struct cell *c)
{
	bool quote = c->s && c->len == 0; /* what is missing stands without */

	for (size_t i = 0; i < c->len && !quote; i++)
		quote = memchr(",\"\r\n", c->s[i], 4);
	if (!quote) {
		buf_put(b, c->s, c->len);
		return;
	}
	buf_putc(b, '"');
	for (size_t i = 0; i < c->len; i++) {
		if (c->s[i] == '"')
			buf_putc(b, '"');
		buf_putc(b, c->s[i]);
	}
	buf_putc(b, '"');
}

static void
put_tsv(struct buf *b, const struct cell *c)
{
	static const char from[] = "\t\n\r\\", to[] = "tnr\\";

	for (size_t i = 0; i < c->len; i++) {
		const char *found = memchr(from, c->s[i], sizeof(to) - 1);

		if (found) {
			buf_putc(b, '\\');
			buf_putc(b, to[found - from]);
		} else
			buf_putc(b, c->s[i]);
	}
}

static void
put_cell(struct buf *b, const struct cell *c, enum result_kind kind)
{
	static void (*const put[])(struct buf *, const struct cell *) = {
	    [RESULT_JSONL] = put_json, [RESULT_CSV] = put_csv, [RESULT_TSV] = put_tsv};

	put[kind](b, c);
}

/* What stands before the i-th cell of a line. */
static void
put_between(struct buf *b, const struct result_form *form, int i)
{
	if (form->kind == RESULT_JSONL)
		buf_printf(b, "%c\"%s\":", i == 0 ? '{' : ',', names[column_at(form, i)]);
	else if (i > 0)
		buf_putc(b, form->kind == RESULT_CSV ? ',' : '\t');
}

void
result_put_head(struct buf *b, const struct result_form *form)
{
	if (form->kind == RESULT_JSONL)
		return;
	for (int i = 0; i < column_count(form); i++) {
		put_between(b, form, i);
		buf_puts(b, names[column_at(form, i)]);
	}
	buf_putc(b, '\n');
}

void
result_put(struct buf *b, const struct result *r, const struct result_form *form)
{
	struct cell c;

	for (int i = 0; !form->output_only && i < column_count(form); i++) {
		fill(&c, r, column_at(form, i), form->raw);
		put_between(b, form, i);
		put_cell(b, &c, form->kind);
	}
	if (form->output_only) {
		fill(&c, r, OUTPUT, form->raw);
		put_cell(b, &c, form->kind);
	} else if (form->kind == RESULT_JSONL)
		buf_putc(b, '}');
	buf_putc(b, '\n');
}
