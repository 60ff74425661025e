#include "tool/tool.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "domain/news.h"
#include "domain/schema.h"
#include "domain/stages.h"
#include "store/pg_array.h"
#include "store/redis.h"

#define UNTOLD_US 10000000 /* a call to Redis takes a second at most: a tenth of it */
#define READ_ONLY "25006"

bool
tool_open(struct tool *t, struct err *e)
{
	log_open(LOG_WARN_);
	random_open();
	if (!settings_load(&t->settings, &t->config, &t->input, e))
		return false;
	/* A time in which no zone is said is one of those that everybody is shown. */
	t->pg = pg_new(t->settings.postgres, t->name,
	    "set jit = off; set client_min_messages = warning; set timezone = 'UTC'");
	pg_set_patience(t->pg, TOOL_PATIENCE_MS);
	return true;
}

void
tool_close(struct tool *t)
{
	pg_free(t->pg);
	t->pg = NULL;
	config_fini(&t->config);
}

bool
tool_connect(struct tool *t, struct err *e)
{
	struct stage_names names;

	if (!pg_ready(t->pg, e) || !schema_check(t->pg, &t->settings, e) ||
	    !stages_read(t->pg, &names, e))
		return false;
	if (names.n > 0)
		t->settings.stages = names;
	return true;
}

bool
tool_stage(const struct tool *t, const char *text, int *stage, struct err *e)
{
	const struct settings *s = &t->settings;

	for (int i = 0; i < s->stages.n; i++) {
		const char letter[2] = {stage_letter(i + 1), '\0'};

		if (strcasecmp(text, letter) == 0 || strcasecmp(text, s->stages.name[i]) == 0) {
			*stage = i + 1;
			return true;
		}
	}
	return err_set(e, ERR_INPUT, NULL, "no stage '%s': there are %d, from 'a' to '%c'", text,
	    s->stages.n, stage_letter(s->stages.n));
}

/* "ann@host": who called sudo, else whose process this is. */
static void
put_own_name(struct buf *b)
{
	const char *user = getenv("SUDO_USER");
	const struct passwd *own = user && *user ? NULL : getpwuid(getuid());
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0)
		*host = '\0';
	if (user && *user)
		buf_puts(b, user);
	else if (own)
		buf_puts(b, own->pw_name);
	else
		buf_printf(b, "%ld", (long)getuid());
	buf_printf(b, "@%s", host);
}

bool
tool_sign(struct tool *t, const char *as, struct err *e)
{
	struct buf name;
	struct pg_param param;
	struct pg_rows *rows = NULL;
	bool ok;

	buf_init(&name, 0);
	if (as)
		buf_puts(&name, as);
	else
		put_own_name(&name);
	param = pg_buf_param(&name);
	ok = pg_call(t->pg, "select set_config('tracker.who', $1, false)", &param, 1, &rows, e);
	pg_rows_free(rows);
	buf_fini(&name);
	return ok;
}

/* To every process of the tracker. Where that failed it is left for a while: a Redis that hangs takes a second each time. */
static void
publish(struct tool *t, const struct news *news)
{
	char project[SCHEMA_PROJECT_ID], channel[128], text[NEWS_TEXT];
	struct err e = ERR_INIT;
	struct redis *r;

	if (*t->settings.redis == '\0' || (t->is_untold && clock_us() < t->untold_until_us) ||
	    !schema_project_id(t->pg, project, &e))
		return;
	news_channel(channel, sizeof(channel), project);
	news_write(text, news);
	r = redis_new(t->settings.redis);
	redis_begin(r);
	redis_put_words(r, "PUBLISH", channel, text, NULL);
	if (!redis_flush(r, NULL, NULL, &e)) {
		if (!t->is_untold)
			fprintf(stderr,
			    "%s: the tracker could not be told, and will find out itself: %s\n",
			    t->name, e.why);
		t->is_untold = true;
		t->untold_until_us = clock_us() + UNTOLD_US;
	}
	redis_free(r);
}

void
tool_wake(struct tool *t, int stage, int64_t count)
{
	const struct news news = {.kind = NEWS_WAKE, .stage = stage, .count = count};

	if (count > 0)
		publish(t, &news);
}

void
tool_stage_changed(struct tool *t, int stage)
{
	const struct news news = {.kind = NEWS_WAKE, .stage = stage};

	publish(t, &news);
}

void
tool_gone(struct tool *t, const struct uuid *token)
{
	const struct news news = {.kind = NEWS_GONE, .token = *token};

	publish(t, &news);
}

void
tool_pages_changed(struct tool *t)
{
	const struct news news = {.kind = NEWS_PAGES};

	publish(t, &news);
}

void
tool_print(const struct buf *b, const char *last)
{
	const char *text = buf_text(b);

	if (!text) {
		fflush(stdout);
		fprintf(stderr, "%s: no memory for an answer\n", program_invocation_short_name);
		exit(EX_OSERR);
	}
	printf("%s%s\n", text, last);
}

/* Nobody said which tracker is meant, and the file that would say it is not there. */
static bool
is_without_settings(const struct tool *t)
{
	return !t->input.config_file && access(SETTINGS_FILE, F_OK) != 0 &&
	    strcmp(config_origin(&t->config, "postgres"), "default") == 0;
}

/* A reason may have the words of others in it: names, files, what a server said. */
static void
say_why(const struct tool *t, const char *why)
{
	char room[sizeof(((struct err *)NULL)->why)];
	size_t len = strlen(why);

	memcpy(room, why, len);
	room[text_clean(room, len, true)] = '\0';
	fprintf(stderr, "%s: %s\n", t->name, room);
}

int
tool_fail(const struct tool *t, const struct err *e)
{
	fflush(stdout);
	if (e->kind == ERR_AWAY && is_without_settings(t))
		fprintf(stderr,
		    "%s: which tracker? There is no " SETTINGS_FILE ": say --config FILE "
		    "(`bin/quickstart --status' tells which one is its own)\n",
		    t->name);
	else if (strcmp(e->sqlstate, READ_ONLY) == 0)
		say_why(t,
		    "this database takes no writes: it is a standby, or read-only "
		    "(default_transaction_read_only); nothing was changed");
	else
		say_why(t, *e->why ? e->why : err_kind_name(e->kind));
	return 1;
}

int
tool_end(struct tool *t, int status)
{
	bool lost = ferror(stdout);

	errno = EIO; /* of what was lost before, nobody knows why */
	lost = fflush(stdout) != 0 || lost;
	if (lost && status == 0) {
		fprintf(stderr, "%s: standard output: %s\n", t->name, strerror(errno));
		status = 1;
	}
	tool_close(t);
	return status;
}
