#include "domain/settings.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/text.h"
#include "store/pg.h"
#include "store/redis.h"

#define AT(field) offsetof(struct settings, field)
#define TEXT(name_, field, preset_, min_, max_, help_)                                             \
	{                                                                                          \
		.name = name_, .type = CONFIG_TEXT, .offset = AT(field), .preset = preset_,        \
		.min = min_, .max = max_, .help = help_                                            \
	}
/* An address that may hold a password. */
#define ADDRESS(name_, field, preset_, min_, help_)                                                \
	{                                                                                          \
		.name = name_, .type = CONFIG_TEXT, .offset = AT(field), .preset = preset_,        \
		.min = min_, .secret = true, .help = help_                                         \
	}
#define NUMBER(kind, name_, field, preset_, min_, max_, help_)                                     \
	{                                                                                          \
		.name = name_, .type = CONFIG_##kind, .offset = AT(field), .preset = preset_,      \
		.min = min_, .max = max_, .help = help_                                            \
	}

#define DAY 86400
#define YEAR (365 * DAY)
#define MIB (INT64_C(1) << 20)
/*
 * PostgreSQL takes and sends no message over 1 GiB. An export's row has an input and an output, and a
 * result is in an array beside its mark: half of the half leaves room for all of it.
 */
#define BODY_MOST (256 * MIB)

#define STAGE(letter, n, preset, min)                                                              \
	TEXT("stage_" letter, stage[n], preset, min, STAGE_NAME_BYTES,                             \
	    "name of stage " letter " in a new database; empty = there is none")
#define JOB_TIMEOUT(letter, n)                                                                     \
	NUMBER(SECONDS, "job_timeout_" letter, job_timeout_s[n], "0", 0, YEAR,                     \
	    "a lease of stage " letter                                                             \
	    " goes back after so long, though its worker talks; 0 = never")

