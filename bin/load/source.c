#include "load/source.h"

#include <inttypes.h>
#include <string.h>

#include "base/structured.h"
#include "base/text.h"

/* ---- one job --------------------------------------------------------------------------------- */

static bool
is_blank(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!text_is_space(s[i]))
			return false;
	return true;
}

/* Parsed once more, only for what is wrong with it and where. */
static bool
refuse_json(const char *text, size_t len, struct err *e)
{
	struct err cause = ERR_INIT;

	if (memchr(text, '\0', len))
		return err_set(e, ERR_INPUT, NULL, "holds a NUL, which no job can");
	(void)scan_check(text, len, JSON_DEPTH, &cause);
	return err_set(e, ERR_INPUT, NULL, "refused as JSON: %s", cause.why);
}

/* It says that it is a list or an object, and workers would take it at its word. */
static bool
refuse_marked(const char *s, size_t len, struct err *e)
{
	const size_t mark = strlen(STRUCTURED_MARK);
	struct err cause = ERR_INIT;

	if (len == mark || (s[mark] != '[' && s[mark] != '{'))
		return err_set(e, ERR_INPUT, NULL,
		    "begins with " STRUCTURED_MARK
		    ", which promises a JSON list or object, and holds none");
	(void)!refuse_json(s + mark, len - mark, &cause);
	return err_set(
	    e, ERR_INPUT, NULL, "begins with " STRUCTURED_MARK "; what follows is %s", cause.why);
}

/* Text that may be a job as it is. */
static bool
check_text(const char *s, size_t len, struct err *e)
{
	struct json_span value;

	if (memchr(s, '\0', len))
		return err_set(e, ERR_INPUT, NULL, "holds a NUL, which no job can");
	if (!text_is_utf8(s, len))
		return err_set(e, ERR_INPUT, NULL, "is not UTF-8");
	if (!structured_is_marked(s, len) || structured_read(s, len, &value))
		return true;
	return refuse_marked(s, len, e);
}

/* A list or an object in the form in which the tracker keeps it. */
static bool
take_container(struct source *s, const char *text, size_t len, const char **data, size_t *data_len,
    struct err *e)
{
	if (!json_is_valid(text, len))
		return refuse_json(text, len, e);
	buf_clear(&s->job);
	buf_puts(&s->job, structured_head(text, NULL));
	buf_put(&s->job, text, len);
	if (s->job.failed)
		return err_set(
		    e, ERR_INPUT, NULL, "longer than %zu bytes (setting body_limit)", s->limit);
	*data = s->job.data;
	*data_len = s->job.len;
	return true;
}

/* A JSON string with escapes. */
static bool
take_escaped(struct source *s, const char *text, size_t len, const char **data, size_t *data_len,
    struct err *e)
{
	struct err ignored = ERR_INIT;
	json *value = json_parse(text, len, &ignored);
	struct json_text plain = {"", 0};

	if (!value)
		return refuse_json(text, len, e);
	buf_clear(&s->job);
	if (json_as_text(value, &plain))
		buf_put(&s->job, plain.s, plain.len);
	json_free(value);
	*data = s->job.data ? s->job.data : "";
	*data_len = s->job.len;
	return check_text(*data, *data_len, e);
}

static bool
take_string(struct source *s, const char *text, size_t len, const char **data, size_t *data_len,
    struct err *e)
{
	if (memchr(text, '\\', len) || !json_is_valid(text, len))
		return take_escaped(s, text, len, data, data_len, e);
	*data = text + 1;
	*data_len = len - 2;
	return check_text(*data, *data_len, e);
}

