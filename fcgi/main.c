/* distcompute-tracker: options, settings, the database's leave, the socket, the pool. */
#include <argp.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <config.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/standard.h"
#include "domain/schema.h"
#include "domain/settings.h"
#include "run/listen.h"
#include "run/pool.h"
#include "store/pg.h"
#include "web/template.h"

#define DATABASE_WAIT_S 30 /* at a boot PostgreSQL may come up after us */
#define RELOAD_PATIENCE_MS                                                                         \
	5000 /* the old processes are at work, but their master does not see to them */

enum { KEY_CHECK = 0x2000, KEY_PRINT, KEY_VERBOSE = 'v' };

const char *argp_program_version = "distcompute-tracker " PACKAGE_VERSION;

struct start {
	struct settings_input input;
	bool check, print;
};

static struct start start; /* as the command line said it: SIGHUP reads the settings anew with it */

static error_t
parse(int key, char *arg, struct argp_state *state)
{
	struct start *s = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &s->input;
		return 0;
	case KEY_CHECK:
		s->check = true;
		return 0;
	case KEY_PRINT:
		s->print = true;
		return 0;
	case KEY_VERBOSE:
		log_open(LOG_DEBUG_);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument: %s", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void
parse_options(int argc, char **argv)
{
	static const struct argp_option options[] = {
	    {"check-config", KEY_CHECK, NULL, 0, "Check the settings and templates, and end", 0},
	    {"print-config", KEY_PRINT, NULL, 0,
		"Print the settings as they are used, secrets masked, and end", 0},
	    {"verbose", KEY_VERBOSE, NULL, 0, "Log more", 0}, {0}};
	static const struct argp_child children[] = {{&settings_argp, 0, "Settings:", 1}, {0}};
	static const struct argp argp = {options, parse, NULL,
	    "Hands out jobs to workers over FastCGI, behind nginx.\v"
	    "SIGHUP reads the settings again and replaces the processes one by one; SIGTERM drains "
	    "and ends.",
	    children, NULL, NULL};

	argp_err_exit_status = EX_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &start);
}

static void
complain(const struct err *e)
{
	fprintf(stderr, "distcompute-tracker: %s\n", e->why);
}

/* Settings live as long as the processes that were forked with them: for ever. */
struct loaded {
	struct settings settings;
	struct config config;
	struct loaded *before;
};
static struct loaded *loaded;

static struct settings *
load_settings(bool print)
{
	struct loaded *new = calloc(1, sizeof(*new));
	struct err e = ERR_INIT;

	if (!new)
		abort();
	new->before = loaded;
	loaded = new;
	if (!settings_load(&new->settings, &new->config, &start.input, &e)) {
		complain(&e);
		return NULL;
	}
	if (print)
		config_print(&new->config, stdout, true);
	return &new->settings;
}

static struct stage_names known; /* what the database said last */

/* The database's stages count; that the settings name others is told. */
static bool
ask_stages(struct pg *pg, struct settings *settings, struct err *e)
{
	const struct stage_names proposed = settings->stages;
	char ours[512], theirs[512];

	if (!schema_propose_stages(pg, settings, &settings->stages, e))
		return false;
	known = settings->stages;
	if (!stage_names_same(&proposed, &known))
		log_event(LOG_WARN_, "stages_differ",
		    "settings=[%s] database=[%s] those of the database count; to change them: "
		    "distcompute-admin stages",
		    stage_names_text(ours, sizeof(ours), &proposed),
		    stage_names_text(theirs, sizeof(theirs), &known));
	return true;
}

static bool
ask_once(struct pg *pg, struct settings *settings, char id[SCHEMA_PROJECT_ID], struct err *e)
{
	return schema_check(pg, settings, e) && ask_stages(pg, settings, e) &&
	    schema_settle_policy(pg, settings, e) && schema_project_id(pg, id, e);
}

/* The project's id, once the schema is the one that this program was built for. */
static bool
ask_database(struct settings *settings, char id[SCHEMA_PROJECT_ID], struct err *e)
{
	struct pg *pg = pg_new(settings->postgres, "tracker start", NULL);
	int64_t until = clock_us() + DATABASE_WAIT_S * INT64_C(1000000);
	bool good;

	while (!(good = ask_once(pg, settings, id, e)) && pg_is_away(e) && clock_us() < until) {
		static _Atomic(long) last;

		if (log_due(&last, 5))
			log_err(LOG_WARN_, "waiting_for_postgres", e);
		err_clear(e);
		clock_sleep_ms(200);
	}
	pg_free(pg);
	return good;
}

/* What would keep a tracker from starting refuses a reload too; a PostgreSQL that is away does not. */
static const struct settings *
reload_settings(void)
{
	struct settings *settings = load_settings(false);
	char id[SCHEMA_PROJECT_ID];
	struct err e = ERR_INIT;
	struct pg *pg;
	bool good;

	if (!settings)
		return NULL;
	pg = pg_new(settings->postgres, "tracker reload", NULL);
	pg_set_patience(pg, RELOAD_PATIENCE_MS);
	good = ask_once(pg, settings, id, &e) || pg_is_away(&e);
	pg_free(pg);
	if (pg_is_away(&e))
		settings->stages = known;
	if (!good)
		complain(&e);
	return good ? settings : NULL;
}

/* Each parked call is a descriptor; the usual soft limit is 1,024, for programs that use select. */
static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool
become_user(const char *user, struct err *e)
{
	const struct passwd *who;

	if (*user == '\0' || getuid() != 0)
		return true;
	who = getpwnam(user);
	if (!who)
		return err_set(e, ERR_INPUT, NULL, "user: there is no user '%s'", user);
	if (initgroups(user, who->pw_gid) != 0 || setgid(who->pw_gid) != 0 ||
	    setuid(who->pw_uid) != 0)
		return err_set(e, ERR_INPUT, NULL, "user: cannot become '%s'", user);
	return true;
}

static int
exit_status_of(const struct err *e)
{
	return pg_is_away(e) ? EX_TEMPFAIL : EX_CONFIG;
}

static int
check_only(const struct settings *settings)
{
	struct err e = ERR_INIT;

	if (start.check && !templates_load(settings->templates_dir, &e)) {
		complain(&e);
		return EX_CONFIG;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static char project_id[SCHEMA_PROJECT_ID];
	struct pool pool = {.project_id = project_id, .reload = reload_settings};
	struct settings *settings;
	struct err e = ERR_INIT;
	int status;

	standard_open();
	/* Habits of who turns logs over; ours go to standard error. */
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	log_open(LOG_INFO_);
	random_open();
	parse_options(argc, argv);
	settings = load_settings(start.print);
	if (!settings)
		return EX_CONFIG;
	if (start.check || start.print)
		return check_only(settings);
	pool.listen_fd = listen_open(settings->listen, &e);
	if (pool.listen_fd < 0 || !become_user(settings->user, &e) ||
	    !ask_database(settings, project_id, &e)) {
		complain(&e);
		if (pool.listen_fd >= 0)
			listen_forget(settings->listen);
		return exit_status_of(&e);
	}
	pool.settings = settings;
	raise_descriptors();
	pool.shared = shared_new();
	status = pool_run(&pool);
	/* As it was at the start: a reload may name another, which is not ours. */
	listen_forget(settings->listen);
	return status;
}
