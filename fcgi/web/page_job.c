/*
 * page_job -- a job's life, stage by stage: who, when, how long, and what went wrong; and its batch.
 *
 *	/job/{number}
 *
 * Data is other people's: only its size is shown unless the setting public_data is on.
 */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/pg_array.h"
#include "web/pieces.h"
#include "web/tpl/job.h"

#define DATA_CHARS 4000
#define EVENT_ROWS 50

enum {
	STAGE,
	STATE,
	WORKER,
	PERSON,
	ATTEMPT,
	STARTED,
	FINISHED,
	DUE,
	KIND,
	REASON,
	INPUT_SIZE,
	OUTPUT_SIZE,
	INPUT,
	OUTPUT
};

static const struct state {
	const char *state, *words;
} states[] = {
    {"done", "done"},
    {"leased", "in hand"},
    {"retry", "came back, will be tried again"},
    {"failed", "failed"},
    {"waiting", "waits for a worker"},
    {"later", "not there yet"},
    {"cancelled", "cancelled"},
};

static const char *
state_words(const char *state)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i].state, state) == 0)
			return states[i].words;
	return state;
}

static void
put_size(struct page *p, struct template_dict *stage, const char *section,
    const struct pg_rows *rows, int i, int column)
{
	if (!pg_is_null(rows, i, column))
		template_str(template_section(stage, section), T_SIZE,
		    pieces_bytes(p, pg_int(rows, i, column)));
}

static void
put_data(
    struct template_dict *stage, const char *section, const struct pg_rows *rows, int i, int column)
{
	if (!pg_is_null(rows, i, column))
		template_str(
		    template_section(stage, section), T_DATA, pg_text(rows, i, column, NULL));
}

static void
put_times(struct page *p, struct template_dict *stage, const struct pg_rows *rows, int i)
{
	bool started = !pg_is_null(rows, i, STARTED), finished = !pg_is_null(rows, i, FINISHED);
	const char *state = pg_text(rows, i, STATE, NULL);
	struct template_dict *end;

	if (started)
		pieces_time(stage, T_STARTED, T_ISO, T_AGO, pg_time_us(rows, i, STARTED));
	if (finished) {
		end = template_section(stage, T_FINISHED);
		pieces_time_in(end, T_ISO, T_AGO, pg_time_us(rows, i, FINISHED));
		template_str(
		    end, T_FINISHED_NAME, strcmp(state, "failed") == 0 ? "Given up" : "Finished");
	}
	if (started && finished)
		template_str(template_section(stage, T_TOOK), T_TOOK_TEXT,
		    pieces_took(p, pg_time_us(rows, i, FINISHED) - pg_time_us(rows, i, STARTED)));
	if (!pg_is_null(rows, i, DUE)) {
		int64_t in_s = (pg_time_us(rows, i, DUE) - clock_wall_us()) / 1000000;

		template_str(template_section(stage, T_DUE), T_DUE_TEXT,
		    in_s <= 0 ? "now" : arena_printf(p->arena, "in %s", pieces_span(p, in_s)));
	}
}

/* "failed", "failed: exit 3", "input flagged as invalid: flagged by 5 workers". */
static void
put_why(struct page *p, struct template_dict *stage, const char *kind, const char *text)
{
	const char *reason = pieces_reason(p, kind, text);

	template_str(template_section(stage, T_WHY), T_REASON,
	    arena_printf(p->arena, "%s%s%s", pieces_kind(kind), *reason != 0 ? ": " : "", reason));
}

static void
put_stage(struct page *p, struct template_dict *d, const struct pg_rows *rows, int i)
{
	struct template_dict *stage = template_section(d, T_STAGE), *by;
	const char *state = pg_text(rows, i, STATE, NULL);

	pieces_stage(p, stage, T_LETTER, T_LETTER_UP, T_NAME, pg_int(rows, i, STAGE));
	template_str(stage, T_STATE, state);
	template_str(stage, T_STATE_TEXT, state_words(state));
	if (!pg_is_null(rows, i, WORKER)) {
		by = template_section(stage, T_BY);
		template_str(by, T_PART, pieces_stage_in_path(p, pg_int(rows, i, STAGE)));
		template_str(by, T_WORKER, pg_text(rows, i, WORKER, NULL));
	}
	if (!pg_is_null(rows, i, PERSON))
		template_str(
		    template_section(stage, T_OWNER), T_PERSON, pg_text(rows, i, PERSON, NULL));
	if (!pg_is_null(rows, i, ATTEMPT))
		pieces_count(
		    template_section(stage, T_ATTEMPTS), T_ATTEMPT, pg_int(rows, i, ATTEMPT));
	put_times(p, stage, rows, i);
	if (!pg_is_null(rows, i, REASON))
		put_why(p, stage, pg_text(rows, i, KIND, NULL), pg_text(rows, i, REASON, NULL));
	put_size(p, stage, T_INPUT_SIZE, rows, i, INPUT_SIZE);
	put_size(p, stage, T_OUTPUT_SIZE, rows, i, OUTPUT_SIZE);
	put_data(stage, T_INPUT, rows, i, INPUT);
	put_data(stage, T_OUTPUT, rows, i, OUTPUT);
}

