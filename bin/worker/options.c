#include "worker/options.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"
#include "base/words.h"
#include "worker/say.h"

#define ANSWER_MAX ((int64_t)128 << 20) /* eight times what our tracker puts into one */

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
    "(json or text: what its input is), WORKER_NAME, WORKER_SLOT (1 to N), WORKER_URL.\n"
    "\n"
    "The first Ctrl-C finishes the jobs in hand and says goodbye; the second gives them back at "
    "once. SIGTERM does the first, and the second after --grace seconds.\n"
    "\n"
    "--config names a file with the same options, a line each (`jobs = 8', `json'), and "
    "`command = ...', which a shell runs; what the command line says wins. The tracker is reached "
    "through $https_proxy where that is set.\n"
    "\n"
    "Examples:\n"
    "  distcompute-worker --url https://tracker.example --stage a -- ./process.sh\n"
    "  distcompute-worker --url https://tracker.example --stage b --jobs 16 \\\n"
    "      --nickname \"Cluster 2\" --json -- python3 score.py --fast\n"
    "  distcompute-worker --url https://localhost:8443 --cacert cert.pem \\\n"
    "      --exit-when-idle 10 -- sh -c 'tr a-z A-Z; echo \"50%\" >&3'\n"
    "\n"
    "A batch may need what not every machine has, such as a gpu: --has says what there is here, "
    "and "
    "such jobs come, too.\n"
    "\n"
    "A name that is somebody's needs its key (--key-file or $DISTCOMPUTE_KEY), which goes to the "
    "tracker by https only.\n"
    "\n"
    "What it says to the tracker can be said by hand; /static/openapi.json there has it all:\n"
    "  curl \"https://tracker.example/api/new?stage=a&nickname=Ada\"\n"
    "  curl https://tracker.example/api/sync -d '{\"token\": \"...\", \"want\": 2}'\n"
    "\n"
    "Exit status: 0, 64 misuse, 69 the command or the tracker's certificate cannot be used, or the "
    "tracker was never reached or not at the end, 75 results are left in the spool (the next run "
    "delivers them), 78 the tracker refused.";

enum option_key {
	OPT_CACERT = 256,
	OPT_INSECURE,
	OPT_SPOOL,
	OPT_MAX_RESULT,
	OPT_MAX_INPUT,
	OPT_MAX_MEMORY,
	OPT_MAX_JOBS,
	OPT_NICE,
	OPT_EXIT_IDLE,
	OPT_UNTIL_DONE,
	OPT_TIMEOUT,
	OPT_WAIT,
	OPT_GRACE,
	OPT_CHOMP,
	OPT_V1,
	OPT_NO_PREFETCH,
	OPT_CONFIG,
	OPT_KEY_FILE,
	OPT_HAS,
	OPT_LABEL
};

static const struct argp_option options[] = {
    {"url", 'u', "URL", 0, "The tracker's address, https://...", 1},
    {"stage", 's', "STAGE", 0, "The stage to work in: a to e, or its name (default a)", 1},
    {"nickname", 'n', "NAME", 0, "Who gets the credit (default anonymous)", 1},
    {"key-file", OPT_KEY_FILE, "FILE", 0,
	"Where the key of the nickname is (default: $DISTCOMPUTE_KEY, the key itself)", 1},
    {"has", OPT_HAS, "WORDS", 0,
	"What this machine has, for batches that need it: words, commas between (gpu,ram32)", 1},
    {"label", OPT_LABEL, "TEXT", 0,
	"What runs here, for the operator's lists: \"warc2tar 1.4\" (default "
	"distcompute-worker/1.0)",
	1},
    {"jobs", 'j', "N", 0, "Jobs side by side (default 1)", 1},
    {"config", OPT_CONFIG, "FILE", 0, "Read options from FILE first", 1},
    {"json", 'J', NULL, 0, "Results are JSON; one that is not fails its attempt", 2},
    {"chomp", OPT_CHOMP, NULL, 0, "Drop the line end at the end of a text result", 2},
    {"max-result", OPT_MAX_RESULT, "SIZE", 0, "Longest result (default 16M); a longer one fails",
	2},
    {"timeout", OPT_TIMEOUT, "SECONDS", 0, "Stop a run after this long, and fail it", 2},
    {"nice", OPT_NICE, "N", 0, "Run the command at this lower priority, 0 to 19", 2},
    {"max-memory", OPT_MAX_MEMORY, "SIZE", 0,
	"Most memory for data that each process of the command may have", 2},
    {"cacert", OPT_CACERT, "FILE", 0, "Authorities to trust, PEM (default: the system's)", 3},
    {"insecure", OPT_INSECURE, NULL, 0, "Take any certificate", 3},
    {"spool", OPT_SPOOL, "DIR", 0,
	"Where results wait that could not be delivered (default: distcompute-worker in "
	"$XDG_STATE_HOME or ~/.local/state)",
	3},
    {"wait", OPT_WAIT, "SECONDS", 0, "Longest wait at the tracker for work, 0 to 60 (default 30)",
	3},
    {"max-input", OPT_MAX_INPUT, "SIZE", 0,
	"Longest answer that is taken from the tracker (default 128M)", 3},
    {"no-prefetch", OPT_NO_PREFETCH, NULL, 0, "Never take a job ahead, however short runs are", 3},
    {"v1", OPT_V1, NULL, 0, "Speak the older job API, one worker a slot", 3},
    {"max-jobs", OPT_MAX_JOBS, "N", 0, "Stop after N jobs", 4},
    {"exit-when-idle", OPT_EXIT_IDLE, "SECONDS", 0, "Stop when there was no job for so long", 4},
    {"until-done", OPT_UNTIL_DONE, NULL, 0, "Stop when the tracker says that the stage is finished",
	4},
    {"grace", OPT_GRACE, "SECONDS", 0, "From SIGTERM to giving jobs back (default 60)", 4},
    {"quiet", 'q', NULL, 0, "Say nothing but warnings; keep the command's standard error", 5},
    {"verbose", 'v', NULL, 0, "Tell every step", 5}, {0}};