/* In the order of the table in bin/doc/settings.md. */
const struct config_item settings_items[] = {
    TEXT("project", project, "Distributed Compute", 1, 400, "name on the pages and for workers"),
    TEXT("base_url", base_url, "", 0, 2000,
	"address that browsers use, https://tracker.example, for absolute links"),
    TEXT("listen", listen, "", 0, 300,
	"unix:PATH or tcp:ADDRESS:PORT, tcp-open: beyond loopback, where whoever reaches it is "
	"believed; "
	"empty = the socket inherited (systemd, spawn-fcgi)"),
    STAGE("a", 0, "A", 1),
    STAGE("b", 1, "", 0),
    STAGE("c", 2, "", 0),
    STAGE("d", 3, "", 0),
    STAGE("e", 4, "", 0),
    ADDRESS("postgres", postgres, "postgresql:///tracker", 1,
	"libpq connection string or URI of the database"),
    ADDRESS("redis", redis, "redis://127.0.0.1:6379/0", 0,
	"redis://[[user]:password@]host:port/db or unix:/path?db=0; empty = do without"),
    NUMBER(SECONDS, "idle_timeout", idle_timeout_s, "7200", 1, YEAR,
	"a worker silent for so long is gone and its jobs go back"),
    NUMBER(SECONDS, "keep_addresses", keep_addresses_s, "604800", 0, YEAR,
	"the address of a worker that is gone is kept so long; of a banned one 30 days at the "
	"least"),
    NUMBER(SECONDS, "purge_after", purge_after_s, "0", 0, 10 * YEAR,
	"what was refused or failed so long ago, and has been done since, is deleted; 0 = kept"),
    NUMBER(SECONDS, "v1_patience", v1_patience_s, "50", 0, 60,
	"newJob waits so long while work may still come, then is closed and asked again; 0 = 403 "
	"at once"),
    JOB_TIMEOUT("a", 0),
    JOB_TIMEOUT("b", 1),
    JOB_TIMEOUT("c", 2),
    JOB_TIMEOUT("d", 3),
    JOB_TIMEOUT("e", 4),
    NUMBER(INT, "flag_limit", flag_limit, "5", 1, 1000,
	"so many workers that flag an input send the job back a stage; they must be of 3 people "
	"and networks, or of as many as are about"),
    NUMBER(INT, "max_attempts", max_attempts, "10", 1, 1000000,
	"so many failed attempts in one stage fail the job, by as many different workers as are "
	"about (flag_limit at most); twice as many do so whoever they were"),
    NUMBER(INT, "in_hand_most", in_hand_most, "1000", 1, 1000,
	"most jobs that one worker may hold; it begins with 8, or as many slots as it says it has, "
	"and each result is one more, each bad end one less"),
    NUMBER(INT, "newcomers_most", newcomers_most, "1000", 1, 1000000,
	"where so many workers of one address have brought no result yet, the next one waits; not "
	"who has a key"),
    {.name = "pause_on_failures",
	.type = CONFIG_BOOL,
	.offset = AT(pause_on_failures),
	.preset = "yes",
	.help = "whether a batch is paused that most of its workers fail at, and they do not rest "
		"for it"},
    NUMBER(SECONDS, "retry_backoff", retry_backoff_s, "30", 0, YEAR,
	"a job that came back waits so long, then twice as long each time"),
    NUMBER(SECONDS, "retry_backoff_max", retry_backoff_max_s, "3600", 0, YEAR,
	"the longest wait of a job that came back (see retry_backoff)"),
    NUMBER(SECONDS, "eta_interval", eta_interval_s, "900", 1, YEAR,
	"the remaining time is estimated from samples taken so far apart"),
    NUMBER(INT, "eta_samples", eta_samples, "10", 2, 1000,
	"from so many samples (see eta_interval) the remaining time is estimated"),
    NUMBER(SECONDS, "page_cache", page_cache_s, "30", 0, DAY,
	"a page is rendered at most once in this time; 0 = each time"),
    NUMBER(BYTES, "body_limit", body_limit, "16M", 1024, BODY_MOST,
	"longest request body, and longest job; 256M at most"),
    NUMBER(BYTES, "answer_limit", answer_limit, "16M", 1024, 1024 * MIB,
	"most data of jobs in one answer, but one job at least; the rest comes with the next call"),
    NUMBER(INT, "processes", processes, "1", 1, 64,
	"processes of the pool; more make shorter bundles, so one is best on few processors"),
    NUMBER(INT, "acceptors", acceptors, "2", 1, 64, "accepting threads in each process"),
    NUMBER(INT, "parked_limit", parked_limit, "10000", 0, 1000000,
	"calls of the whole pool that may wait for work at a time"),
    TEXT("about", about, "", 0, 4000,
	"what the project is, on the page /join; plain text, addresses in it become links"),
    TEXT("signup", signup, "open", 1, 8,
	"who may take a name on /join: open = everybody, closed = who was invited "
	"(distcompute-admin invite)"),
    TEXT("join", join, "open", 1, 8,
	"who may register as a worker: open = everybody, key = who has a key of the name"),
    TEXT("reserved_names", reserved, "", 0, 4000,
	"names that nobody may have a key of, with commas between them; anonymous and erased-... "
	"are so anyhow"),
    TEXT("sql_dir", sql_dir, PKGDATADIR "/sql", 1, 0, "folder of schema/ and functions/"),
    TEXT("templates_dir", templates_dir, PKGDATADIR "/templates", 1, 0, "folder of the pages"),
    {.name = "public_data",
	.type = CONFIG_BOOL,
	.offset = AT(public_data),
	.preset = "no",
	.help = "whether pages show jobs' data and results to everybody"},
    TEXT("on_event", on_event, "", 0, 1000,
	"command that is told of events (a stage failing, a batch done, PostgreSQL away, acts): "
	"/path/program and words, split at spaces, no shell; the event is JSON on its standard "
	"input"),
    TEXT("banner", banner, "", 0, 1000, "plain text on every page; empty = none"),
    TEXT("user", user, "", 0, 64, "run as this user when started as root; empty = stay"),
    {.name = NULL},
};

#define ITEMS_MAX 64
_Static_assert(sizeof(settings_items) / sizeof(settings_items[0]) <= ITEMS_MAX, "more flags");

/* ---- flags --------------------------------------------------------------------------------------- */

#define KEY_CONFIG 0x1000 /* no letter: long options only */
#define KEY_FIRST 0x1001

/* Made from settings_items before main, so that the table stays the only one. */
static struct argp_option all[ITEMS_MAX + 2], few[ITEMS_MAX + 2], none[ITEMS_MAX + 2];

/* What a program beside the tracker has to be told, if anything. */
static const char *const of_programs[] = {"postgres", "redis", "sql_dir"};

static char *
flag_of(const char *name)
{
	char *flag = strdup(name);

	if (!flag)
		abort();
	for (char *p = flag; *p; p++)
		if (*p == '_')
			*p = '-';
	return flag;
}

