/*
 * distcompute-load -- brings jobs into a tracker: all of them, or none.
 */
#include <argp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/standard.h"
#include "base/text.h"
#include "base/words.h"
#include "config.h"
#include "load/intake.h"
#include "load/source.h"
#include "tool/progress.h"
#include "tool/tool.h"

#define PATIENCE_MS                                                                                \
	(5 * 60 * 1000)   /* --reset waits for readers, a minute at most, and then works */
#define SOURCE_NAME 100   /* characters of a file's name that a batch is called after */
#define NOTE_MOST 200     /* characters, as check_batch_says has it */
#define RATE_MOST 6000000 /* as tracker.gate has it */
#define TELL_EVERY 512    /* jobs between two looks at the clock: under a millisecond of loading */

const char *argp_program_version = "distcompute-load " PACKAGE_VERSION;

struct wish {
	struct tool *tool;
	enum source_form form;
	const char *what; /* path, "-" or pattern; NULL = not said */
	enum intake_mode mode;
	struct intake_batch batch; /* name NULL: made of the source and the time */
	bool yes, quiet, skip_blank, dry_run;
};

/* ---- last words ------------------------------------------------------------------------------- */

#define NOTHING_LOADED                                                                             \
	"Nothing was loaded, and the tracker is as it was: run it again when that is put right.\n"
#define STOPPED "\nStopped. Nothing was loaded, and the tracker is as it was: run it again.\n"
#define IN_DOUBT                                                                                   \
	"This came during the commit: `distcompute-admin status' tells whether the jobs are "      \
	"there.\n"

/* What is said when it ends before its end; NULL = nothing. */
static const char *volatile last_words;

static void
say_last_words(const char *words)
{
	(void)!write(STDERR_FILENO, words, strlen(words));
}

/* The transaction ends with the connection, so there is nothing to undo. */
static void
stop(int signal)
{
	if (last_words)
		say_last_words(strcmp(last_words, IN_DOUBT) == 0 ? IN_DOUBT : STOPPED);
	raise(signal); /* SA_RESETHAND: it ends us now */
}

static void
catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	const struct sigaction act = {
	    .sa_handler = stop, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &act, NULL);
}

/* ---- the command line ------------------------------------------------------------------------ */

enum key {
	KEY_JSON = 1000,
	KEY_JSONL,
	KEY_TXT,
	KEY_BRACE,
	KEY_APPEND,
	KEY_BATCH,
	KEY_PRIORITY,
	KEY_PAUSED,
	KEY_NOTE,
	KEY_NEEDS,
	KEY_RATE,
	KEY_RESET,
	KEY_SKIP,
	KEY_DRY
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Where jobs come from (FILE may be -, for standard input):", 1},
    {"txt", KEY_TXT, "FILE", 0, "A job a line, without the line's end (LF or CRLF); the default",
	0},
    {"jsonl", KEY_JSONL, "FILE", 0, "A JSON string, list or object a line", 0},
    {"json", KEY_JSON, "FILE", 0, "One JSON list of strings, lists and objects", 0},
    {"brace", KEY_BRACE, "PATTERN", 0, "Every word of a pattern, as bash expands braces", 0},
    {"skip-blank", KEY_SKIP, NULL, 0, "Pass over blank lines, which are an error otherwise", 0},
    {NULL, 0, NULL, 0, "When the tracker has jobs already:", 2},
    {"append", KEY_APPEND, NULL, 0, "Add these jobs to them; their numbers go on", 0},
    {"reset", KEY_RESET, NULL, 0, "Delete all jobs first, with their results, counts and credit",
	0},
    {"yes", 'y', NULL, 0, "Do not ask before --reset deletes", 0}, {NULL, 0, NULL, 0, "Other:", 3},
    {"batch", KEY_BATCH, "NAME", 0,
	"What these jobs are called together (default: the source's name and the time)", 0},
    {"priority", KEY_PRIORITY, "N", 0,
	"The turn of this batch: -100 to 100, higher goes first (default 0)", 0},
    {"paused", KEY_PAUSED, NULL, 0,
	"Hand out nothing of this batch until it is resumed by distcompute-admin", 0},
    {"note", KEY_NOTE, "TEXT", 0, "A line for people about this batch", 0},
    {"needs", KEY_NEEDS, "WORDS", 0,
	"What a worker must say that it has to get these jobs: words, commas between (gpu,ram32)",
	0},
    {"rate", KEY_RATE, "N", 0,
	"How many jobs of this batch the first stage hands out a minute (default 0: as many as "
	"are asked for)",
	0},
    {"dry-run", KEY_DRY, NULL, 0, "Read and check everything, and load nothing", 0},
    {"quiet", 'q', NULL, 0, "Say nothing about the progress", 0}, {0}};