/* Where an option comes from: it says what is wrong, and ends the program. */
struct origin {
	struct argp_state *state; /* the command line; NULL: a file */
	const char *file;
	int line;
};

static void __attribute__((format(printf, 2, 3)))
misuse(const struct origin *from, const char *format, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	if (from->state)
		argp_error(from->state, "%s", why);
	say(SAY_ERROR, "%s:%d: %s", from->file, from->line, why);
	exit(EX_USAGE);
}

/* ---- values ----------------------------------------------------------------------------------- */

static int64_t
number(const struct origin *from, const char *name, const char *text, int64_t min, int64_t max)
{
	int64_t n = 0;

	if (!text_to_int(text, strlen(text), min, max, &n))
		misuse(from, "--%s wants a number from %" PRId64 " to %" PRId64 ", not '%s'", name,
		    min, max, text);
	return n;
}

static int64_t
bytes(const struct origin *from, const char *name, const char *text, int64_t max)
{
	int64_t n = 0;

	if (!text_to_bytes(text, strlen(text), &n) || n < 1 || n > max)
		misuse(from, "--%s wants a size such as 500K or 16M, not '%s'", name, text);
	return n;
}

static const char *
url(const struct origin *from, char *text)
{
	size_t len = strlen(text);

	while (len > 0 && text[len - 1] == '/')
		text[--len] = '\0';
	if (!text_starts(text, "https://") && !text_starts(text, "http://"))
		misuse(from, "--url wants https://HOST, not '%s'", text);
	if (strstr(text, ":dct_"))
		misuse(from, "a key is no part of --url, where others see it: use --key-file");
	return text;
}

static const char *
line(const struct origin *from, const char *name, const char *text, size_t chars)
{
	size_t len = strlen(text);

	if (!text_is_utf8(text, len) || text_has_control(text, len) || len == 0 ||
	    text_chars(text, len) > chars)
		misuse(from, "--%s wants 1 to %zu characters of UTF-8", name, chars);
	return text;
}

/* What the tracker would pass over in silence is told here. */
static const char *
words(struct options *o, const struct origin *from, const char *text)
{
	struct err e = ERR_INIT;

	if (!words_check(text, &e))
		misuse(from, "--has wants words with commas between: %s", e.why);
	return words_tidy(&o->arena, text, strlen(text));
}

/* ---- one option ------------------------------------------------------------------------------- */

