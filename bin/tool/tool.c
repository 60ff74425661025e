#include "tool/tool.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/random.h"
#include "domain/schema.h"
#include "store/redis.h"

bool
tool_open(struct tool *t, struct err *e)
{
	log_open(LOG_WARN_);
	random_open();
	if (!settings_load(&t->settings, &t->config, &t->input, e))
		return false;
	t->pg = pg_new(
	    t->settings.postgres, t->name, "set jit = off; set client_min_messages = warning");
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
	return pg_ready(t->pg, e) && schema_check(t->pg, &t->settings, e);
}

bool
tool_stage(const struct tool *t, const char *text, int *stage, struct err *e)
{
	const struct settings *s = &t->settings;

	for (int i = 0; i < s->stages; i++) {
		const char letter[2] = {(char)('a' + i), '\0'};

		if (strcasecmp(text, letter) == 0 || strcasecmp(text, s->stage[i]) == 0) {
			*stage = i + 1;
			return true;
		}
	}
	return err_set(e, ERR_INPUT, NULL, "no stage '%s': the settings name %d, from 'a' to '%c'",
	    text, s->stages, 'a' + s->stages - 1);
}

/* "tracker:ID:wake"; empty when it cannot be told. */
static void
wake_channel(struct tool *t, char *out, size_t size)
{
	struct pg_rows *rows = NULL;
	struct err ignored = ERR_INIT;

	*out = '\0';
	if (pg_call(t->pg, "select id from tracker.project", NULL, 0, &rows, &ignored) &&
	    pg_rows_count(rows) == 1)
		snprintf(out, size, "tracker:%s:wake", pg_text(rows, 0, 0, NULL));
	pg_rows_free(rows);
}

/* To every process of the tracker, as fcgi/run/herald.h describes it. */
static void
publish(struct tool *t, const char *message)
{
	char channel[96];
	const struct redis_value *values;
	size_t n;
	struct err ignored = ERR_INIT;
	struct redis *r;

	wake_channel(t, channel, sizeof(channel));
	if (*channel == '\0')
		return;
	r = redis_new(t->settings.redis);
	redis_begin(r);
	redis_put_words(r, "PUBLISH", channel, message, NULL);
	(void)!redis_flush(r, &values, &n, &ignored);
	redis_free(r);
}

void
tool_wake(struct tool *t, int stage, int64_t count)
{
	char message[64];

	snprintf(message, sizeof(message), "wake %d %lld", stage, (long long)count);
	if (count > 0)
		publish(t, message);
}

void
tool_gone(struct tool *t, const struct uuid *token)
{
	char message[64] = "gone ";

	uuid_text(message + strlen(message), token);
	publish(t, message);
}

int
tool_fail(const struct tool *t, const struct err *e)
{
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", t->name, *e->why ? e->why : err_kind_name(e->kind));
	return 1;
}