/* One line about the whole: where the job is. */
static const char *
summary(struct page *p, const struct pg_rows *rows)
{
	for (int i = 0; i < pg_rows_count(rows); i++) {
		const char *state = pg_text(rows, i, STATE, NULL);

		if (strcmp(state, "done") != 0)
			return arena_printf(p->arena, "stage %c: %s",
			    stage_capital((int)pg_int(rows, i, STAGE)), state_words(state));
	}
	return "done in all stages";
}

static bool
put_life(struct page *p, struct template_dict *d, int64_t number, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[2];
	struct pg_rows *rows;
	const char *where;

	params[0] = pg_int8_param(&room[0], number);
	params[1] = pg_int4_param(&room[1], p->settings->public_data ? DATA_CHARS : 0);
	if (!pg_call(p->pg,
		"select r.stage, r.state, tracker.public_of_stage(r.stage, r.worker), r.person,"
		" r.attempt, r.started, r.finished, r.due,"
		" r.kind, r.reason, r.input_size, r.output_size, r.input, r.output"
		" from tracker.read_job($1, $2) r",
		params, 2, &rows, e))
		return false;
	if (pg_rows_count(rows) == 0) {
		pg_rows_free(rows);
		return err_set(e, ERR_MISSING, "Job not found.", "no job of that number");
	}
	where = summary(p, rows);
	template_str(d, T_SUMMARY, where);
	for (int i = 0; i < pg_rows_count(rows); i++)
		put_stage(p, d, rows, i);
	pg_rows_free(rows);
	pieces_frame(p, d,
	    &(struct piece_head){
		.title = arena_printf(p->arena, "Job %s", pieces_count_text(p, number)),
		.description =
		    arena_printf(p->arena, "Job %s: %s.", pieces_count_text(p, number), where),
		.address = arena_printf(p->arena, "/job/%lld", (long long)number)});
	return true;
}

static bool
put_events(struct page *p, struct template_dict *d, int64_t number, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[2];
	struct template_dict *events, *by;
	struct pg_rows *rows;

	params[0] = pg_int8_param(&room[0], number);
	params[1] = pg_int4_param(&room[1], EVENT_ROWS);
	if (!pg_call(p->pg,
		"select r.stage, r.kind, r.reason, r.worker, r.at from tracker.read_job_events($1, "
		"$2) r",
		params, 2, &rows, e))
		return false;
	if (pg_rows_count(rows) > 0) {
		events = template_section(d, T_EVENTS);
		for (int i = 0; i < pg_rows_count(rows); i++) {
			struct template_dict *event = template_section(events, T_EVENT);
			const char *kind = pg_text(rows, i, 1, NULL);

			template_str(event, T_NAME, pieces_stage_name(p, pg_int(rows, i, 0)));
			template_str(event, T_KIND, pieces_kind(kind));
			template_str(
			    event, T_REASON, pieces_reason(p, kind, pg_text(rows, i, 2, NULL)));
			pieces_time(event, T_AT, T_ISO, T_AGO, pg_time_us(rows, i, 4));
			if (pg_is_null(rows, i, 3))
				continue;
			by = template_section(event, T_BY);
			template_str(by, T_PART, pieces_stage_in_path(p, pg_int(rows, i, 0)));
			template_str(by, T_WORKER, pg_text(rows, i, 3, NULL));
		}
	}
	pg_rows_free(rows);
	return true;
}

static bool
put_batch(struct page *p, struct template_dict *d, int64_t number, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[1] = {pg_int8_param(&room, number)};
	struct pg_rows *rows;

	if (!pg_call(p->pg,
		"select b.name from tracker.batch b where b.batch = tracker.batch_of($1)", params,
		1, &rows, e))
		return false;
	if (pg_rows_count(rows) == 1)
		template_str(template_section(d, T_OF_BATCH), T_BATCH, pg_text(rows, 0, 0, NULL));
	pg_rows_free(rows);
	return true;
}

static bool
fill(struct page *p, struct template_dict *d, struct err *e)
{
	int64_t number;

	if (!p->path[0] || p->path[1] ||
	    !text_to_int(p->path[0], strlen(p->path[0]), 1, INT64_MAX, &number))
		return err_set(e, ERR_MISSING, "Job not found.", "no number in the path");
	pieces_count(d, T_JOB_TEXT, number);
	return put_life(p, d, number, e) && put_batch(p, d, number, e) &&
	    put_events(p, d, number, e);
}

bool
page_job(struct page *p, struct err *e)
{
	struct template_dict *d = template_new("job");
	bool ok = fill(p, d, e) && template_render("job.tpl", d, p->out, e);

	template_free(d);
	return ok;
}
