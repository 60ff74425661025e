/* Results set aside by the thousand, and taken back: steps of some 50 ms beside a tracker at work. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/cells.h"
#include "admin/told.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "store/pg_array.h"
#include "tool/progress.h"

#define STEP_US 50000 /* what a step may take: nobody at work shall notice more */
#define STEP_FIRST 100
#define STEP_MOST 2000
#define TRIES 200 /* steps in a row that got nowhere, since others moved the jobs */
#define PAUSE_MS 50

/* ---- which results --------------------------------------------------------------------------- */

struct which {
	struct pg_scalar room;
	struct pg_param params
	    [10]; /* person, worker, stage, since, until, address, label, batch; reason, keep */
};

static bool
which_results(struct ask *ask, struct which *w, struct err *e)
{
	int stage = 0;

	if (!ask->person && !ask->worker && !ask->since && !ask->address && !ask->label &&
	    !ask->batch)
		return err_set(e, ERR_FIELD, NULL,
		    "whose results? Say --person, --worker, --address, --label, --batch or "
		    "--since");
	if (!check_conditions(ask, e) ||
	    (ask->stage && !tool_stage(ask->tool, ask->stage, &stage, e)))
		return false;
	w->params[0] = text_or_null(ask->person);
	w->params[1] = text_or_null(ask->worker);
	w->params[2] = pg_int2_param(&w->room, (int16_t)stage); /* 0: of any */
	w->params[3] = text_or_null(ask->since);
	w->params[4] = text_or_null(ask->until);
	w->params[5] = text_or_null(ask->address);
	w->params[6] = text_or_null(ask->label);
	w->params[7] = text_or_null(ask->batch);
	return true;
}

/* ---- dry run --------------------------------------------------------------------------------- */

static void
print_count(const struct pg_rows *rows, int i, bool json)
{
	int stage = (int)pg_int(rows, i, 0);
	long long asked = pg_int(rows, i, 2), made_of = pg_int(rows, i, 3),
		  off = pg_int(rows, i, 4);
	char nickname[CELL_TEXT];
	struct buf b;

	if (!json) {
		printf("%c  %9lld %-8s %9lld made of them  %s\n", stage_capital(stage), asked,
		    text_plural(asked, "result,", "results,"), made_of,
		    cell_text(rows, i, 1, nickname));
		if (off > 0)
			printf("   %9lld of these of cancelled batches, of which nothing is done "
			       "anew\n",
			    off);
		return;
	}
	buf_init(&b, 0);
	buf_printf(&b, "{\"stage\":\"%c\",\"asked\":%lld,\"made_of\":%lld,\"cancelled\":%lld",
	    stage_letter(stage), asked, made_of, off);
	cell_json(&b, "nickname", rows, i, 1);
	tool_print(&b, "}");
	buf_fini(&b);
}

static bool
count_results(struct ask *ask, struct err *e)
{
	struct which w;
	struct pg_rows *rows = NULL;
	int n;

	if (!which_results(ask, &w, e) ||
	    !pg_call(ask->tool->pg,
		"select stage, nickname, asked, made_of, off from tracker.undo_count($1, $2,"
		" nullif($3, 0::int2), $4::timestamptz, $5::timestamptz, $6::cidr, $7, $8)",
		w.params, 8, &rows, e))
		return false;
	n = pg_rows_count(rows);
	for (int i = 0; i < n; i++)
		print_count(rows, i, ask->json);
	if (n == 0 && !ask->json)
		printf("There is no such result.\n");
	pg_rows_free(rows);
	return true;
}

/* ---- steps ----------------------------------------------------------------------------------- */

struct steps {
	struct ask *ask;
	struct progress progress;
	int64_t undo, after, jobs, results, left;
	int64_t all_jobs, all_results, off; /* of calls before too; jobs of cancelled batches */
	int64_t looked;                     /* taking back: jobs looked at */
	int most, tries; /* jobs of the next step; steps in a row that got nowhere */
};

static void
steps_begin(struct steps *s, struct ask *ask, int64_t undo)
{
	*s = (struct steps){.ask = ask, .undo = undo, .most = STEP_FIRST};
	progress_begin(&s->progress, "results", false);
}

