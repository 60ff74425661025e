/*
 * page_badge -- a small picture of the progress, or of a person's jobs, for other sites.
 *
 *	/badge.svg	/badge/{nickname}.svg
 *
 * A picture inside another page may load nothing, so the widths of the text are guessed from its
 * characters and given to the browser, which fits the letters to them.
 */
#include <string.h>

#include "base/text.h"
#include "store/pg_array.h"
#include "web/facts.h"
#include "web/pieces.h"
#include "web/tpl/badge.h"

#define NAME_CHARS 32 /* of a name; the rest is an ellipsis */
#define SIDE 8        /* room on each side of a text */

/* About what Verdana 11 takes. */
static int64_t
width_of(const char *text)
{
	int64_t tenths = 0;

	for (const unsigned char *c = (const unsigned char *)text; *c != 0; c++) {
		if ((*c & 0xc0) == 0x80)
			continue;
		tenths += *c >= 0xe3             ? 115
		    : strchr(" .,:;'!|iIjl", *c) ? 42
		    : strchr("mwMW%@", *c)       ? 105
		    : (*c >= 'A' && *c <= 'Z')   ? 78
						 : 68;
	}
	return tenths / 10 + 1;
}

static const char *
short_name(struct page *p, const char *name)
{
	size_t len = strlen(name);

	if (text_chars(name, len) <= NAME_CHARS)
		return name;
	return arena_printf(
	    p->arena, "%.*s\xe2\x80\xa6", (int)text_cut(name, len, NAME_CHARS - 1), name);
}

static bool
draw(struct page *p, const char *label, const char *text, const char *color, struct err *e)
{
	struct template_dict *d = template_new("badge");
	int64_t label_w = width_of(label), text_w = width_of(text);
	int64_t split = label_w + 2 * SIDE, width = split + text_w + 2 * SIDE;
	bool ok;

	template_str(d, T_LABEL, label);
	template_str(d, T_TEXT, text);
	template_str(d, T_COLOR, color);
	template_int(d, T_WIDTH, width);
	template_int(d, T_SPLIT, split);
	template_int(d, T_EDGE, width - 4);
	template_int(d, T_LABEL_W, label_w);
	template_int(d, T_TEXT_W, text_w);
	template_int(d, T_LABEL_X, split / 2);
	template_int(d, T_TEXT_X, (split + width) / 2);
	p->content_type = "image/svg+xml";
	ok = template_render("badge.tpl", d, p->out, e);
	template_free(d);
	return ok;
}

static bool
draw_progress(struct page *p, struct err *e)
{
	const char *text = "no jobs yet";
	struct facts f;

	if (!facts_read(p, &f, e))
		return false;
	if (f.jobs > 0)
		text = f.remaining == 0
		    ? (strcmp(f.state, "cancelled") == 0 ? "cancelled" : "finished")
		    : arena_printf(p->arena, "%s, %s a minute", facts_percent_text(p, &f),
			  pieces_rate_text(p, f.per_minute));
	return draw(p, short_name(p, p->settings->project), text,
	    f.jobs > 0 && f.remaining == 0 ? "#15803d" : "#1d4ed8", e);
}

static bool
draw_person(struct page *p, const char *nickname, struct err *e)
{
	struct pg_param params[1] = {pg_text_param(nickname, strlen(nickname))};
	struct pg_rows *rows;
	const char *name, *text;

	if (!pg_call(p->pg, "select r.jobs, r.rank, r.nickname from tracker.read_person($1) r",
		params, 1, &rows, e))
		return false;
	if (pg_rows_count(rows) == 0) {
		pg_rows_free(rows);
		return err_set(e, ERR_MISSING, "Person not found.", "nobody has that nickname");
	}
	text = pieces_jobs(p, pg_int(rows, 0, 0));
	if (!pg_is_null(rows, 0, 1))
		text = arena_printf(
		    p->arena, "%s, rank %s", text, pieces_count_text(p, pg_int(rows, 0, 1)));
	name = pg_dup(p->arena, rows, 0, 2);
	pg_rows_free(rows);
	return draw(p, short_name(p, name), text, "#0f766e", e);
}

bool
page_badge(struct page *p, struct err *e)
{
	const char *name = p->path[0];
	size_t len = name ? strlen(name) : 0;

	if (!name)
		return draw_progress(p, e);
	if (len < 5 || strcmp(name + len - 4, ".svg") != 0 || p->path[1])
		return err_set(e, ERR_MISSING, "Not Found", "a badge ends in .svg");
	return draw_person(p, arena_dup(p->arena, name, len - 4), e);
}
