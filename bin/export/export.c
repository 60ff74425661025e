/*
 * distcompute-export -- writes a stage's results, as lines of JSON, CSV or TSV.
 */
#include <argp.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/standard.h"
#include "base/text.h"
#include "config.h"
#include "export/out.h"
#include "export/place.h"
#include "export/result.h"
#include "store/pg_array.h"
#include "tool/tool.h"

#define PAGE_ROWS 4000
#define PAGE_BYTES (4 << 20) /* of data; one result may be more */
#define LOOK_MS 1000         /* between two looks for news */

const char *argp_program_version = "distcompute-export " PACKAGE_VERSION;

struct wish {
	struct tool *tool;
	const char *stage, *batch, *state, *files, *columns;
	int64_t after, patience_s, file_results, file_seconds;
	enum pack_kind pack;
	bool follow;
	struct result_form form;
};

struct export
{
	const struct wish *wish;
	struct pg *pg;
	struct place place;
	struct out out;
	bool waiting; /* for PostgreSQL to come back; it was said */
};

static volatile sig_atomic_t stopped;

/* ---- the command line ------------------------------------------------------------------------ */

enum key {
	KEY_STAGE = 1000,
	KEY_BATCH,
	KEY_AFTER,
	KEY_FOLLOW,
	KEY_STATE,
	KEY_RAW,
	KEY_OUTPUT,
	KEY_PATIENCE,
	KEY_FORMAT,
	KEY_COLUMNS,
	KEY_COMPRESS,
	KEY_FILES,
	KEY_FILE_RESULTS,
	KEY_FILE_SECONDS
};

static const struct argp_option options[] = {{NULL, 0, NULL, 0, "Which results:", 1},
    {"stage", KEY_STAGE, "STAGE", 0, "Results of this stage: its letter or name", 0},
    {"batch", KEY_BATCH, "NAME", 0, "Only results of this batch", 0},
    {"after", KEY_AFTER, "NUMBER", 0, "Only results of jobs after this number", 0},
    {"follow", KEY_FOLLOW, NULL, 0, "Wait for more results, and write them as they come", 0},
    {"state", KEY_STATE, "FILE", 0,
	"Keep in this file how far the export is; where the file is there, go on from it", 0},
    {"patience", KEY_PATIENCE, "SECONDS", 0,
	"Give a call up when PostgreSQL does not answer it for so long (default: 60)", 0},
    {NULL, 0, NULL, 0, "How they are written:", 2},
    {"format", KEY_FORMAT, "jsonl|csv|tsv", 0, "Write lines of JSON (the default), CSV or TSV", 0},
    {"columns", KEY_COLUMNS, "LIST", 0, "Write these columns, commas between (default: all)", 0},
    {"output-only", KEY_OUTPUT, NULL, 0, "With lines of JSON: write the output alone", 0},
    {"raw", KEY_RAW, NULL, 0,
	"Write data as it is kept, with the mark `<!json!>' of a list or object", 0},
    {"compress", KEY_COMPRESS, "zstd|gzip", 0, "Compress the output, a page at a time", 0},
    {"files", KEY_FILES, "DIR", 0,
	"Write numbered files into this folder, with a manifest; go on behind those that are there",
	0},
    {"file-results", KEY_FILE_RESULTS, "N", 0,
	"A file ends after so many results, to the page (default: 1000000)", 0},
    {"file-seconds", KEY_FILE_SECONDS, "SECONDS", 0,
	"With --follow a file ends after so long at the latest (default: 3600)", 0},
    {0}};

