/*
 * distcompute-worker -- makes a worker of any program.
 *
 * Options and the loop. What it does is in worker_desk (jobs in hand), worker_run (one run of the
 * command), worker_sync and worker_v1 (the two protocols), worker_late and worker_spool (results
 * that outlive an outage).
 */
#include "worker/worker.h"

#include <argp.h>
#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "worker/late.h"
#include "worker/say.h"
#include "worker/sync.h"
#include "worker/v1.h"

#define DELIVER_US 15000000    /* at the end: for the last results */
#define DELIVER_NOW_US 5000000 /* the same, in a hurry */
#define FAREWELL_US 3000000    /* for a bye alone */

/* ---- options ---------------------------------------------------------------------------------- */

const char *argp_program_version = "distcompute-worker 1.0.0";

static const char doc[] =
    "Runs COMMAND once for each job that the tracker hands out.\n"
    "\n"
    "COMMAND reads the job's data on standard input and writes the result to standard output. "
    "Exit 0 completes the job, 65 says that its input is bad, anything else fails the attempt; the "
    "last line of standard error is the reason. Each line written to descriptor 3 becomes the "
    "progress that the tracker's pages show."
    "\v"
    "COMMAND finds in its environment: JOB_NUMBER, JOB_STAGE, JOB_ATTEMPT, JOB_LEASE, JOB_FORMAT "
    "(text or json: what its input is), WORKER_NAME, WORKER_SLOT (1 to N), WORKER_URL.\n"
    "\n"
    "The first Ctrl-C finishes the jobs in hand and says goodbye; the second gives them back at "
    "once. SIGTERM does the first, and the second after --grace seconds.\n"
    "\n"
    "Examples:\n"
    "  distcompute-worker --url https://tracker.example --stage a -- ./process.sh\n"
    "  distcompute-worker --url https://tracker.example --stage b --jobs 16 \\\n"
    "      --nickname \"Cluster 2\" --json -- python3 score.py --fast\n"
    "  distcompute-worker --url https://localhost:8443 --cacert cert.pem \\\n"
    "      --exit-when-idle 10 -- sh -c 'tr a-z A-Z; echo \"50%\" >&3'\n"
    "\n"
    "What it says to the tracker can be said by hand; /static/openapi.json there has it all:\n"
    "  curl \"https://tracker.example/api/new?stage=a&nickname=Ada\"\n"
    "  curl https://tracker.example/api/sync -d '{\"token\": \"...\", \"want\": 2}'\n"
    "\n"
    "Exit status: 0, 64 misuse, 69 the command or the tracker's certificate cannot be used, 75 "
    "results are left in the spool (the next run delivers them), 78 the tracker refused.";

enum option_key {
	OPT_CACERT = 256,
	OPT_INSECURE,
	OPT_SPOOL,
	OPT_MAX_RESULT,
	OPT_MAX_JOBS,
	OPT_EXIT_IDLE,
	OPT_UNTIL_DONE,
	OPT_TIMEOUT,
	OPT_WAIT,
	OPT_GRACE,
	OPT_CHOMP,
	OPT_V1,
	OPT_NO_PREFETCH
};

static const struct argp_option options[] = {
    {"url", 'u', "URL", 0, "the tracker's address, https://...", 1},
    {"stage", 's', "LETTER", 0, "a to e: the stage to work in (default a)", 1},
    {"nickname", 'n', "NAME", 0, "who gets the credit (default anonymous)", 1},
    {"jobs", 'j', "N", 0, "jobs side by side (default 1)", 1},
    {"json", 'J', NULL, 0, "results are JSON; one that is not fails its attempt", 2},
    {"chomp", OPT_CHOMP, NULL, 0, "drop the line end at the end of a text result", 2},
    {"max-result", OPT_MAX_RESULT, "SIZE", 0, "longest result (default 16M); a longer one fails",
	2},
    {"timeout", OPT_TIMEOUT, "SECONDS", 0, "stop a run after this long, and fail it", 2},
    {"cacert", OPT_CACERT, "FILE", 0, "authorities to trust, PEM (default: the system's)", 3},
    {"insecure", OPT_INSECURE, NULL, 0, "take any certificate", 3},
    {"spool", OPT_SPOOL, "DIR", 0,
	"where results wait that could not be delivered (default: distcompute-worker in "
	"$XDG_STATE_HOME or ~/.local/state)",
	3},
    {"wait", OPT_WAIT, "SECONDS", 0, "longest wait at the tracker for work, 0 to 60 (default 30)",
	3},
    {"no-prefetch", OPT_NO_PREFETCH, NULL, 0, "never take a job ahead, however short runs are", 3},
    {"v1", OPT_V1, NULL, 0, "speak the older job API, one worker a slot", 3},
    {"max-jobs", OPT_MAX_JOBS, "N", 0, "stop after N jobs", 4},
    {"exit-when-idle", OPT_EXIT_IDLE, "SECONDS", 0, "stop when there was no job for so long", 4},
    {"until-done", OPT_UNTIL_DONE, NULL, 0, "stop when the tracker says that the stage is finished",
	4},
    {"grace", OPT_GRACE, "SECONDS", 0, "from SIGTERM to giving jobs back (default 60)", 4},
    {"quiet", 'q', NULL, 0, "say nothing but warnings; keep the command's standard error", 5},
    {"verbose", 'v', NULL, 0, "tell every step", 5}, {0}};