/* A step that took longer makes the next one shorter. */
static void
fit_step(struct steps *s, int64_t took_us)
{
	if (took_us > STEP_US)
		s->most = s->most * 2 / 3 + 1;
	else if (took_us < STEP_US * 2 / 3 && s->most < STEP_MOST)
		s->most = s->most * 5 / 4 + 1;
}

/* What a step freed, by stage: an array's text such as "{3,0,0,0,0}". */
static void
wake_stages(struct steps *s, const struct pg_rows *rows, int column)
{
	const char *at = pg_text(rows, 0, column, NULL);

	for (int stage = 1; *at && stage <= STAGES_MAX; stage++) {
		int64_t count = 0;
		size_t len = strcspn(at += *at == '{' || *at == ',', ",}");

		if (text_to_int(at, len, 0, INT64_MAX, &count))
			tool_wake(s->ask->tool, stage, count);
		at += len;
	}
}

static bool
got_nowhere(struct steps *s, struct err *e)
{
	if (++s->tries >= TRIES)
		return err_set(e, ERR_BUSY, NULL, "undo %lld: others keep moving the %lld %s left",
		    (long long)s->undo, (long long)s->left,
		    text_plural(s->left, "job that is", "jobs that are"));
	clock_sleep_ms(PAUSE_MS);
	return true;
}

/* One step; *over when it was the last. */
static bool
step(struct steps *s, bool *over, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[] = {
	    pg_int8_param(&room[0], s->undo), pg_int4_param(&room[1], s->most)};
	struct pg_rows *rows = NULL;
	int64_t began = clock_us(), jobs;

	if (!pg_call(s->ask->tool->pg,
		"select jobs, results, left_over, freed::text, all_jobs, all_results, all_off"
		" from tracker.undo_step($1, $2)",
		params, 2, &rows, e)) {
		if (e->kind != ERR_SQL || !pg_is_clash(e))
			return false;
		err_clear(e);
		return got_nowhere(s, e);
	}
	fit_step(s, clock_us() - began);
	jobs = pg_int(rows, 0, 0);
	s->jobs += jobs;
	s->results += pg_int(rows, 0, 1);
	*over = pg_int(rows, 0, 2) == 0;
	s->left = pg_int(rows, 0, 2);
	wake_stages(s, rows, 3);
	s->all_jobs = pg_int(rows, 0, 4);
	s->all_results = pg_int(rows, 0, 5);
	s->off = pg_int(rows, 0, 6);
	pg_rows_free(rows);
	progress_tell(&s->progress, (uint64_t)s->results,
	    (double)s->jobs / (double)(s->jobs + s->left > 0 ? s->jobs + s->left : 1));
	if (jobs == 0 && !*over)
		return got_nowhere(s, e);
	s->tries = 0;
	return true;
}

/* The whole of it, also when it was broken off and this call did a part. */
static void
tell_undone(const struct steps *s)
{
	struct told told;

	told_begin(&told, s->ask);
	if (s->all_results == 0) { /* another undo was quicker */
		told_add(&told, "undo %lld: all of it was set aside by others meanwhile",
		    (long long)s->undo);
		told_number(&told, "undo", s->undo);
		told_number(&told, "results", 0);
		told_end_as_it_is(&told);
		return;
	}
	told_add(&told, "undo %lld: %lld %s of %lld %s set aside", (long long)s->undo,
	    (long long)s->all_results, text_plural(s->all_results, "result", "results"),
	    (long long)s->all_jobs, text_plural(s->all_jobs, "job", "jobs"));
	if (s->results < s->all_results)
		told_add(&told, ", %lld of them now", (long long)s->results);
	if (s->off == 0)
		told_add(&told, ", to be done anew");
	else if (s->off == s->all_jobs)
		told_add(&told, "; the batch is cancelled, so nothing is done anew");
	else
		told_add(&told, ", to be done anew, but for %lld %s of cancelled batches",
		    (long long)s->off, text_plural(s->off, "job", "jobs"));
	told_number(&told, "undo", s->undo);
	told_number(&told, "results", s->all_results);
	told_number(&told, "jobs", s->all_jobs);
	told_number(&told, "cancelled", s->off);
	told_back(&told, "undo --back %lld", (long long)s->undo);
	told_end(&told);
}

/* ---- broken off ------------------------------------------------------------------------------ */

static const int breaks[] = {SIGINT, SIGTERM, SIGHUP};
#define N_BREAKS (sizeof(breaks) / sizeof(*breaks))
static char last_words[4096]; /* with the command that goes on */
static size_t last_words_len;