static char *
doc_of(const struct config_item *item)
{
	char *doc;

	if (asprintf(&doc, "%s (default: %s)", item->help, *item->preset ? item->preset : "none") <
	    0)
		abort();
	return doc;
}

static const char *
arg_of(const struct config_item *item)
{
	switch (item->type) {
	case CONFIG_SECONDS:
		return "SECONDS";
	case CONFIG_BYTES:
		return "BYTES";
	case CONFIG_INT:
		return "N";
	case CONFIG_BOOL:
		return "yes|no";
	case CONFIG_TEXT:
		break;
	}
	return "TEXT";
}

static struct argp_option
option_of(int i)
{
	const struct config_item *item = &settings_items[i];

	return (struct argp_option){.name = flag_of(item->name),
	    .key = KEY_FIRST + i,
	    .arg = arg_of(item),
	    .flags = item->type == CONFIG_BOOL ? OPTION_ARG_OPTIONAL : 0,
	    .doc = doc_of(item),
	    .group = 10};
}

static bool
is_of_programs(const char *name)
{
	for (size_t i = 0; i < sizeof(of_programs) / sizeof(*of_programs); i++)
		if (strcmp(of_programs[i], name) == 0)
			return true;
	return false;
}

__attribute__((constructor)) static void
make_options(void)
{
	all[0] = few[0] = none[0] = (struct argp_option){.name = "config",
	    .key = KEY_CONFIG,
	    .arg = "FILE",
	    .doc = "settings (default: " SETTINGS_FILE ")"};
	none[0].flags = OPTION_HIDDEN;
	for (int i = 0; settings_items[i].name; i++) {
		all[i + 1] = few[i + 1] = none[i + 1] = option_of(i);
		none[i + 1].flags |= OPTION_HIDDEN;
		if (!is_of_programs(settings_items[i].name))
			few[i + 1].flags |= OPTION_HIDDEN;
	}
}

static error_t
take_option(int key, char *arg, struct argp_state *state)
{
	struct settings_input *input = state->input;
	const int room = (int)(sizeof(input->flags) / sizeof(input->flags[0]));

	if (key < KEY_CONFIG || key >= KEY_FIRST + ITEMS_MAX)
		return ARGP_ERR_UNKNOWN;
	if (key == KEY_CONFIG) {
		input->config_file = arg;
		return 0;
	}
	if (input->n_flags == room)
		argp_error(state, "more than %d settings as flags", room);
	input->flags[input->n_flags].name = settings_items[key - KEY_FIRST].name;
	input->flags[input->n_flags++].value = arg ? arg : "yes";
	return 0;
}

const struct argp settings_argp = {.options = all, .parser = take_option};
const struct argp settings_argp_few = {.options = few, .parser = take_option};
const struct argp settings_argp_hidden = {.options = none, .parser = take_option};

/* ---- checks of the whole ------------------------------------------------------------------------- */

static bool
refuse(const struct config *c, const char *name, struct err *e, const char *why)
{
	return err_set(e, ERR_INPUT, NULL, "%s: %s %s", config_origin(c, name), name, why);
}

bool
settings_is_stage_name(const char *name, const char **why)
{
	size_t len = strlen(name);

	*why = NULL;
	if (len == 0)
		*why = "may not be empty";
	else if (text_chars(name, len) > 64)
		*why = "is longer than 64 characters";
	else if (strchr(name, '/'))
		*why = "may not have a slash: it is a part of addresses";
	else if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		*why = "may not be . or ..: it is a part of addresses";
	else if (name[0] == ' ' || name[len - 1] == ' ')
		*why = "may not begin or end with a blank";
	else if (text_has_invisible(name, len))
		*why = "has invisible characters";
	return !*why;
}

static bool
check_stages(struct settings *s, const struct config *c, struct err *e)
{
	char setting[] = "stage_a";
	const char *why;

	s->stages = (struct stage_names){.n = 0};
	for (int i = 0; i < STAGES_MAX; i++) {
		setting[strlen("stage_")] = stage_letter(i + 1);
		if (!*s->stage[i])
			continue;
		if (s->stages.n != i)
			return refuse(c, setting, e, "is named, but the stage before it is not");
		if (!settings_is_stage_name(s->stage[i], &why))
			return refuse(c, setting, e, why);
		for (int j = 0; j < i; j++)
			if (strcasecmp(s->stage[j], s->stage[i]) == 0)
				return refuse(c, setting, e, "has the name of another stage");
		(void)stage_names_add(&s->stages, s->stage[i]);
	}
	return true;
}

