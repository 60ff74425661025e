/*
 * page_join -- /join: what the project is, where help is wanted most, and a name of one's own.
 *
 * Works without script. After the name was taken its key is shown, once, in the lines to paste.
 */
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/url.h"
#include "web/facts.h"
#include "web/join.h"
#include "web/pieces.h"
#include "web/tpl/join.h"

static bool
is_open(const struct page *p)
{
	return p->settings->signup[0] == 'o';
}

/* Jobs that wait, for each worker that is there or might come. */
static double
need_of(const struct facts_stage *s)
{
	return s->paused ? 0 : (double)(s->ready + s->retry) / (double)(s->present + 1);
}

/* The stage that wants help most; the first when none does. */
static int
most_needed(const struct facts *f)
{
	int most = 0;

	for (int i = 1; i < f->stages; i++)
		if (need_of(&f->stage[i]) > need_of(&f->stage[most]))
			most = i;
	return most;
}

static void
put_stages(struct page *p, struct template_dict *d, const struct facts *f, int most)
{
	for (int i = 0; i < f->stages; i++) {
		const struct facts_stage *s = &f->stage[i];
		struct template_dict *stage = template_section(d, T_STAGE);
		int64_t waiting = s->ready + s->retry;

		pieces_stage(p, stage, T_LETTER, T_LETTER_UP, T_NAME, s->stage);
		template_str(stage, T_WAITING,
		    arena_printf(p->arena, "%s %s", pieces_jobs(p, waiting),
			text_plural(waiting, "waits", "wait")));
		template_str(stage, T_PRESENT, pieces_workers(p, s->present));
		if (s->paused)
			template_show(stage, T_PAUSED);
		else if (i == most && need_of(s) > 0)
			template_show(stage, T_WANTED);
	}
}

/* For a shell, between single quotes. */
static const char *
quoted(struct page *p, const char *s)
{
	struct buf b;
	const char *text;

	buf_init(&b, 0);
	buf_putc(&b, '\'');
	for (; *s != 0; s++)
		if (*s == '\'')
			buf_puts(&b, "'\\''");
		else
			buf_putc(&b, *s);
	buf_putc(&b, '\'');
	text = arena_dup(p->arena, b.data, b.len);
	p->out->failed |= b.failed;
	buf_fini(&b);
	return text;
}

/* For Python, between double quotes. */
static const char *
python_text(struct page *p, const char *s)
{
	struct buf b;
	const char *text;

	buf_init(&b, 0);
	buf_putc(&b, '"');
	for (; *s != 0; s++) {
		if (*s == '"' || *s == '\\')
			buf_putc(&b, '\\');
		buf_putc(&b, *s);
	}
	buf_putc(&b, '"');
	text = arena_dup(p->arena, b.data, b.len);
	p->out->failed |= b.failed;
	buf_fini(&b);
	return text;
}

/* The address with the key in it, as the published client carries it. */
static const char *
url_with_key(struct page *p, const char *url, const char *key)
{
	const char *host = strstr(url, "://");

	if (!host)
		return url;
	return arena_printf(p->arena, "%.*s://x:%s@%s", (int)(host - url), url, key, host + 3);
}

static void
put_lines(struct page *p, struct template_dict *d, const char *name, const char *url,
    const char *key, int64_t stage)
{
	struct template_dict *lines = template_section(d, T_LINES);
	struct buf query;

	buf_init(&query, 0);
	url_encode(&query, name, strlen(name));
	template_str(lines, T_LETTER, pieces_letter(p, stage));
	template_str(lines, T_LETTER_UP, arena_printf(p->arena, "%c", stage_capital((int)stage)));
	template_str(lines, T_URL, url);
	template_str(lines, T_KEY, key);
	template_str(lines, T_NAME_QUOTED, quoted(p, name));
	template_str(lines, T_NAME_PYTHON, python_text(p, name));
	template_str(lines, T_URL_WITH_KEY, python_text(p, url_with_key(p, url, key)));
	template_text(lines, T_NAME_ENCODED, query.data, query.len);
	p->out->failed |= query.failed;
	buf_fini(&query);
}

/* What hinders, in words that say what to do. */
static const char *
sorry(struct page *p, const struct join_said *said)
{
	static const struct {
		const char *status, *words;
	} known[] = {
	    {"limited", "There were too many tries from where you are. Try again in an hour."},
	    {"no_invite",
		"Sign-up is by invitation, and this is none, was used, or is too old. Ask who runs "
		"the project."},
	    {"taken",
		"Somebody has this name. If it is you and the key is lost, ask who runs the "
		"project for a new one; else choose another name."},
	    {"worked",
		"Somebody works under this name already. If it is you, give the token of one of "
		"your workers that is at work now; else choose another name."},
	    {"no_token", "That is not the token of a worker of this name that is here now."},
	    {"several",
		"Machines in several networks work under this name, so who runs the project "
		"decides whose it is. Ask them, or choose another name."},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(said->status, known[i].status) == 0)
			return known[i].words;
	if (strcmp(said->status, "banned") == 0)
		return arena_printf(p->arena, "You are banned: %s", said->words);
	if (strcmp(said->status, "alike") == 0)
		return arena_printf(p->arena,
		    "This name looks like %s, which is another one's. Choose one that looks "
		    "different.",
		    said->name);
	return *said->words != 0 ? said->words : "That may be no name.";
}

static void
put_form(struct page *p, struct template_dict *d, const struct join_said *said)
{
	struct template_dict *form = template_section(d, T_FORM);

	template_str(form, T_TYPED, said ? said->typed : "");
	if (!is_open(p))
		template_show(form, T_INVITED);
	if (said && (strcmp(said->status, "worked") == 0 || strcmp(said->status, "no_token") == 0))
		template_show(form, T_PROVE);
	if (said)
		template_str(template_section(form, T_SORRY), T_REASON, sorry(p, said));
}

static bool
fill(struct page *p, struct template_dict *d, const struct join_said *said, struct err *e)
{
	const char *url = said && p->settings->base_url[0] == 0 ? said->url : pieces_own_url(p);
	struct facts *f = arena_alloc(p->arena, sizeof(*f));
	bool made = said && strcmp(said->status, "made") == 0;
	int most;

	if (!facts_read(p, f, e))
		return false;
	most = most_needed(f);
	pieces_frame(p, d,
	    &(struct piece_head){.title = "Join",
		.description = "Let a machine of yours work along.",
		.address = "/join",
		.nav = NAV_JOIN});
	template_str(d, T_PROJECT, p->settings->project);
	if (p->settings->about[0] != 0)
		pieces_linked(template_section(d, T_ABOUT), p->settings->about);
	if (!made) {
		put_stages(p, template_section(d, T_STAGES), f, most);
		put_form(p, d, said);
	} else if (f->stages > 0)
		put_lines(p, d, said->name, url, said->key, f->stage[most].stage);
	return true;
}

bool
join_render(struct page *p, const struct join_said *said, struct err *e)
{
	struct template_dict *d = template_new("join");
	bool ok = fill(p, d, said, e) && template_render("join.tpl", d, p->out, e);

	template_free(d);
	return ok;
}

bool
page_join(struct page *p, struct err *e)
{
	return join_render(p, NULL, e);
}