/* The step under way is nothing, or done: it is one transaction. */
static void
broken_off(int sig)
{
	ssize_t ignored = write(STDERR_FILENO, "\n", 1);

	ignored = write(STDERR_FILENO, last_words, last_words_len);
	(void)ignored;
	(void)!signal(sig, SIG_DFL);
	(void)raise(sig);
}

static void
on_signals(void (*old)(int), void (*new)(int))
{
	for (size_t i = 0; i < N_BREAKS; i++)
		if (signal(breaks[i], new) != old)
			(void)!signal(breaks[i], SIG_IGN); /* nohup had it so */
}

static void
heed_no_signals(void)
{
	on_signals(broken_off, SIG_DFL);
}

/* Who breaks it off hears how it goes on. */
static void
heed_signals(struct ask *ask, const char *command, int64_t undo, const char *state)
{
	struct told told;
	int len;

	told_begin(&told, ask);
	told_back(&told, "%s %lld", command, (long long)undo);
	len = snprintf(last_words, sizeof(last_words), "undo %lld is %s; go on with: %s\n",
	    (long long)undo, state, told.back.failed ? command : told.back.data);
	last_words_len = len < (int)sizeof(last_words) ? (size_t)len : sizeof(last_words) - 1;
	told_drop(&told);
	on_signals(SIG_DFL, broken_off);
}

/* What passes is worth another try; an undo that there is not is none. */
static void
end_early(struct steps *s, const struct err *e)
{
	progress_end(&s->progress);
	if (strcmp(e->sqlstate, "TR002") != 0)
		fprintf(stderr, "%s: %s", s->ask->tool->name, last_words);
}

static bool
go_on(struct ask *ask, int64_t undo, struct err *e)
{
	struct steps s;
	bool over = false;

	steps_begin(&s, ask, undo);
	heed_signals(ask, "undo --resume", undo, "not done");
	while (!over)
		if (!step(&s, &over, e)) {
			end_early(&s, e);
			return false;
		}
	progress_end(&s.progress);
	heed_no_signals();
	tool_pages_changed(ask->tool);
	tell_undone(&s);
	return true;
}

static bool
begin(struct ask *ask, struct err *e)
{
	struct which w;
	struct pg_scalar keep;
	struct pg_rows *rows = NULL;
	int64_t undo;

	if (!which_results(ask, &w, e))
		return false;
	if (!ask->reason || !*ask->reason)
		return err_set(e, ERR_FIELD, NULL, "why? Say --reason 'results were made up'");
	w.params[8] = text_or_null(ask->reason);
	w.params[9] = pg_int2_param(&keep, ask->keep_credit);
	if (!pg_call(ask->tool->pg,
		"select tracker.undo_begin($1, $2, nullif($3, 0::int2), $4::timestamptz,"
		" $5::timestamptz, $6::cidr, $7, $9, $10 <> 0, $8)",
		w.params, 10, &rows, e))
		return false;
	undo = pg_int(rows, 0, 0); /* null reads as 0 */
	pg_rows_free(rows);
	if (undo == 0)
		return err_set(e, ERR_MISSING, NULL, "there is no such result");
	return go_on(ask, undo, e);
}

/* ---- taking back ----------------------------------------------------------------------------- */

/* One step; *over when no job was left to look at. */
static bool
step_back(struct steps *s, bool *over, struct err *e)
{
	struct pg_scalar room[3];
	struct pg_param params[] = {pg_int8_param(&room[0], s->undo),
	    pg_int8_param(&room[1], s->after), pg_int4_param(&room[2], s->most)};
	struct pg_rows *rows = NULL;
	int64_t began = clock_us();

	if (!pg_call(s->ask->tool->pg,
		"select last, jobs, results, fed::text, all_jobs"
		" from tracker.undo_take_back($1, $2, $3)",
		params, 3, &rows, e))
		return false;
	s->looked += s->most;
	fit_step(s, clock_us() - began);
	*over = pg_is_null(rows, 0, 0);
	s->after = pg_int(rows, 0, 0);
	s->jobs += pg_int(rows, 0, 1);
	s->results += pg_int(rows, 0, 2);
	wake_stages(s, rows, 3);
	s->all_jobs = pg_int(rows, 0, 4);
	pg_rows_free(rows);
	progress_tell(&s->progress, (uint64_t)s->results,
	    s->looked < s->all_jobs ? (double)s->looked / (double)s->all_jobs : 1);
	return true;
}