static const char doc[] =
    "Write the results of a stage: as lines of JSON, CSV or TSV, on standard output or into files."
    "\vColumns: job, stage, input, input_format, output, format, who, worker, started, finished, "
    "attempts. A format is json or text: data that workers gave as a JSON list or object is JSON "
    "here "
    "too, its text untouched but for line ends, which become spaces; all else is a text, kept byte "
    "for "
    "byte. CSV is RFC 4180 with plain line ends; TSV has \\t \\n \\r \\\\ for what would end a "
    "cell.\n"
    "\n"
    "Results that were there when it began come in the order of their job numbers. With --follow, "
    "later "
    "ones come after them in the order in which they were finished; none is missed, and none comes "
    "twice "
    "but one whose job was sent back and done anew: its last line counts. With --state a later run "
    "goes "
    "on where this one stopped; after a crash the last lines may come again. With --files nothing "
    "comes "
    "twice: a file counts when manifest.jsonl names it, with its results, bytes and SHA-256, and "
    "what a "
    "crash leaves behind is written anew.\n"
    "\n"
    "After a restore of the database from a backup, or a failover, it says so, and results "
    "finished "
    "since the place was kept come, some of them once more.\n"
    "\n"
    "Memory does not grow with the number of results, and no transaction stays open, so that an "
    "export "
    "may take hours beside a tracker at work.\n"
    "\n"
    "Examples:\n"
    "  distcompute-export --stage b > results.jsonl\n"
    "  distcompute-export --stage b --format csv --columns job,output > results.csv\n"
    "  distcompute-export --stage b --batch 'March, first delivery' > march.jsonl\n"
    "  distcompute-export --stage b --follow --state place | ./consume\n"
    "  distcompute-export --stage b --files out --compress zstd --file-results 100000\n"
    "  (cd out && jq -r '.sha256 + \"  \" + .name' manifest.jsonl | sha256sum -c)\n"
    "  distcompute-export --stage b --compress zstd | rclone rcat s3:bucket/b.jsonl.zst\n"
    "  distcompute-export --stage b | duckdb -c \"copy (from read_json('/dev/stdin', "
    "format='newline_delimited')) to 'b.parquet'\"\n"
    "\n"
    "It ends with 0 when done or told to stop (SIGINT, SIGTERM: after a whole line), 1 when "
    "something is "
    "wrong, 64 when it was asked wrongly.";

static void
take_number(struct wish *w, const char *arg, struct argp_state *state)
{
	if (!text_to_int(arg, strlen(arg), 0, INT64_MAX, &w->after))
		argp_error(state, "--after: '%s' is no job number", arg);
}

static void
take_count(int64_t *n, const char *option, int64_t most, const char *arg, struct argp_state *state)
{
	if (!text_to_int(arg, strlen(arg), 1, most, n))
		argp_error(
		    state, "--%s: '%s' is no number from 1 to %lld", option, arg, (long long)most);
}

static void
take_format(struct wish *w, const char *arg, struct argp_state *state)
{
	static const char *const words[] = {
	    [RESULT_JSONL] = "jsonl", [RESULT_CSV] = "csv", [RESULT_TSV] = "tsv"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(words[i], arg) == 0) {
			w->form.kind = (enum result_kind)i;
			return;
		}
	}
	argp_error(state, "--format: '%s' is none of jsonl, csv, tsv", arg);
}

static void
take_columns(struct wish *w, const char *arg, struct argp_state *state)
{
	struct err e = ERR_INIT;

	w->columns = arg;
	if (!result_columns(&w->form, arg, &e))
		argp_error(state, "--columns: %s", e.why);
}

static void
take_compress(struct wish *w, const char *arg, struct argp_state *state)
{
	if (!pack_find(arg, &w->pack))
		argp_error(state, "--compress: '%s' is neither zstd nor gzip", arg);
}

static void
check_wish(const struct wish *w, struct argp_state *state)
{
	if (!w->stage)
		argp_error(state, "which stage? Say --stage a");
	if (w->form.output_only && (w->form.kind != RESULT_JSONL || w->columns))
		argp_error(state, "--output-only is of lines of JSON; say --columns output");
	if (w->files && w->state)
		argp_error(state, "--files keeps its own place, without --state");
}