static int64_t
number(struct argp_state *state, const char *name, const char *text, int64_t min, int64_t max)
{
	int64_t n = 0;

	if (!text_to_int(text, strlen(text), min, max, &n))
		argp_error(state, "--%s wants a number from %" PRId64 " to %" PRId64 ", not '%s'",
		    name, min, max, text);
	return n;
}

static int64_t
bytes(struct argp_state *state, const char *name, const char *text)
{
	int64_t n = 0;

	if (!text_to_bytes(text, strlen(text), &n) || n < 1 || n > (int64_t)1 << 30)
		argp_error(state, "--%s wants a size such as 500K or 16M, not '%s'", name, text);
	return n;
}

static void
take_stage(struct argp_state *state, struct worker_options *o, const char *text)
{
	o->stage[0] = (char)tolower((unsigned char)text[0]);
	if (text[0] == '\0' || text[1] != '\0' || o->stage[0] < 'a' || o->stage[0] > 'e')
		argp_error(state, "--stage wants a letter from a to e, not '%s'", text);
}

static void
take_url(struct argp_state *state, struct worker_options *o, char *text)
{
	size_t len = strlen(text);

	while (len > 0 && text[len - 1] == '/')
		text[--len] = '\0';
	if (!text_starts(text, "https://") && !text_starts(text, "http://"))
		argp_error(state, "--url wants https://HOST, not '%s'", text);
	o->url = text;
}

static void
take_nickname(struct argp_state *state, struct worker_options *o, const char *text)
{
	size_t len = strlen(text);

	if (!text_is_utf8(text, len) || text_has_control(text, len) || len == 0 ||
	    text_chars(text, len) > 128)
		argp_error(state, "--nickname wants 1 to 128 characters of UTF-8");
	o->nickname = text;
}