#define OVER 160

/* Jobs of it whose input an undo since has refused: that one goes first. Empty: there is none. */
static bool
read_over(struct ask *ask, int64_t undo, char said[OVER], struct err *e)
{
	struct pg_scalar room;
	struct pg_param param = pg_int8_param(&room, undo);
	struct pg_rows *rows = NULL;

	if (!pg_call(
		ask->tool->pg, "select undo, jobs from tracker.undo_over($1)", &param, 1, &rows, e))
		return false;
	*said = '\0';
	if (pg_rows_count(rows) > 0) {
		long long later = pg_int(rows, 0, 0), jobs = pg_int(rows, 0, 1);

		snprintf(said, OVER,
		    "undo %lld refused what %lld %s made of: first undo --back %lld, then undo "
		    "--back %lld",
		    later, jobs, text_plural(jobs, "of its results was", "of its results were"),
		    later, (long long)undo);
	}
	pg_rows_free(rows);
	return true;
}

static bool
tell_back(struct steps *s, struct err *e)
{
	char over[OVER];
	struct told told;

	if (!read_over(s->ask, s->undo, over, e))
		return false;
	if (s->results == 0)
		return err_set(e, ERR_MISSING, NULL, "undo %lld: nothing of it can come back: %s",
		    (long long)s->undo, *over ? over : "it lives again already, or was begun anew");
	told_begin(&told, s->ask);
	told_add(&told,
	    "undo %lld: %lld %s of %lld %s again; what was begun anew stays as it is%s%s; what "
	    "lives "
	    "is set aside again by another undo",
	    (long long)s->undo, (long long)s->results, text_plural(s->results, "result", "results"),
	    (long long)s->jobs, text_plural(s->jobs, "job lives", "jobs live"), *over ? "; " : "",
	    over);
	told_number(&told, "undo", s->undo);
	told_number(&told, "results", s->results);
	told_number(&told, "jobs", s->jobs);
	told_end_as_it_is(&told);
	return true;
}

static bool
take_back(struct ask *ask, int64_t undo, struct err *e)
{
	struct steps s;
	bool over = false;

	steps_begin(&s, ask, undo);
	heed_signals(ask, "undo --back", undo, "not taken back yet");
	while (!over)
		if (!step_back(&s, &over, e)) {
			end_early(&s, e);
			return false;
		}
	progress_end(&s.progress);
	heed_no_signals();
	tool_pages_changed(ask->tool);
	return tell_back(&s, e);
}

/* ---- the command ----------------------------------------------------------------------------- */

static bool
ask_number(const char *text, int64_t *undo, struct err *e)
{
	if (!text_to_int(text, strlen(text), 1, INT64_MAX, undo))
		return err_set(e, ERR_FIELD, NULL, "'%s' is no number of an undo", text);
	return true;
}

/* An undo that has a number knows what it is of. */
static bool
alone(const struct ask *ask, const char *option, struct err *e)
{
	const struct {
		const char *name;
		bool is_said;
	} others[] = {{"--dry-run", ask->dry_run}, {"--person", ask->person},
	    {"--worker", ask->worker}, {"--address", ask->address}, {"--batch", ask->batch},
	    {"--label", ask->label}, {"--stage", ask->stage}, {"--since", ask->since},
	    {"--until", ask->until}, {"--reason", ask->reason},
	    {"--keep-credit", ask->keep_credit}};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (others[i].is_said)
			return err_set(e, ERR_FIELD, NULL,
			    "%s is of a whole undo, as it was asked: it takes no %s", option,
			    others[i].name);
	return true;
}

bool
admin_undo(struct ask *ask, struct err *e)
{
	int64_t undo;

	if (ask->resume && ask->back)
		return err_set(e, ERR_FIELD, NULL, "--resume or --back: not both");
	if ((ask->resume || ask->back) && !alone(ask, ask->resume ? "--resume" : "--back", e))
		return false;
	if (ask->resume)
		return ask_number(ask->resume, &undo, e) && go_on(ask, undo, e);
	if (ask->back)
		return ask_number(ask->back, &undo, e) && take_back(ask, undo, e);
	return ask->dry_run ? count_results(ask, e) : begin(ask, e);
}