static const char doc[] =
    "Bring jobs into a distributed compute tracker: all of them, or none when anything is wrong."
    "\vExamples:\n"
    "  distcompute-load urls.txt\n"
    "  distcompute-load --json more.json --append --batch 'March, second delivery'\n"
    "  distcompute-load --brace 's3://bucket/{00..99}.{tar,zip}'\n"
    "  zcat jobs.jsonl.gz | distcompute-load --jsonl - --reset --yes\n"
    "\n"
    "A job is text (UTF-8 without NUL), or a JSON list or object, which is kept byte for byte as "
    "`<!json!>' and its text; workers get it back as data. A text that itself begins with "
    "`<!json!>' is "
    "taken when a list or an object follows, and refused otherwise. Numbers, true, false and null "
    "are no "
    "jobs. A job may be as long as the setting body_limit.\n"
    "\n"
    "The input is read as a stream, in constant memory. The first thing that is wrong is named "
    "with its "
    "line (in a JSON list: its element and byte), and the tracker stays as it was.\n"
    "\n"
    "--reset works under a running tracker too: its calls wait until the load is done. An export "
    "under way is waited for, for a minute at most.\n"
    "\n"
    "It ends with 0 when done, 1 when not (why is on standard error), 64 when it was asked "
    "wrongly.";

static void
choose_source(struct wish *w, enum source_form form, const char *what, struct argp_state *state)
{
	if (w->what)
		argp_error(state, "one source of jobs at a time");
	w->form = form;
	w->what = what;
}

static void
choose_mode(struct wish *w, enum intake_mode mode, struct argp_state *state)
{
	if (w->mode != INTAKE_FIRST && w->mode != mode)
		argp_error(state, "--append and --reset exclude each other");
	w->mode = mode;
}

static void
choose_batch(struct wish *w, const char *name, struct argp_state *state)
{
	if (!text_is_plain(name, strlen(name)))
		argp_error(
		    state, "--batch: a name is UTF-8, and every character of it can be seen");
	w->batch.name = name;
}

static void
choose_priority(struct wish *w, const char *text, struct argp_state *state)
{
	int64_t n;

	if (!text_to_int(text, strlen(text), -100, 100, &n))
		argp_error(state, "--priority: a number from -100 to 100");
	w->batch.priority = (int)n;
}

/* Before anything is read: what is no word is refused by the database as well. */
static void
choose_needs(struct wish *w, const char *needs, struct argp_state *state)
{
	struct err e = ERR_INIT;

	if (!words_check(needs, &e))
		argp_error(state, "--needs: %s", e.why);
	w->batch.needs = needs;
}

static void
choose_rate(struct wish *w, const char *text, struct argp_state *state)
{
	int64_t n;

	if (!text_to_int(text, strlen(text), 0, RATE_MOST, &n))
		argp_error(state, "--rate: jobs a minute, 0 to %d", RATE_MOST);
	w->batch.rate = (int)n;
}

static void
choose_note(struct wish *w, const char *note, struct argp_state *state)
{
	if (!text_is_plain(note, strlen(note)) || text_chars(note, strlen(note)) > NOTE_MOST)
		argp_error(state, "--note: one line of UTF-8, of at most %d characters", NOTE_MOST);
	w->batch.note = note;
}

static void
default_source(struct wish *w, struct argp_state *state)
{
	if (w->what)
		return;
	if (isatty(STDIN_FILENO))
		argp_error(state, "where are the jobs?");
	w->form = SOURCE_TEXT;
	w->what = "-";
}

static error_t
parse_source(int key, char *arg, struct argp_state *state)
{
	static const enum source_form forms[] = {[KEY_JSON - KEY_JSON] = SOURCE_JSON,
	    [KEY_JSONL - KEY_JSON] = SOURCE_JSON_LINES,
	    [KEY_TXT - KEY_JSON] = SOURCE_TEXT,
	    [KEY_BRACE - KEY_JSON] = SOURCE_BRACE};

	if (key < KEY_JSON || key > KEY_BRACE)
		return ARGP_ERR_UNKNOWN;
	choose_source(state->input, forms[key - KEY_JSON], arg, state);
	return 0;
}