static bool
check_base_url(struct settings *s, struct config *c, struct err *e)
{
	size_t len = strlen(s->base_url);

	if (len == 0)
		return true;
	if (!text_starts(s->base_url, "https://") && !text_starts(s->base_url, "http://"))
		return refuse(c, "base_url", e, "must begin with https:// or http://");
	if (strpbrk(s->base_url, " \"<>?#"))
		return refuse(c, "base_url", e, "has a character that no base address has");
	while (len > 0 && s->base_url[len - 1] == '/')
		len--;
	if (s->base_url[len])
		s->base_url = arena_dup(&c->arena, s->base_url, len);
	return true;
}

static bool
check_listen(const struct settings *s, const struct config *c, struct err *e)
{
	const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	const char *address, *colon;
	int64_t port;

	if (!*s->listen)
		return true;
	if (text_starts(s->listen, "unix:")) {
		address = s->listen + strlen("unix:");
		if (*address != '/')
			return refuse(c, "listen", e, "needs a path from the root: unix:/run/…");
		if (strlen(address) > most)
			return refuse(c, "listen", e, "has a socket's path of over 107 bytes");
		return true;
	}
	if (!text_starts(s->listen, "tcp:") && !text_starts(s->listen, "tcp-open:"))
		return refuse(c, "listen", e, "is not unix:PATH or tcp:ADDRESS:PORT");
	address = strchr(s->listen, ':') + 1;
	colon = strrchr(address, ':');
	if (!colon || colon == address ||
	    !text_to_int(colon + 1, strlen(colon + 1), 1, 65535, &port))
		return refuse(c, "listen", e, "is not tcp:ADDRESS:PORT");
	return true;
}

static bool
check_stores(const struct settings *s, const struct config *c, struct err *e)
{
	struct err cause = ERR_INIT;

	if (!pg_check_conninfo(s->postgres, &cause))
		return refuse(c, "postgres", e, cause.why);
	if (!redis_check_address(s->redis, &cause)) {
		char why[sizeof(cause.why) + 16];

		snprintf(why, sizeof(why), "is no address: %s", cause.why);
		return refuse(c, "redis", e, why);
	}
	return true;
}

/* A path, for nobody knows which folders are looked through where the tracker runs. */
static bool
check_event(const struct settings *s, const struct config *c, struct err *e)
{
	int words = 0;

	if (!*s->on_event)
		return true;
	if (*s->on_event != '/')
		return refuse(c, "on_event", e, "needs a path from the root: /usr/local/bin/…");
	for (const char *at = s->on_event; *at; at++)
		words += *at != ' ' && (at[1] == ' ' || !at[1]);
	if (words > SETTINGS_EVENT_WORDS)
		return refuse(c, "on_event", e, "has over 32 words");
	return true;
}

static bool
check_word(const struct config *c, const char *setting, const char *word, const char *one,
    const char *other, struct err *e)
{
	char why[64];

	if (strcmp(word, one) == 0 || strcmp(word, other) == 0)
		return true;
	snprintf(why, sizeof(why), "is %s or %s", one, other);
	return refuse(c, setting, e, why);
}

static bool
check_whole(struct settings *s, struct config *c, struct err *e)
{
	if (s->retry_backoff_max_s < s->retry_backoff_s)
		return refuse(c, "retry_backoff_max", e, "is less than retry_backoff");
	return check_word(c, "join", s->join, "open", "key", e) &&
	    check_word(c, "signup", s->signup, "open", "closed", e) && check_stages(s, c, e) &&
	    check_base_url(s, c, e) && check_listen(s, c, e) && check_stores(s, c, e) &&
	    check_event(s, c, e);
}

int64_t
settings_stale_s(const struct settings *s)
{
	int64_t stale_s = s->idle_timeout_s / 4;

	return stale_s < 120 ? 120 : stale_s;
}

bool
settings_load(
    struct settings *s, struct config *c, const struct settings_input *input, struct err *e)
{
	const char *file = input->config_file ? input->config_file : SETTINGS_FILE;

	*s = (struct settings){0};
	if (!config_init(c, settings_items, s, e) || !config_file(c, file, input->config_file, e) ||
	    !config_env(c, e))
		return false;
	for (int i = 0; i < input->n_flags; i++) {
		char *flag = flag_of(input->flags[i].name);
		const char *origin = arena_printf(&c->arena, "--%s", flag);

		free(flag);
		if (!config_set(c, input->flags[i].name, input->flags[i].value, origin, e))
			return false;
	}
	return check_whole(s, c, e);
}
