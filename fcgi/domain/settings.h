/*
 * settings -- what an operator can set: one table.
 *
 * --help, the sample file, --print-config and the table of bin/doc/settings.md are all printed from settings_items.
 *
 * Ownership	text belongs to the struct config that settings_load fills; keep it as long.
 * Errors	ERR_INPUT, `why` with file and line, or the flag or variable.
 */
#ifndef DOMAIN_SETTINGS_H
#define DOMAIN_SETTINGS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"
#include "domain/stages.h"

struct settings {
	const char *project;
	const char *base_url; /* "https://tracker.example", no slash at the end; may be "" */
	const char *listen;   /* "unix:PATH", "tcp:ADDR:PORT", "tcp-open:…", "" = inherited */
	const char *stage[STAGES_MAX]; /* proposed; "" = disabled; stage[0] is A */
	const char *postgres;          /* libpq conninfo or URI */
	const char *redis;             /* "" = none */
	int64_t idle_timeout_s;
	int64_t keep_addresses_s;
	int64_t purge_after_s;             /* 0 = never */
	int64_t v1_patience_s;             /* 0 = none */
	int64_t job_timeout_s[STAGES_MAX]; /* 0 = off */
	int64_t flag_limit;
	int64_t max_attempts;
	int64_t in_hand_most;
	int64_t newcomers_most; /* of one address */
	bool pause_on_failures;
	int64_t retry_backoff_s, retry_backoff_max_s;
	int64_t eta_interval_s, eta_samples;
	int64_t page_cache_s;
	int64_t body_limit;   /* bytes */
	int64_t answer_limit; /* bytes of data that one claim is answered with */
	int64_t processes, acceptors;
	int64_t parked_limit; /* calls, of the whole pool */
	const char *about;    /* of /join; may be "" */
	const char *signup;   /* "open" or "closed" */
	const char *join;     /* "open" or "key": see settings_must_key */
	const char *reserved; /* names, commas between them */
	const char *sql_dir, *templates_dir;
	bool public_data;
	const char *on_event; /* "/path/program word ..."; "" = none */
	const char *banner;   /* plain text on every page; "" = none */
	const char *user;     /* run as, when started as root; "" = stay */
	/* derived: the names above, until the database was asked, whose own count (schema.h) */
	struct stage_names stages;
};

#define SETTINGS_EVENT_WORDS 32 /* of on_event, at most */

extern const struct config_item settings_items[];

/* Nobody registers without a key. */
static inline bool
settings_must_key(const struct settings *s)
{
	return s->join[0] == 'k';
}

/* For how long a rule may hold up a call of v1 before it is closed: seconds, also where newJob itself does not wait. */
static inline int64_t
settings_rule_patience_s(const struct settings *s)
{
	return s->v1_patience_s > 0 ? s->v1_patience_s : 50;
}

/* Where settings are looked for when nobody says. */
#define SETTINGS_FILE SYSCONFDIR "/distcompute-tracker/tracker.ini"

/*
 * For a program's argp: put `settings_argp` among its children and let the parser, at ARGP_KEY_INIT,
 * set state->child_inputs[i] to a struct settings_input ({0} at first). It takes --config FILE and a flag for every setting; values are applied by
 * settings_load in the order default, file, environment, flags, whatever the flags' order.
 */
struct settings_input {
	const char *config_file; /* --config; NULL = the default path, which may be missing */
	struct {
		const char *name, *value;
	} flags[64];
	int n_flags;
};
extern const struct argp settings_argp;
/* They take the same, but --help lists what programs need to be told, or none of it. */
extern const struct argp settings_argp_few, settings_argp_hidden;
#define SETTINGS_FEW_HEADER                                                                        \
	"Settings, which go before the file and the environment (all of them: "                    \
	"`distcompute-admin settings --sample'):"

/* A worker is stale when silent for a quarter of idle_timeout, two minutes at least. Seconds. */
int64_t settings_stale_s(const struct settings *s);

/* May a stage be called so? *why: what it does wrong, to stand behind its name; static. */
bool settings_is_stage_name(const char *name, const char **why);

/*
 * Reads everything and checks it as a whole (stage rules, addresses). It begins with config_init;
 * config_fini is the caller's whatever the answer.
 */
bool settings_load(
    struct settings *s, struct config *c, const struct settings_input *input, struct err *e);

#endif