static error_t
parse_option(int key, char *arg, struct argp_state *state)
{
	struct wish *w = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &w->tool->input;
		return 0;
	case ARGP_KEY_ARG:
		return choose_source(w, SOURCE_TEXT, arg, state), 0;
	case ARGP_KEY_END:
		return default_source(w, state), 0;
	case KEY_APPEND:
		return choose_mode(w, INTAKE_APPEND, state), 0;
	case KEY_RESET:
		return choose_mode(w, INTAKE_RESET, state), 0;
	case KEY_BATCH:
		return choose_batch(w, arg, state), 0;
	case KEY_PRIORITY:
		return choose_priority(w, arg, state), 0;
	case KEY_NOTE:
		return choose_note(w, arg, state), 0;
	case KEY_NEEDS:
		return choose_needs(w, arg, state), 0;
	case KEY_RATE:
		return choose_rate(w, arg, state), 0;
	case KEY_PAUSED:
		return w->batch.paused = true, 0;
	case KEY_SKIP:
		return w->skip_blank = true, 0;
	case KEY_DRY:
		return w->dry_run = true, 0;
	case 'y':
		return w->yes = true, 0;
	case 'q':
		return w->quiet = true, 0;
	default:
		return parse_source(key, arg, state);
	}
}

/* ---- reading --------------------------------------------------------------------------------- */

/* How much of the source is read; below 0 when its size is not known. */
static double
share(const struct source *s, uint64_t jobs)
{
	if (s->form == SOURCE_BRACE)
		return (double)jobs / (double)brace_count(&s->brace);
	return s->window.total > 0 ? (double)s->window.taken / (double)s->window.total : -1;
}

/* An empty input is a mistake, unless --reset was to leave an empty project. */
static bool
check_some(const struct wish *w, uint64_t jobs, struct err *e)
{
	return jobs > 0 || w->mode == INTAKE_RESET || err_set(e, ERR_INPUT, NULL, "no jobs in it");
}

/* Every job of the source to the intake, which may be NULL: then they are only checked. */
static bool
pour(struct source *s, struct intake *in, struct progress *p, uint64_t *jobs, struct err *e)
{
	const char *data;
	size_t len;

	for (*jobs = 0;; ++*jobs) {
		if (!source_next(s, &data, &len, e))
			return false;
		if (!data)
			break;
		if (in && !intake_put(in, data, len, e))
			return false;
		if (*jobs % TELL_EVERY == 0)
			progress_tell(p, *jobs, share(s, *jobs));
	}
	return true;
}

static void
print_sum(const char *did, uint64_t jobs, int64_t first, const struct progress *p)
{
	char count[28];

	text_thousands(count, (int64_t)jobs);
	printf("%s %s job%s", did, count, jobs == 1 ? "" : "s");
	if (first > 0 && jobs > 0)
		printf(", number %" PRId64, first);
	if (first > 0 && jobs > 1)
		printf(" to %" PRId64, first + (int64_t)jobs - 1);
	printf(", in %.1f seconds.\n", progress_seconds(p));
}

static bool
check_only(struct wish *w, struct source *s, struct err *e)
{
	struct progress p;
	uint64_t jobs;
	bool ok;

	progress_begin(&p, "jobs", w->quiet);
	ok = pour(s, NULL, &p, &jobs, e) && check_some(w, jobs, e);
	progress_end(&p);
	if (ok)
		print_sum("Checked", jobs, 0, &p);
	return ok;
}

/* ---- loading --------------------------------------------------------------------------------- */

/* Asked and answered on the terminal: standard input may be the jobs. */
static bool
confirm(int64_t jobs, struct err *e)
{
	FILE *tty = isatty(STDERR_FILENO) ? fopen("/dev/tty", "r+e") : NULL;
	char answer[16] = "", count[28];

	if (!tty)
		return err_set(
		    e, ERR_REFUSED, NULL, "--reset without a terminal to ask on needs --yes");
	text_thousands(count, jobs);
	fprintf(tty,
	    "This deletes %s jobs with all their results, counts and credit. Type yes: ", count);
	fflush(tty);
	if (!fgets(answer, sizeof(answer), tty))
		*answer = '\0';
	fclose(tty);
	return strcmp(answer, "yes\n") == 0 || err_set(e, ERR_REFUSED, NULL, "nothing was changed");
}

