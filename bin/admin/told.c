#include "admin/told.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

void
told_begin(struct told *t, const struct ask *ask)
{
	t->ask = ask;
	buf_init(&t->line, 0);
	buf_init(&t->back, 0);
	buf_init(&t->facts, 0);
}

static void
put_formatted(struct buf *b, const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0) {
		b->failed = true;
		return;
	}
	buf_puts(b, text);
	free(text);
}

void
told_add(struct told *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_formatted(&t->line, format, args);
	va_end(args);
}

void
told_number(struct told *t, const char *name, int64_t n)
{
	buf_printf(&t->facts, ",\"%s\":%lld", name, (long long)n);
}

void
told_text(struct told *t, const char *name, const char *text)
{
	buf_printf(&t->facts, ",\"%s\":", name);
	json_put_shown(&t->facts, text, strlen(text));
}

/* ---- a command of sh ----------------------------------------------------------------------------- */

static bool
is_bare(const char *word)
{
	return *word &&
	    strspn(word,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"-_./:,+@%=") == strlen(word);
}

/* Whether people see all of it, so that what they paste is what stands there. */
static bool
is_seen(const char *word)
{
	size_t len = strlen(word);
	bool same = false;
	struct buf b;

	buf_init(&b, 0);
	buf_puts(&b, word);
	if (!b.failed && len > 0)
		same = text_clean(b.data, len, false) == len && memcmp(b.data, word, len) == 0;
	buf_fini(&b);
	return same || len == 0;
}

/* By printf(1), which every sh has; a shell that looks for "!" does so within these quotes as well. */
static void
put_unseen(struct buf *b, const char *word)
{
	buf_puts(b, "\"$(printf '");
	for (; *word; word++)
		if (!strchr("%-", *word) && is_bare((const char[]){*word, '\0'}))
			buf_putc(b, *word);
		else
			buf_printf(b, "\\%03o", (unsigned)(unsigned char)*word);
	buf_puts(b, "')\"");
}

static void
put_quoted(struct buf *b, const char *word)
{
	buf_putc(b, '\'');
	for (; *word; word++)
		if (*word == '\'')
			buf_puts(b, "'\\''");
		else
			buf_putc(b, *word);
	buf_putc(b, '\'');
}

void
told_put_word(struct buf *b, const char *word)
{
	if (is_seen(word))
		put_quoted(b, word);
	else
		put_unseen(b, word);
}

/* What this program was told of itself: quoted where it must be. */
static void
put_option(struct buf *b, const char *name, const char *value)
{
	buf_puts(b, " --");
	for (; *name; name++)
		buf_putc(b, *name == '_' ? '-' : *name);
	buf_putc(b, '=');
	if (strstr(value, "password") || strchr(value, '@'))
		buf_puts(b, "...");
	else if (is_bare(value))
		buf_puts(b, value);
	else
		told_put_word(b, value);
}

static void
put_program(struct told *t)
{
	const struct settings_input *input = &t->ask->tool->input;

	if (is_bare(t->ask->called))
		buf_puts(&t->back, t->ask->called);
	else
		told_put_word(&t->back, t->ask->called);
	if (input->config_file)
		put_option(&t->back, "config", input->config_file);
	for (int i = 0; i < input->n_flags; i++)
		put_option(&t->back, input->flags[i].name, input->flags[i].value);
}

void
told_back(struct told *t, const char *format, ...)
{
	va_list args;

	if (t->back.len == 0)
		put_program(t);
	buf_putc(&t->back, ' ');
	va_start(args, format);
	put_formatted(&t->back, format, args);
	va_end(args);
}

void
told_back_name(struct told *t, const char *name)
{
	buf_putc(&t->back, ' ');
	told_put_word(&t->back, name);
}

/* ---- the line -------------------------------------------------------------------------------- */

void
told_drop(struct told *t)
{
	buf_fini(&t->line);
	buf_fini(&t->back);
	buf_fini(&t->facts);
}

static void
put_json(struct told *t, struct buf *out, const char *what)
{
	buf_printf(out, "{\"%s\":", what);
	json_put_shown(out, t->line.len > 0 ? t->line.data : "", t->line.len);
	if (strcmp(what, "done") == 0) {
		buf_puts(out, ",\"taken_back_by\":");
		if (t->back.len > 0)
			json_put_text(out, t->back.data, t->back.len);
		else
			buf_puts(out, "null");
	}
	buf_put(out, t->facts.len > 0 ? t->facts.data : "", t->facts.len);
	buf_putc(out, '}');
}

static void
put_line(struct told *t, struct buf *out)
{
	if (t->line.len > 0)
		buf_put(out, t->line.data, text_clean(t->line.data, t->line.len, false));
	if (t->back.len > 0) {
		buf_puts(out, "; taken back by: ");
		buf_put(out, t->back.data, t->back.len);
	}
}

static void
print(struct told *t, const char *what)
{
	struct buf out;

	buf_init(&out, 0);
	out.failed = t->line.failed || t->back.failed || t->facts.failed;
	if (t->ask->json)
		put_json(t, &out, what);
	else
		put_line(t, &out);
	tool_print(&out, "");
	buf_fini(&out);
	told_drop(t);
}

void
told_end(struct told *t)
{
	if (t->back.len == 0)
		buf_puts(&t->line, "; this cannot be taken back");
	print(t, "done");
}

void
told_end_as_it_is(struct told *t)
{
	print(t, "done");
}

void
told_would(struct told *t)
{
	print(t, "would");
}

void
told_note(struct told *t)
{
	print(t, "note");
}

void
told_goes_on(struct told *t)
{
	if (!t->line.failed && !t->back.failed)
		fprintf(stderr, "%s: %s; go on with: %s\n", t->ask->tool->name, t->line.data,
		    t->back.data);
	told_drop(t);
}

void
told_may_go_on(struct told *t)
{
	if (!t->line.failed && !t->back.failed)
		printf("%.*s; if nobody is at it, go on with: %s\n",
		    (int)text_clean(t->line.data, t->line.len, false), t->line.data, t->back.data);
	told_drop(t);
}

bool
told_secret(struct told *t, const char *name, const char *secret, struct err *e)
{
	struct buf out;

	buf_init(&out, 0);
	if (t->ask->json) {
		told_text(t, name, secret);
		told_end(t);
	} else {
		if (t->back.len == 0)
			buf_puts(&t->line, "; this cannot be taken back");
		put_line(t, &out);
		if (out.failed || t->line.failed || t->back.failed)
			err_set(e, ERR_BUSY, NULL, "no memory for an answer");
		else {
			fprintf(stderr, "%s\n", out.data);
			printf("%s\n", secret);
		}
		told_drop(t);
	}
	buf_fini(&out);
	if (e->kind == ERR_NONE && (fflush(stdout) != 0 || ferror(stdout)))
		err_set(e, ERR_BUSY, NULL, "standard output: %s: nothing is made that nobody saw",
		    strerror(errno));
	return e->kind == ERR_NONE;
}