static error_t
take_limit(int key, char *arg, struct argp_state *state, struct worker_options *o)
{
	switch (key) {
	case OPT_MAX_RESULT:
		o->desk.max_result = bytes(state, "max-result", arg);
		break;
	case OPT_TIMEOUT:
		o->desk.timeout_s = number(state, "timeout", arg, 1, 31536000);
		break;
	case OPT_WAIT:
		o->wait_s = number(state, "wait", arg, 0, 60);
		break;
	case OPT_MAX_JOBS:
		o->desk.max_jobs = number(state, "max-jobs", arg, 1, INT32_MAX);
		break;
	case OPT_EXIT_IDLE:
		o->exit_idle_s = number(state, "exit-when-idle", arg, 1, 31536000);
		break;
	case OPT_GRACE:
		o->grace_s = number(state, "grace", arg, 0, 31536000);
		break;
	case 'j':
		o->desk.slots = (int)number(state, "jobs", arg, 1, DESK_SLOTS_MAX);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t
take_switch(int key, struct worker_options *o)
{
	switch (key) {
	case 'J':
		o->desk.json = true;
		break;
	case OPT_CHOMP:
		o->desk.chomp = true;
		break;
	case OPT_INSECURE:
		o->http.insecure = true;
		break;
	case OPT_NO_PREFETCH:
		o->desk.prefetch = false;
		break;
	case OPT_V1:
		o->v1 = true;
		break;
	case OPT_UNTIL_DONE:
		o->until_done = true;
		break;
	case 'q':
		o->desk.quiet = true;
		say_open(SAY_WARN);
		break;
	case 'v':
		say_open(SAY_DEBUG);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void
check_end(struct argp_state *state, const struct worker_options *o)
{
	if (!o->url)
		argp_error(state, "--url is missing");
	if (!o->desk.command)
		argp_error(state, "no command: give it after --");
}

static error_t
parse_option(int key, char *arg, struct argp_state *state)
{
	struct worker_options *o = state->input;

	switch (key) {
	case 'u':
		take_url(state, o, arg);
		return 0;
	case 's':
		take_stage(state, o, arg);
		return 0;
	case 'n':
		take_nickname(state, o, arg);
		return 0;
	case OPT_CACERT:
		o->http.cacert = arg;
		return 0;
	case OPT_SPOOL:
		o->spool_dir = arg;
		return 0;
	case ARGP_KEY_ARGS:
		o->desk.command = state->argv + state->next;
		return 0;
	case ARGP_KEY_END:
		check_end(state, o);
		return 0;
	}
	return take_switch(key, o) == 0 ? 0 : take_limit(key, arg, state, o);
}

static const struct argp argp = {
    options, parse_option, "-- COMMAND [ARGUMENT...]", doc, NULL, NULL, NULL};

static void
read_options(struct worker_options *o, int argc, char **argv)
{
	*o = (struct worker_options){.nickname = "anonymous",
	    .stage = "a",
	    .wait_s = 30,
	    .grace_s = 60,
	    .desk = {.slots = 1, .max_result = 16 << 20, .prefetch = true}};
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, o);
	o->http.url = o->desk.url = o->url;
	o->desk.prefetch = o->desk.prefetch && !o->v1;
}

/* ---- stopping --------------------------------------------------------------------------------- */

void
worker_stop(struct worker *w, enum stopping how)
{
	int64_t now_us = clock_us();

	if (how <= w->stopping)
		return;
	w->stopping = how;
	w->give_up_us = 0;
	if (how == STOP_NOW)
		desk_give_back(&w->desk);
	else
		desk_close(&w->desk);
	/* A last try now, whatever the back-off says. */
	if (backoff_holds(&w->backoff, now_us))
		w->backoff.until_us = now_us;
}

void
worker_fail(struct worker *w, int exit_code)
{
	w->exit_code = exit_code;
	worker_stop(w, STOP_AFTER_JOBS);
	if (!w->desk.items)
		w->finished = true;
}

static void
on_interrupt(struct worker *w)
{
	if (w->stopping == STOP_NOT) {
		say(SAY_INFO,
		    "stopping: %d jobs in hand will be finished; Ctrl-C again gives them back",
		    w->desk.running);
		worker_stop(w, STOP_AFTER_JOBS);
	} else if (w->stopping == STOP_AFTER_JOBS) {
		say(SAY_INFO, "giving everything back");
		worker_stop(w, STOP_NOW);
	} else {
		w->give_up_us = 1;
	}
}

static void
on_terminate(struct worker *w)
{
	say(SAY_INFO, "stopping: %d jobs in hand have %" PRId64 " s", w->desk.running,
	    w->o.grace_s);
	w->give_back_us = clock_us() + w->o.grace_s * 1000000;
	worker_stop(w, STOP_AFTER_JOBS);
}

static void
on_signal(struct watch *watch)
{
	struct worker *w = watch->owner;
	struct signalfd_siginfo info;

	while (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGINT)
			on_interrupt(w);
		else
			on_terminate(w);
	}
}

/* Nobody takes the last results: they stay on disk for the next run. */
static void
give_up(struct worker *w)
{
	int left = 0;

	for (struct item *i = w->desk.items; i; i = i->next) {
		if (i->state != ITEM_ENDED || i->outcome != OUT_DONE)
			continue;
		if (!i->spool_file)
			spool_keep(&w->spool, i);
		if (!i->spool_file)
			say(SAY_ERROR, "job %" PRId64 ": its result is lost", i->job);
		left++;
	}
	if (left > 0) {
		say(SAY_WARN, "%d results wait in %s; the next run delivers them", left,
		    w->spool.dir);
		w->exit_code = EX_TEMPFAIL;
	}
	w->finished = true;
}

static int64_t
patience_us(const struct worker *w)
{
	if (!w->desk.items)
		return FAREWELL_US;
	return w->stopping == STOP_NOW ? DELIVER_NOW_US : DELIVER_US;
}

static void
check_reasons_to_stop(struct worker *w, int64_t now_us)
{
	const struct desk *d = &w->desk;

	if (d->no_command && w->stopping == STOP_NOT)
		worker_fail(w, EX_UNAVAILABLE);
	if (d->o.max_jobs > 0 && d->begun >= d->o.max_jobs)
		worker_stop(w, STOP_AFTER_JOBS);
	if (w->o.exit_idle_s > 0 && d->idle_since_us > 0 &&
	    now_us >= d->idle_since_us + w->o.exit_idle_s * 1000000)
		worker_stop(w, STOP_AFTER_JOBS);
	if (w->stopping == STOP_AFTER_JOBS && w->give_back_us > 0 && now_us >= w->give_back_us)
		worker_stop(w, STOP_NOW);
}

/* Returns when to look again. */
static int64_t
stop_tick(struct worker *w, int64_t now_us)
{
	check_reasons_to_stop(w, now_us);
	if (w->stopping == STOP_NOT)
		return w->o.exit_idle_s > 0 && w->desk.idle_since_us > 0
		    ? w->desk.idle_since_us + w->o.exit_idle_s * 1000000
		    : INT64_MAX;
	if (w->desk.running > 0)
		return w->give_back_us > 0 ? w->give_back_us : INT64_MAX;
	if (w->give_up_us == 0)
		w->give_up_us = now_us + patience_us(w);
	if (now_us >= w->give_up_us && !w->finished)
		give_up(w);
	return w->give_up_us;
}

/* ---- the loop --------------------------------------------------------------------------------- */

static int64_t
protocol_tick(struct worker *w, int64_t now_us)
{
	if (w->sync && sync_is_unknown(w->sync)) {
		say(SAY_INFO,
		    "this tracker has no /api/sync: going on with the older job API, "
		    "%d workers of one slot",
		    w->o.desk.slots);
		sync_free(w->sync);
		w->sync = NULL;
		w->desk.o.prefetch = false;
		w->v1 = v1_new(w);
	}
	return w->sync ? sync_tick(w->sync, now_us) : v1_tick(w->v1, now_us);
}

static void
run(struct worker *w)
{
	while (!w->finished || (!late_is_idle(w->late) && clock_us() < w->give_up_us)) {
		int64_t now_us = clock_us();
		int64_t next_us = sooner(desk_tick(&w->desk, now_us), stop_tick(w, now_us));

		if (!w->finished)
			next_us = sooner(next_us, protocol_tick(w, now_us));
		next_us = sooner(next_us, late_tick(w->late, now_us));
		now_us = clock_us();
		next_us = sooner(next_us, now_us + 60000000);
		http_wait(
		    w->http, w->loop.fd, next_us > now_us ? (next_us - now_us + 999) / 1000 : 0);
		loop_run(&w->loop);
	}
}

/* ---- start ------------------------------------------------------------------------------------ */

static bool
watch_signals(struct worker *w, struct watch *watch, struct err *e)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_BUG, NULL, "signalfd failed");
	*watch = (struct watch){.ready = on_signal, .owner = w};
	return loop_watch(&w->loop, watch, fd, false, e);
}