/* Asked before the transaction, so that nothing is locked while somebody thinks. */
static bool
may_reset(struct wish *w, struct err *e)
{
	int64_t jobs;

	if (w->mode != INTAKE_RESET || w->yes)
		return true;
	return intake_count(w->tool, &jobs, e) && (jobs == 0 || confirm(jobs, e));
}

static bool
load_all(struct wish *w, struct source *s, struct intake *in, struct err *e)
{
	struct progress p;
	uint64_t jobs;
	bool ok;

	progress_begin(&p, "jobs", w->quiet);
	ok = pour(s, in, &p, &jobs, e) && check_some(w, jobs, e);
	progress_end(&p);
	if (!ok) {
		intake_abort(in);
		return false;
	}
	last_words = IN_DOUBT;
	if (!intake_commit(in, e)) {
		last_words = in->in_doubt ? IN_DOUBT : NOTHING_LOADED;
		return false;
	}
	last_words = NULL;
	print_sum("Loaded", jobs, in->first, &p);
	tool_wake(w->tool, 1, (int64_t)jobs);
	return true;
}

/* "urls.txt 2026-02-01T12:00:00Z": the file's name, or the pattern's beginning, and when. */
static void
put_name(struct buf *b, const struct wish *w)
{
	const char *slash = w->form == SOURCE_BRACE ? NULL : strrchr(w->what, '/'),
		   *what = slash ? slash + 1 : w->what;
	char when[32];

	while (*what == ' ')
		what++;
	if (strcmp(w->what, "-") == 0)
		buf_puts(b, "standard input");
	else if (*what != '\0' && text_is_plain(what, strlen(what)))
		buf_put(b, what, text_cut(what, strlen(what), SOURCE_NAME));
	else
		buf_puts(b, "load");
	clock_iso(when, clock_wall_us());
	buf_printf(b, " %s", when);
}

static bool
load_as(struct wish *w, struct source *s, const struct intake_batch *batch, struct err *e)
{
	struct intake in;

	return intake_begin(&in, w->tool, w->mode, batch, e) && load_all(w, s, &in, e);
}

static bool
load(struct wish *w, struct source *s, struct err *e)
{
	struct buf made;
	struct intake_batch batch = w->batch;
	bool ok;

	buf_init(&made, 0);
	put_name(&made, w);
	batch.as_named = batch.name;
	if (!batch.as_named)
		batch.name = made.data;
	if (made.failed)
		return err_set(e, ERR_BUG, NULL, "out of memory");
	pg_set_patience(w->tool->pg, PATIENCE_MS);
	ok = tool_connect(w->tool, e) && tool_sign(w->tool, NULL, e) && may_reset(w, e) &&
	    load_as(w, s, &batch, e);
	buf_fini(&made);
	return ok;
}

static bool
obey(struct wish *w, struct err *e)
{
	struct source s;
	bool ok;

	if (!tool_open(w->tool, e))
		return false;
	ok = source_open(&s, w->form, w->what, (size_t)w->tool->settings.body_limit, e);
	s.skip_blank = w->skip_blank;
	ok = ok && (w->dry_run ? check_only(w, &s, e) : load(w, &s, e));
	source_close(&s);
	return ok;
}

int
main(int argc, char **argv)
{
	static const struct argp_child children[] = {
	    {&settings_argp_few, 0, SETTINGS_FEW_HEADER, 9}, {0}};
	static const struct argp argp = {
	    options, parse_option, "[FILE]", doc, children, NULL, NULL};
	static struct tool tool = {.name = "distcompute-load"};
	struct wish wish = {.tool = &tool};
	struct err e = ERR_INIT;
	int status = 0;

	standard_open();
	argp_parse(&argp, argc, argv, 0, NULL, &wish);
	last_words = wish.dry_run ? NULL : NOTHING_LOADED;
	catch_signals();
	if (!obey(&wish, &e)) {
		status = tool_fail(&tool, &e);
		if (last_words)
			say_last_words(last_words);
	}
	tool_close(&tool); /* what is loaded is loaded, though nobody could be told */
	return status;
}