/* How results are written. */
static error_t
parse_form(int key, char *arg, struct argp_state *state)
{
	struct wish *w = state->input;

	switch (key) {
	case KEY_FORMAT:
		return take_format(w, arg, state), 0;
	case KEY_COLUMNS:
		return take_columns(w, arg, state), 0;
	case KEY_COMPRESS:
		return take_compress(w, arg, state), 0;
	case KEY_RAW:
		return w->form.raw = true, 0;
	case KEY_OUTPUT:
		return w->form.output_only = true, 0;
	case KEY_FILES:
		return w->files = arg, 0;
	case KEY_FILE_RESULTS:
		return take_count(&w->file_results, "file-results", INT64_MAX, arg, state), 0;
	case KEY_FILE_SECONDS:
		return take_count(&w->file_seconds, "file-seconds", 86400 * 365, arg, state), 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t
parse_option(int key, char *arg, struct argp_state *state)
{
	struct wish *w = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &w->tool->input;
		return 0;
	case ARGP_KEY_END:
		return check_wish(w, state), 0;
	case KEY_STAGE:
		return w->stage = arg, 0;
	case KEY_BATCH:
		return w->batch = arg, 0;
	case KEY_AFTER:
		return take_number(w, arg, state), 0;
	case KEY_PATIENCE:
		return take_count(&w->patience_s, "patience", 86400, arg, state), 0;
	case KEY_FOLLOW:
		return w->follow = true, 0;
	case KEY_STATE:
		return w->state = arg, 0;
	default:
		return parse_form(key, arg, state);
	}
}

/* ---- writing --------------------------------------------------------------------------------- */

static struct result_text
text_at(const struct pg_rows *rows, int i, int column)
{
	struct result_text t = {NULL, 0};

	if (!pg_is_null(rows, i, column))
		t.s = pg_text(rows, i, column, &t.len);
	return t;
}

static struct result
result_at(const struct export *x, const struct pg_rows *rows, int i)
{
	return (struct result){
	    .stage = x->place.stage,
	    .job = pg_int(rows, i, 0),
	    .input = text_at(rows, i, 1),
	    .output = text_at(rows, i, 2),
	    .who = text_at(rows, i, 3),
	    .worker = text_at(rows, i, 4),
	    .started_us = pg_time_us(rows, i, 5),
	    .finished_us = pg_time_us(rows, i, 6),
	    .attempts = pg_int(rows, i, 7),
	};
}

static bool
write_page(struct export *x, const struct pg_rows *rows, struct err *e)
{
	static struct result results[PAGE_ROWS];
	int n = pg_rows_count(rows);

	for (int i = 0; i < n; i++)
		results[i] = result_at(x, rows, i);
	return out_page(&x->out, results, n, e);
}

/* Everything before the place was written. */
static bool
keep_place(struct export *x, struct err *e)
{
	return out_mark(&x->out, &x->place, false, e) &&
	    (!x->wish->state || place_write(&x->place, x->wish->state, e));
}

/* After an answer: says so where it was said that none came. */
static void
answered(struct export *x)
{
	if (x->waiting)
		fprintf(stderr, "%s: PostgreSQL is back, going on\n", x->wish->tool->name);
	x->waiting = false;
}

/* ---- by job number --------------------------------------------------------------------------- */

static bool
call_jobs(struct export *x, struct pg_rows **rows, struct err *e)
{
	const struct place *at = &x->place;
	struct pg_scalar room[7];
	const struct pg_param params[] = {pg_int2_param(&room[0], (int16_t)at->stage),
	    pg_int8_param(&room[1], at->after),
	    pg_text_param(at->mark.snapshot, strlen(at->mark.snapshot)),
	    pg_time_param(&room[2], at->mark.since_us), pg_time_param(&room[3], at->mark.till_us),
	    pg_int4_param(&room[4], PAGE_ROWS), pg_int8_param(&room[5], PAGE_BYTES),
	    pg_int8_param(&room[6], at->last)};

	return pg_call(x->pg,
	    "select job, input, output, person, worker, started, finished, attempt"
	    " from tracker.export_jobs($1, $2, $3::text::pg_snapshot, $4, $5, $6, $7,"
	    " nullif($8, 0))",
	    params, 8, rows, e);
}

static bool
page_by_number(struct export *x, struct err *e)
{
	struct pg_rows *rows = NULL;
	int n;
	bool ok;

	if (!call_jobs(x, &rows, e))
		return false;
	answered(x);
	n = pg_rows_count(rows);
	ok = n == 0 || write_page(x, rows, e);
	if (ok && n > 0)
		x->place.after = pg_int(rows, n - 1, 0);
	if (ok && n == 0)
		x->place.by_number = false;
	pg_rows_free(rows);
	return ok && keep_place(x, e);
}

/* ---- news ------------------------------------------------------------------------------------ */

/* Where a look for news stands between its pages. */
struct look {
	struct mark until;
	int64_t after_finished_us, after_job;
	int rows; /* of the last page */
	bool found;
};

static bool
call_news(struct export *x, const struct look *k, struct pg_rows **rows, struct err *e)
{
	const struct mark *seen = &x->place.mark;
	struct pg_scalar room[9];
	const struct pg_param params[] = {pg_int2_param(&room[0], (int16_t)x->place.stage),
	    pg_text_param(seen->snapshot, strlen(seen->snapshot)),
	    pg_time_param(&room[1], seen->since_us), pg_time_param(&room[2], seen->till_us),
	    pg_text_param(k->until.snapshot, strlen(k->until.snapshot)),
	    pg_time_param(&room[3], k->after_finished_us), pg_int8_param(&room[4], k->after_job),
	    pg_int4_param(&room[5], PAGE_ROWS), pg_int8_param(&room[6], PAGE_BYTES),
	    pg_int8_param(&room[7], x->place.first), pg_int8_param(&room[8], x->place.last)};

	return pg_call(x->pg,
	    "select job, input, output, person, worker, started, finished, attempt"
	    " from tracker.export_news($1, $2::text::pg_snapshot, $3, $4, $5::text::pg_snapshot,"
	    " $6, $7, $8, $9, nullif($10, 0), nullif($11, 0))",
	    params, 11, rows, e);
}

static bool
page_of_news(struct export *x, struct look *k, struct err *e)
{
	struct pg_rows *rows = NULL;
	bool ok;

	if (!call_news(x, k, &rows, e))
		return false;
	k->rows = pg_rows_count(rows);
	ok = k->rows == 0 || write_page(x, rows, e);
	if (k->rows > 0) {
		k->after_job = pg_int(rows, k->rows - 1, 0);
		k->after_finished_us = pg_time_us(rows, k->rows - 1, 6);
		k->found = true;
	}
	pg_rows_free(rows);
	return ok;
}

/*
 * Everything between the last mark and a new one, to its end even when told to stop: else lines
 * would come again. When the connection goes in the middle, the look goes on after the last page
 * that was written.
 */
static bool
look_on(struct export *x, struct look *k, struct err *e)
{
	do
		if (!page_of_news(x, k, e))
			return false;
	while (k->rows > 0);
	return true;
}

/* ---- until the end --------------------------------------------------------------------------- */

static void
stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* The first is heard at the next place to stop; the second ends the program at once. */
static void
catch_signals(void)
{
	struct sigaction act = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

/*
 * Follows on when PostgreSQL was away, or refused for now (a standby that must get on ends who reads): true when e was that,
 * and is forgotten.
 */
static bool
wait_for_postgres(struct export *x, struct err *e)
{
	if (!x->wish->follow || (!pg_is_away(e) && !pg_is_clash(e)))
		return false;
	if (!x->waiting)
		fprintf(stderr, "%s: %s; trying until it is back\n", x->wish->tool->name, e->why);
	x->waiting = true;
	err_clear(e);
	poll(NULL, 0, LOOK_MS);
	return true;
}

static bool
export_by_number(struct export *x, struct err *e)
{
	while (x->place.by_number && !stopped)
		if (!page_by_number(x, e) && !wait_for_postgres(x, e))
			return false;
	return true;
}

/* What is told of a mark that another history made; what is to be done, too. */
static void
tell_moved(const struct export *x)
{
	char since[32];

	clock_iso(since, x->place.mark.since_us);
	fprintf(stderr,
	    "%s: the database was restored from a backup, or is another server's by now (or the "
	    "file of --state is of an earlier version): results finished since %s come, some of "
	    "them once more; of a job that comes twice, the last line counts\n",
	    x->wish->tool->name, since);
}

static bool
begin_look(struct export *x, struct look *k, struct err *e)
{
	k->after_finished_us = INT64_MIN;
	k->after_job = 0;
	k->rows = -1;
	k->found = false;
	if (!mark_take(&k->until, x->pg, e))
		return false;
	answered(x);
	if (!mark_is_followed_by(&x->place.mark, &k->until)) {
		mark_move(&x->place.mark, &k->until);
		tell_moved(x);
	}
	return true;
}

/* The new mark counts only when everything before it was written. */
static bool
end_look(struct export *x, const struct look *k, struct err *e)
{
	x->place.mark = k->until;
	return k->found ? keep_place(x, e) : out_mark(&x->out, &x->place, false, e);
}

/* Told to stop while PostgreSQL is away, between two looks: all that was written is kept, and that is a success. */
static bool
look_once(struct export *x, struct look *k, struct err *e)
{
	while (!begin_look(x, k, e)) {
		if (!wait_for_postgres(x, e))
			return false;
		if (stopped)
			return true;
	}
	while (!look_on(x, k, e))
		if (stopped || !wait_for_postgres(x, e))
			return false;
	return end_look(x, k, e);
}

static bool
export_news(struct export *x, struct err *e)
{
	static struct look k; /* too large for comfort on a stack */

	while (!stopped) {
		if (!look_once(x, &k, e))
			return false;
		if (!k.found && !stopped)
			poll(NULL, 0, LOOK_MS);
	}
	return true;
}

/* What came since the run that kept the place. */
static bool
export_rest(struct export *x, struct err *e)
{
	static struct look k;

	return stopped || look_once(x, &k, e);
}

/* Its jobs are those of one batch, whatever that is called later. */
static bool
find_batch(struct export *x, int64_t *after, struct err *e)
{
	const char *name = x->wish->batch;
	struct pg_param param;
	struct pg_rows *rows = NULL;

	*after = x->wish->after;
	if (!name)
		return true;
	param = pg_text_param(name, strlen(name));
	if (!text_is_utf8(name, strlen(name)))
		return err_set(e, ERR_INPUT, NULL, "--batch: a name is UTF-8");
	if (!pg_call(x->pg,
		"select b.first, b.last from tracker.batch b where b.batch = "
		"tracker.batch_named($1)",
		&param, 1, &rows, e))
		return false;
	x->place.first = pg_int(rows, 0, 0);
	x->place.last = pg_int(rows, 0, 1);
	pg_rows_free(rows);
	if (*after < x->place.first)
		*after = x->place.first - 1;
	return true;
}

static bool
find_place(struct export *x, bool *found, struct err *e)
{
	const struct wish *w = x->wish;
	int stage;
	int64_t after;
	bool moved = false;

	*found = false;
	if (!tool_stage(w->tool, w->stage, &stage, e) || !find_batch(x, &after, e) ||
	    !place_begin(&x->place, x->pg, stage, after, e) ||
	    !out_open(&x->out, &x->place, w->columns, found, &moved, e) ||
	    (w->state && !place_read(&x->place, w->state, found, &moved, e)))
		return false;
	x->out.headed = w->state && *found;
	if (moved)
		tell_moved(x);
	return true;
}

static bool
export_all(struct export *x, struct err *e)
{
	bool found;

	if (!find_place(x, &found, e) || !export_by_number(x, e))
		return false;
	if (x->wish->follow ? !export_news(x, e) : found && !export_rest(x, e))
		return false;
	return out_mark(&x->out, &x->place, true, e);
}

static bool
obey(const struct wish *w, struct err *e)
{
	static struct export x;
	bool ok;

	if (!tool_open(w->tool, e))
		return false;
	if (w->patience_s > 0)
		pg_set_patience(w->tool->pg, w->patience_s * 1000);
	if (!tool_connect(w->tool, e))
		return false;
	x.wish = w;
	x.pg = w->tool->pg;
	x.out = (struct out){.form = &w->form,
	    .pack = w->pack,
	    .dir = w->files,
	    .results_most = w->file_results,
	    .age_most_s = w->file_seconds};
	catch_signals();
	ok = export_all(&x, e);
	out_close(&x.out);
	return ok;
}

int
main(int argc, char **argv)
{
	static const struct argp_child children[] = {
	    {&settings_argp_few, 0, SETTINGS_FEW_HEADER, 9}, {0}};
	static const struct argp argp = {options, parse_option, NULL, doc, children, NULL, NULL};
	static struct tool tool = {.name = "distcompute-export"};
	struct wish wish = {.tool = &tool, .file_results = 1000000, .file_seconds = 3600};
	struct err e = ERR_INIT;
	int status = 0;

	standard_open();
	argp_parse(&argp, argc, argv, 0, NULL, &wish);
	if (!obey(&wish, &e))
		status = tool_fail(&tool, &e);
	return tool_end(&tool, status);
}