static bool
take_limit(struct options *o, int key, const char *arg, const struct origin *from)
{
	switch (key) {
	case OPT_MAX_RESULT:
		o->hand.max_result = bytes(from, "max-result", arg, INT64_C(1) << 30);
		return true;
	case OPT_MAX_INPUT:
		o->max_input = bytes(from, "max-input", arg, INT64_C(1) << 30);
		return true;
	case OPT_MAX_MEMORY:
		o->hand.how.memory = bytes(from, "max-memory", arg, INT64_C(1) << 50);
		return true;
	case OPT_NICE:
		o->hand.how.nice = (int)number(from, "nice", arg, 0, 19);
		return true;
	case OPT_TIMEOUT:
		o->hand.timeout_s = number(from, "timeout", arg, 1, YEAR_S);
		return true;
	case OPT_WAIT:
		o->wait_s = number(from, "wait", arg, 0, 60);
		return true;
	case OPT_MAX_JOBS:
		o->hand.max_jobs = number(from, "max-jobs", arg, 1, INT32_MAX);
		return true;
	case OPT_EXIT_IDLE:
		o->exit_idle_s = number(from, "exit-when-idle", arg, 1, YEAR_S);
		return true;
	case OPT_GRACE:
		o->grace_s = number(from, "grace", arg, 0, YEAR_S);
		return true;
	case 'j':
		o->hand.slots = (int)number(from, "jobs", arg, 1, HAND_SLOTS_MAX);
		return true;
	default:
		return false;
	}
}

/* A key is a word, alone in its file. */
static void
keep_key(
    struct options *o, const char *text, size_t len, const char *where, const struct origin *from)
{
	while (len > 0 && isspace((unsigned char)*text))
		text++, len--;
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)text[i]))
			len = 0;
	if (len == 0 || len >= sizeof(o->key))
		misuse(from, "%s holds no key", where);
	memcpy(o->key, text, len);
	o->key[len] = '\0';
}

static void
read_key(struct options *o, const char *path, const struct origin *from)
{
	char text[2 * KEY_MOST];
	FILE *file = fopen(path, "re");
	size_t len;

	if (!file)
		misuse(from, "%s: %s", path, strerror(errno));
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	keep_key(o, text, len, path, from);
}

/* Taken out of the environment, where the commands would find it, and whoever may look at it. */
static void
take_key_of_environment(struct options *o)
{
	const struct origin from = {.file = "$DISTCOMPUTE_KEY", .line = 1};
	char *key = getenv("DISTCOMPUTE_KEY");

	if (!key)
		return;
	if (*o->key == '\0' && *key)
		keep_key(o, key, strlen(key), "it", &from);
	memset(key, ' ', strlen(key));
	unsetenv("DISTCOMPUTE_KEY");
}

static bool
take_name(struct options *o, int key, char *arg, const struct origin *from)
{
	switch (key) {
	case 'u':
		o->url = url(from, arg);
		return true;
	case 's':
		o->stage = line(from, "stage", arg, 128);
		return true;
	case 'n':
		o->nickname = line(from, "nickname", arg, 128);
		return true;
	case OPT_HAS:
		o->has = words(o, from, line(from, "has", arg, 64 * 33));
		return true;
	case OPT_LABEL:
		o->label = line(from, "label", arg, 64);
		return true;
	case OPT_KEY_FILE:
		read_key(o, arg, from);
		return true;
	case OPT_CACERT:
		o->http.cacert = arg;
		return true;
	case OPT_SPOOL:
		o->spool_dir = arg;
		return true;
	default:
		return false;
	}
}

static bool
take_switch(struct options *o, int key, bool on)
{
	switch (key) {
	case 'J':
		o->hand.json = on;
		return true;
	case OPT_CHOMP:
		o->hand.chomp = on;
		return true;
	case OPT_INSECURE:
		o->http.insecure = on;
		return true;
	case OPT_NO_PREFETCH:
		o->hand.prefetch = !on;
		return true;
	case OPT_V1:
		o->v1 = on;
		return true;
	case OPT_UNTIL_DONE:
		o->until_done = on;
		return true;
	case 'q':
		o->hand.how.quiet = on;
		say_open(on ? SAY_WARN : SAY_INFO);
		return true;
	case 'v':
		say_open(on ? SAY_DEBUG : SAY_INFO);
		return true;
	default:
		return false;
	}
}

/* ---- the settings file ------------------------------------------------------------------------ */

/* Nothing, run by a shell, is a success without a result: every job would be done so. */
static void
take_command(struct options *o, char *text, const struct origin *from)
{
	static char shell[] = "/bin/sh", flag[] = "-c";

	if (*text == '\0' || *text == '#')
		misuse(from, "there is no command in it");
	o->shell[0] = shell;
	o->shell[1] = flag;
	o->shell[2] = text;
	o->hand.command = o->shell;
}