static struct identity *
identity_of(const char *token, void *ctx)
{
	return worker_identity(ctx, token);
}

static void
take_spooled(struct item *i, void *ctx)
{
	struct worker *w = ctx;

	say(SAY_INFO, "job %" PRId64 ": a result of an earlier run waits in the spool", i->job);
	desk_add(&w->desk, i);
}

static bool
start(struct worker *w, struct watch *signals, struct err *e)
{
	w->loop.fd = -1;
	random_open();
	if (!spool_open(&w->spool, w->o.spool_dir, w->o.url, e) || !loop_open(&w->loop, e) ||
	    !watch_signals(w, signals, e))
		return false;
	w->http = http_open(&w->o.http, e);
	if (!w->http)
		return false;
	desk_init(&w->desk, &w->o.desk, &w->loop, &w->spool);
	w->late = late_new(w);
	if (w->o.v1)
		w->v1 = v1_new(w);
	else
		w->sync = sync_new(w);
	spool_read(&w->spool, identity_of, take_spooled, w);
	return true;
}

static void
finish(struct worker *w)
{
	late_free(w->late);
	sync_free(w->sync);
	v1_free(w->v1);
	desk_fini(&w->desk);
	http_close(w->http);
	loop_fini(&w->loop);
	spool_fini(&w->spool);
	while (w->identities) {
		struct identity *who = w->identities;

		w->identities = who->next;
		free(who->token);
		free(who);
	}
}

int
main(int argc, char **argv)
{
	struct worker w = {.exit_code = EX_OK};
	struct watch signals = WATCH_NONE;
	struct err e = ERR_INIT;

	read_options(&w.o, argc, argv);
	if (!start(&w, &signals, &e)) {
		say(SAY_ERROR, "%s", e.why);
		return EX_CONFIG;
	}
	run(&w);
	say(SAY_INFO, "goodbye: %" PRId64 " jobs done, %" PRId64 " failed", w.desk.done,
	    w.desk.failed);
	loop_close(&w.loop, &signals);
	finish(&w);
	return w.exit_code;
}