/* Any JSON value, without space around it. */
static bool
take_json(struct source *s, const char *text, size_t len, const char **data, size_t *data_len,
    struct err *e)
{
	if (*text == '"')
		return take_string(s, text, len, data, data_len, e);
	if (*text == '[' || *text == '{')
		return take_container(s, text, len, data, data_len, e);
	if (json_is_valid(text, len))
		return err_set(e, ERR_INPUT, NULL, "a job is a string, a list or an object");
	return refuse_json(text, len, e);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The next line that counts, without its end; *line NULL at the end. */
static bool
next_line(struct source *s, const char **line, size_t *len, struct err *e)
{
	do {
		s->number++;
		if (!window_line(&s->window, line, len, e))
			return false;
		if (!*line)
			return true;
		if (*len > 0 && (*line)[*len - 1] == '\r')
			(*len)--;
		if (!is_blank(*line, *len))
			return *len <= s->limit ||
			    err_set(e, ERR_INPUT, NULL,
				"longer than %zu bytes (setting body_limit)", s->limit);
	} while (s->skip_blank);
	return err_set(e, ERR_INPUT, NULL, "is blank (--skip-blank passes over blank lines)");
}

static void
trim(const char **s, size_t *len)
{
	while (*len > 0 && text_is_space((*s)[*len - 1]))
		(*len)--;
	while (*len > 0 && text_is_space(**s)) {
		(*s)++;
		(*len)--;
	}
}

static bool
next_text(struct source *s, const char **data, size_t *len, struct err *e)
{
	return next_line(s, data, len, e) && (!*data || check_text(*data, *len, e));
}

static bool
next_json_line(struct source *s, const char **data, size_t *len, struct err *e)
{
	const char *line;
	size_t n;

	*data = NULL;
	if (!next_line(s, &line, &n, e))
		return false;
	if (!line)
		return true;
	trim(&line, &n);
	return take_json(s, line, n, data, len, e);
}

/* ---- one JSON list --------------------------------------------------------------------------- */

/* Passes over space; *c is what stands there then, '\0' at the end of the file. */
static bool
peek(struct source *s, char *c, struct err *e)
{
	struct window *w = &s->window;

	for (;;) {
		while (w->start < w->end && text_is_space(w->data[w->start]))
			window_take(w, 1);
		if (w->start < w->end || w->eof)
			break;
		if (!window_more(w, e))
			return false;
	}
	*c = w->start < w->end ? w->data[w->start] : '\0';
	return true;
}

/* Where a scan through a value stands; it only finds the value's end, and judges nothing. */
struct scan {
	size_t len;
	int depth;
	bool in_string, escaped, done;
};

static void
scan_in_string(struct scan *sc, char c)
{
	if (sc->escaped)
		sc->escaped = false;
	else if (c == '\\')
		sc->escaped = true;
	else if (c == '"')
		sc->in_string = false;
	sc->len++;
	sc->done = !sc->in_string && sc->depth == 0;
}

/* A bare word (a number, true) ends before the comma or bracket of the list around it. */
static void
scan_outside(struct scan *sc, char c)
{
	bool closes = c == ']' || c == '}';

	if (sc->depth == 0 && (closes || c == ',' || text_is_space(c))) {
		sc->done = true;
		return;
	}
	sc->len++;
	sc->in_string = c == '"';
	if (c == '[' || c == '{')
		sc->depth++;
	else if (closes)
		sc->done = --sc->depth == 0;
}

static void
scan_window(struct scan *sc, const char *s, size_t n)
{
	while (!sc->done && sc->len < n) {
		if (sc->in_string)
			scan_in_string(sc, s[sc->len]);
		else
			scan_outside(sc, s[sc->len]);
	}
}

/* The value that begins at the window's start: its length. At the end of the file, what there is.
 */
static bool
value_len(struct source *s, size_t *len, struct err *e)
{
	struct window *w = &s->window;
	struct scan sc = {0};

	for (;;) {
		scan_window(&sc, w->data + w->start, w->end - w->start);
		*len = sc.len;
		if (sc.done || w->eof)
			break;
		if (!window_more(w, e))
			return false;
	}
	return *len <= s->limit ||
	    err_set(e, ERR_INPUT, NULL, "longer than %zu bytes (setting body_limit)", s->limit);
}

/* Passes over the bracket or the comma before the next element; *more false after the last. */
static bool
pass_separator(struct source *s, bool *more, struct err *e)
{
	char c;

	*more = true;
	if (!peek(s, &c, e))
		return false;
	if (!s->begun && c != '[')
		return err_set(e, ERR_INPUT, NULL, "a JSON list must begin with [");
	if (s->begun && c != ',' && c != ']')
		return err_set(e, ERR_INPUT, NULL,
		    c ? "a comma or ] must come before it" : "the file ends before the list's ]");
	window_take(&s->window, 1);
	if (!s->begun || c == ',') {
		bool first = !s->begun;

		s->begun = true;
		if (!peek(s, &c, e))
			return false;
		*more = !(first && c == ']');
		if (!*more)
			window_take(&s->window, 1);
		return true;
	}
	*more = false;
	return true;
}

static bool
at_end(struct source *s, struct err *e)
{
	char c;

	if (!peek(s, &c, e))
		return false;
	return (s->window.start == s->window.end) ||
	    err_set(e, ERR_INPUT, NULL, "something follows the list");
}

static bool
next_element(struct source *s, const char **data, size_t *len, struct err *e)
{
	const char *text;
	size_t n;
	bool more;

	*data = NULL;
	s->number++;
	s->offset = s->window.taken;
	if (!pass_separator(s, &more, e))
		return false;
	s->offset = s->window.taken;
	if (!more)
		return at_end(s, e);
	if (!value_len(s, &n, e))
		return false;
	if (n == 0)
		return err_set(e, ERR_INPUT, NULL, "no value");
	text = s->window.data + s->window.start;
	window_take(&s->window, n);
	return take_json(s, text, n, data, len, e);
}

/* ---- a pattern ------------------------------------------------------------------------------- */

static bool
next_brace(struct source *s, const char **data, size_t *len, struct err *e)
{
	s->number++;
	*data = NULL;
	return !brace_next(&s->brace, data, len) || check_text(*data, *len, e);
}

/* ---- the face -------------------------------------------------------------------------------- */

bool
source_open(struct source *s, enum source_form form, const char *what, size_t limit, struct err *e)
{
	*s = (struct source){.form = form, .limit = limit};
	buf_init(&s->job, limit + STRUCTURED_HEAD_MAX);
	if (form == SOURCE_BRACE)
		return brace_open(&s->brace, what, strlen(what), e);
	return window_open(&s->window, what, limit, e);
}

void
source_close(struct source *s)
{
	if (s->form == SOURCE_BRACE)
		brace_close(&s->brace);
	else
		window_close(&s->window);
	buf_fini(&s->job);
}

/* Puts its number in front of what is wrong with it. */
static bool
name_item(const struct source *s, const struct err *cause, struct err *e)
{
	switch (s->form) {
	case SOURCE_TEXT:
	case SOURCE_JSON_LINES:
		return err_set(e, cause->kind, NULL, "%s: line %" PRIu64 ": %s", s->window.name,
		    s->number, cause->why);
	case SOURCE_JSON:
		return err_set(e, cause->kind, NULL,
		    "%s: element %" PRIu64 " (at byte %" PRIu64 "): %s", s->window.name, s->number,
		    s->offset, cause->why);
	case SOURCE_BRACE:
		break;
	}
	return err_set(e, cause->kind, NULL, "word %" PRIu64 ": %s", s->number, cause->why);
}

bool
source_next(struct source *s, const char **data, size_t *len, struct err *e)
{
	static bool (*const next[])(struct source *, const char **, size_t *, struct err *) = {
	    [SOURCE_TEXT] = next_text,
	    [SOURCE_JSON_LINES] = next_json_line,
	    [SOURCE_JSON] = next_element,
	    [SOURCE_BRACE] = next_brace};
	struct err cause = ERR_INIT;

	return next[s->form](s, data, len, &cause) || name_item(s, &cause, e);
}