static const struct argp_option *
find_option(const char *name)
{
	for (const struct argp_option *option = options; option->name; option++)
		if (strcmp(option->name, name) == 0 && option->key != OPT_CONFIG)
			return option;
	return NULL;
}

static bool
is_word(const char *text, const char *const words[])
{
	for (; *words; words++)
		if (strcasecmp(text, *words) == 0)
			return true;
	return false;
}

static void
take_line(struct options *o, char *name, char *value, const struct origin *from)
{
	static const char *const yes[] = {"", "yes", "on", "true", "1", NULL};
	static const char *const no[] = {"no", "off", "false", "0", NULL};
	const struct argp_option *option = find_option(name);

	if (strcmp(name, "command") == 0)
		take_command(o, value, from);
	else if (!option)
		misuse(from, "there is no option '%s'", name);
	else if (!option->arg && !is_word(value, yes) && !is_word(value, no))
		misuse(from, "%s wants yes or no, not '%s'", name, value);
	else if (!option->arg)
		take_switch(o, option->key, is_word(value, yes));
	else if (!take_name(o, option->key, value, from))
		take_limit(o, option->key, value, from);
}

static void
read_file(struct options *o, const char *path, struct argp_state *state)
{
	struct origin from = {.file = path};
	FILE *file = fopen(path, "re");
	char *text = NULL, *line, *name, *value;
	size_t room = 0;

	if (!file)
		argp_error(state, "%s: %s", path, strerror(errno));
	while (getline(&text, &room, file) >= 0) {
		from.line++;
		line = text;
		if (from.line == 1 &&
		    text_starts(line, "\xef\xbb\xbf")) /* what some editors begin a file with */
			line += 3;
		name = text_trim(arena_dup(&o->arena, line, strlen(line)));
		if (*name == '\0' || *name == '#' || *name == ';')
			continue;
		value = strchr(name, '=');
		if (value)
			*value++ = '\0';
		take_line(
		    o, text_trim(name), value ? text_trim(value) : name + strlen(name), &from);
	}
	if (ferror(file))
		argp_error(state, "%s: %s", path, strerror(errno));
	free(text);
	fclose(file);
}

/* ---- the command line ------------------------------------------------------------------------- */

static error_t
parse_config(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN; /* the command begins: all of it at once */
	if (key == OPT_CONFIG)
		read_file(state->input, arg, state);
	else if (key == ARGP_KEY_ARGS)
		state->next = state->argc;
	return 0;
}

static void
check_end(struct argp_state *state, const struct options *o)
{
	if (!o->url)
		argp_error(state, "--url is missing");
	if (!o->hand.command)
		argp_error(state, "no command: give it after --");
}

static error_t
parse_option(int key, char *arg, struct argp_state *state)
{
	const struct origin from = {.state = state};
	struct options *o = state->input;

	if (key == OPT_CONFIG)
		return 0;
	if (key == ARGP_KEY_ARGS)
		o->hand.command = state->argv + state->next;
	else if (key == ARGP_KEY_END)
		check_end(state, o);
	else if (!take_name(o, key, arg, &from) && !take_limit(o, key, arg, &from) &&
	    !take_switch(o, key, true))
		return ARGP_ERR_UNKNOWN;
	return 0;
}

void
options_read(struct options *o, int argc, char **argv)
{
	static const char usage[] = "-- COMMAND [ARGUMENT...]";
	static const struct argp config = {options, parse_config, usage, doc, NULL, NULL, NULL};
	static const struct argp all = {options, parse_option, usage, doc, NULL, NULL, NULL};

	*o = (struct options){.nickname = "anonymous",
	    .has = "",
	    .label = "",
	    .stage = "a",
	    .max_input = ANSWER_MAX,
	    .wait_s = 30,
	    .grace_s = 60,
	    .hand = {.slots = 1, .max_result = 16 << 20, .prefetch = true}};
	arena_init(&o->arena);
	argp_parse(&config, argc, argv, ARGP_IN_ORDER, NULL, o);
	argp_parse(&all, argc, argv, ARGP_IN_ORDER, NULL, o);
	take_key_of_environment(o);
	o->http.key = *o->key ? o->key : NULL;
	o->http.url = o->hand.url = o->url;
	o->http.most = 2 * (size_t)o->max_input; /* one that waits and one that reports */
	o->hand.prefetch = o->hand.prefetch && !o->v1;
}

void
options_fini(struct options *o)
{
	arena_fini(&o->arena);
}
