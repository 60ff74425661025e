#include "web/facts.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/pg_array.h"
#include "web/pieces.h"

#define IDLE_S 90   /* minutes are counted whole, so the last completion may seem a minute older */
#define QUIET_S 600 /* as long without a completion, with jobs in hand, is worth a word */

/*
 * What is shared by all pages for a while, since many addresses of few readers would else read it each:
 * how many workers are here and at work, the only numbers whose cost grows with them, and what fails.
 */
#define CROWD_S 5
#define FACTS_US INT64_C(1000000) /* all the rest */

static struct crowd {
	int64_t counted_us; /* monotonic; 0 = never */
	bool heard;
	struct crowd_stage {
		int64_t present, working, bad, bad_workers, bad_since_us;
		const char *bad_how; /* static */
	} stage[STAGES_MAX];
} crowd;
static pthread_mutex_t crowd_lock = PTHREAD_MUTEX_INITIALIZER;

/* Hundreds of pages of workers have the same facts above. */
static struct {
	int64_t read_us;    /* monotonic; 0 = there are none */
	int64_t forgot_us;  /* what was read before is not to be kept */
	struct arena arena; /* of the texts */
	struct facts facts;
} kept;
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;

static void
take_stage(struct page *p, const struct pg_rows *rows, int i, struct facts_stage *s)
{
	size_t len;
	const char *name = pg_text(rows, i, 1, &len);

	*s = (struct facts_stage){
	    .stage = pg_int(rows, i, 0),
	    .name = arena_dup(p->arena, name, len),
	    .paused = pg_bool(rows, i, 2),
	    .ready = pg_int(rows, i, 3),
	    .retry = pg_int(rows, i, 4),
	    .due = pg_int(rows, i, 5),
	    .leased = pg_int(rows, i, 6),
	    .done = pg_int(rows, i, 7),
	    .failed = pg_int(rows, i, 8),
	    .cancelled = pg_int(rows, i, 9),
	    .held = pg_int(rows, i, 10),
	    .held_retry = pg_int(rows, i, 11),
	    .gated = pg_bool(rows, i, 12),
	    .done_5m = pg_int(rows, i, 13),
	    .done_1h = pg_int(rows, i, 14),
	    .done_24h = pg_int(rows, i, 15),
	};
}

static bool
read_stages(struct page *p, struct facts *f, struct err *e)
{
	struct pg_rows *rows;

	if (!pg_call(p->pg,
		"select c.stage, c.name, c.paused, c.ready, c.retry, c.due, c.leased, c.done, "
		"c.failed, c.cancelled, c.held, c.held_retry, c.gated,"
		" m.done_5m, m.done_1h, m.done_24h, m.first_at,"
		" coalesce((select b.last from tracker.batch b order by b.first desc limit 1), 0)"
		" from tracker.read_counts() c"
		" join tracker.read_pace() m on m.stage = c.stage"
		" order by c.stage",
		NULL, 0, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows) && i < STAGES_MAX; i++) {
		int64_t first_us = pg_time_us(rows, i, 16);

		take_stage(p, rows, i, &f->stage[i]);
		f->jobs = pg_int(rows, i, 17);
		if (first_us != 0 && (f->first_us == 0 || first_us < f->first_us))
			f->first_us = first_us;
		f->stages = i + 1;
	}
	pg_rows_free(rows);
	return true;
}

/* Answers false when the crowd was not counted within max_age_us. */
static bool
recall_crowd(struct crowd *out, int64_t max_age_us)
{
	bool fresh;

	pthread_mutex_lock(&crowd_lock);
	fresh = crowd.counted_us != 0 && clock_us() - crowd.counted_us < max_age_us;
	*out = crowd;
	pthread_mutex_unlock(&crowd_lock);
	return fresh;
}

static bool
count_crowd(struct page *p, struct crowd *out, struct err *e)
{
	struct pg_scalar room;
	struct pg_param stale = pg_int4_param(&room, (int32_t)pieces_stale_s(p));
	struct pg_rows *rows;

	*out = (struct crowd){.counted_us = clock_us()};
	if (!pg_call(p->pg,
		"select r.stage, r.present, r.working, f.bad, f.workers, f.since, f.kind, r.heard"
		" from tracker.read_present($1) r"
		" left join tracker.read_failing() f on f.stage = r.stage",
		&stale, 1, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++) {
		int64_t stage = pg_int(rows, i, 0);

		if (stage < 1 || stage > STAGES_MAX)
			continue;
		out->heard = pg_bool(rows, i, 7);
		out->stage[stage - 1] = (struct crowd_stage){
		    .present = pg_int(rows, i, 1),
		    .working = pg_int(rows, i, 2),
		    .bad = pg_int(rows, i, 3),
		    .bad_workers = pg_int(rows, i, 4),
		    .bad_since_us = pg_time_us(rows, i, 5),
		    .bad_how = pg_is_null(rows, i, 6) ? "" : pieces_kind(pg_text(rows, i, 6, NULL)),
		};
	}
	pg_rows_free(rows);
	pthread_mutex_lock(&crowd_lock);
	crowd = *out;
	pthread_mutex_unlock(&crowd_lock);
	return true;
}

static bool
read_crowd(struct page *p, struct facts *f, struct err *e)
{
	int64_t max_age_s = p->settings->page_cache_s;
	struct crowd c;

	if (max_age_s > CROWD_S)
		max_age_s = CROWD_S;
	if (!recall_crowd(&c, max_age_s * 1000000) && !count_crowd(p, &c, e))
		return false;
	f->heard = c.heard;
	for (int i = 0; i < f->stages; i++) {
		struct facts_stage *s = &f->stage[i];
		const struct crowd_stage *of = &c.stage[s->stage - 1];

		s->present = of->present;
		s->working = of->working;
		s->bad_5m = of->bad;
		s->bad_workers = of->bad_workers;
		s->bad_since_us = of->bad_since_us;
		s->bad_how = of->bad_how;
	}
	return true;
}

static bool
read_eta(struct page *p, struct facts *f, struct err *e)
{
	struct pg_scalar room[2];
	struct pg_param params[2];
	struct pg_rows *rows;
	const char *state;
	size_t len;

	params[0] = pg_int4_param(&room[0], (int32_t)p->settings->eta_interval_s);
	params[1] = pg_int4_param(&room[1], (int32_t)p->settings->eta_samples);
	if (!pg_call(p->pg,
		"select r.state, r.total, r.done, r.remaining, r.eta_s, r.low_s, r.high_s, "
		"r.shown_s"
		" from tracker.read_eta($1, $2) r",
		params, 2, &rows, e))
		return false;
	f->state = "empty";
	f->eta_s = f->low_s = f->high_s = f->shown_s = -1;
	if (pg_rows_count(rows) == 1) {
		state = pg_text(rows, 0, 0, &len);
		f->state = arena_dup(p->arena, state, len);
		f->total = pg_int(rows, 0, 1);
		f->done = pg_int(rows, 0, 2);
		f->remaining = pg_int(rows, 0, 3);
		f->eta_s = pg_is_null(rows, 0, 4) ? -1 : pg_int(rows, 0, 4);
		f->low_s = pg_is_null(rows, 0, 5) ? -1 : pg_int(rows, 0, 5);
		f->high_s = pg_is_null(rows, 0, 6) ? -1 : pg_int(rows, 0, 6);
		f->shown_s = pg_is_null(rows, 0, 7) ? -1 : pg_int(rows, 0, 7);
	}
	pg_rows_free(rows);
	return true;
}

/* The stage that would take longest at the last hour's pace, when it stands out from the others. */
static int
find_slowest(const struct facts *f)
{
	double longest = 0, second = 0;
	int slowest = 0, moving = 0;

	for (int i = 0; i < f->stages; i++) {
		const struct facts_stage *s = &f->stage[i];
		double takes = s->done_1h > 0 ? (double)s->remaining / (double)s->done_1h : 0;

		moving += s->done_1h > 0;
		if (takes > longest) {
			second = longest;
			longest = takes;
			slowest = (int)s->stage;
		} else
			second = fmax(second, takes);
	}
	return moving > 1 && longest > 1.3 * second ? slowest : 0;
}

/*
 * The time in which what is called the last five minutes was done: four whole minutes and the one that
 * runs, or what there is of them since the first. Not less than one, lest the first result were sixty a
 * minute.
 */
static int64_t
lately_s(int64_t first_us)
{
	int64_t now_s = clock_wall_us() / 1000000, age_s = now_s - first_us / 1000000;
	int64_t lately = 240 + now_s % 60;

	if (age_s < lately)
		lately = age_s;
	return lately < 60 ? 60 : lately;
}

/* Something waits, and all of it because the operator said so. */
static bool
is_paused(const struct facts *f)
{
	int64_t held = 0;

	for (int i = 0; i < f->stages; i++) {
		const struct facts_stage *s = &f->stage[i];

		int64_t of_it = s->paused ? s->ready + s->retry : s->held + s->held_retry;

		if (s->ready + s->retry > of_it)
			return false;
		held += of_it;
	}
	return held > 0;
}

static void
sum_up(struct facts *f)
{
	int64_t expected = f->jobs;

	for (int i = 0; i < f->stages; i++) {
		struct facts_stage *s = &f->stage[i];

		expected -= s->cancelled;
		s->expected = expected;
		expected -= s->failed;
		s->remaining = expected > s->done ? expected - s->done : 0;
		f->failed += s->failed;
		f->cancelled += s->cancelled;
		f->leased += s->leased;
		f->waiting += s->ready + s->retry;
		f->present += s->present;
		f->working += s->working;
		s->bad_per_minute = (double)s->bad_5m * 60 / (double)lately_s(s->bad_since_us);
		f->bad_per_minute += s->bad_per_minute;
		f->done_5m += s->done_5m;
		f->done_1h += s->done_1h;
		f->done_24h += s->done_24h;
	}
	f->per_minute = (double)f->done_5m * 60 / (double)lately_s(f->first_us);
	f->slowest = find_slowest(f);
	/* A pace of the past is no promise when nobody is left to keep it. */
	if (is_paused(f) || (f->eta_s >= 0 && !f->heard)) {
		f->state = is_paused(f) ? "paused" : "stalled";
		f->eta_s = f->low_s = f->high_s = f->shown_s = -1;
	}
}

static bool
read_latest(struct page *p, struct facts *f, struct err *e)
{
	struct pg_scalar room;
	struct pg_param params[1] = {pg_int4_param(&room, FACTS_LATEST)};
	struct pg_rows *rows;

	if (!pg_call(p->pg,
		"select r.stage, r.job, r.worker, r.person, r.started, r.finished"
		" from tracker.read_latest($1) r",
		params, 1, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows) && i < FACTS_LATEST; i++)
		f->latest[f->latest_n++] = (struct facts_result){
		    .stage = pg_int(rows, i, 0),
		    .job = pg_int(rows, i, 1),
		    .worker = pg_dup(p->arena, rows, i, 2),
		    .person = pg_dup(p->arena, rows, i, 3),
		    .started_us = pg_time_us(rows, i, 4),
		    .finished_us = pg_time_us(rows, i, 5),
		};
	/* Minutes tell of results that were sent back since, too. */
	f->last_us = f->latest_n > 0 ? f->latest[0].finished_us : 0;
	pg_rows_free(rows);
	return true;
}

static const char *
dup_text(struct arena *a, const char *text)
{
	return text ? arena_dup(a, text, strlen(text)) : NULL;
}

/* With texts of its own. */
static void
copy_facts(struct facts *out, const struct facts *f, struct arena *a)
{
	*out = *f;
	out->state = dup_text(a, f->state);
	for (int i = 0; i < f->stages; i++)
		out->stage[i].name = dup_text(a, f->stage[i].name);
	for (int i = 0; i < f->latest_n; i++) {
		out->latest[i].worker = dup_text(a, f->latest[i].worker);
		out->latest[i].person = dup_text(a, f->latest[i].person);
	}
}

static bool
recall_facts(struct page *p, struct facts *f)
{
	bool fresh;

	pthread_mutex_lock(&kept_lock);
	fresh = kept.read_us != 0 && clock_us() - kept.read_us < FACTS_US;
	if (fresh)
		copy_facts(f, &kept.facts, p->arena);
	pthread_mutex_unlock(&kept_lock);
	return fresh;
}

/* With the lock. */
static void
drop_kept(void)
{
	if (kept.read_us != 0)
		arena_fini(&kept.arena);
	kept.read_us = 0;
}

static void
keep_facts(const struct facts *f, int64_t read_us)
{
	pthread_mutex_lock(&kept_lock);
	drop_kept();
	if (read_us > kept.forgot_us) {
		arena_init(&kept.arena);
		copy_facts(&kept.facts, f, &kept.arena);
		kept.read_us = read_us;
	}
	pthread_mutex_unlock(&kept_lock);
}

void
facts_forget(void)
{
	pthread_mutex_lock(&kept_lock);
	drop_kept();
	kept.forgot_us = clock_us();
	pthread_mutex_unlock(&kept_lock);
}

bool
facts_read(struct page *p, struct facts *f, struct err *e)
{
	int64_t now = clock_us();

	if (p->settings->page_cache_s > 0 && recall_facts(p, f))
		return true;
	*f = (struct facts){.stages = 0};
	if (!read_stages(p, f, e) || !read_crowd(p, f, e) || !read_eta(p, f, e) ||
	    !read_latest(p, f, e))
		return false;
	sum_up(f);
	keep_facts(f, now);
	return true;
}

const char *
facts_eta_text(struct page *p, const struct facts *f)
{
	char text[128];

	static const struct {
		const char *state, *text;
	} without[] = {{"finished", "Finished"}, {"cancelled", "Cancelled"}, {"paused", "Paused"},
	    {"stalled", "Unknown"}};

	for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++)
		if (strcmp(f->state, without[i].state) == 0)
			return without[i].text;
	if (f->eta_s < 0)
		return "Calculating...";
	text_duration(text, sizeof(text), f->shown_s);
	return arena_dup(p->arena, text, strlen(text));
}

const char *
facts_range_text(struct page *p, const struct facts *f)
{
	return pieces_range_text(p, f->low_s, f->high_s);
}

double
facts_percent(const struct facts *f)
{
	double percent;

	if (f->remaining == 0)
		return f->total > 0 ? 100 : 0; /* of nothing: all failed, or was cancelled */
	percent = 100.0 * (double)f->done / (double)f->total;
	return percent > 99.99 ? 99.99 : percent;
}

const char *
facts_percent_text(struct page *p, const struct facts *f)
{
	return pieces_percent_text(p, facts_percent(f));
}

/* ", 17 failed"; "" when there are none. */
static const char *
lost_text(struct page *p, int64_t n, const char *how)
{
	return n == 0 ? "" : arena_printf(p->arena, ", %s %s", pieces_count_text(p, n), how);
}

const char *
facts_sentence(struct page *p, const struct facts *f)
{
	if (f->jobs == 0)
		return "No jobs are loaded yet.";
	if (strcmp(f->state, "cancelled") == 0)
		return arena_printf(p->arena, "Cancelled: %s.", pieces_jobs(p, f->cancelled));
	if (f->remaining == 0)
		return arena_printf(p->arena, "Finished: %s done%s%s.",
		    pieces_jobs(p, f->jobs - f->failed - f->cancelled),
		    lost_text(p, f->failed, "failed"), lost_text(p, f->cancelled, "cancelled"));
	return arena_printf(p->arena, "%s done, %s a minute, %s. Time left: %s",
	    facts_percent_text(p, f), pieces_rate_text(p, f->per_minute),
	    pieces_workers(p, f->present), facts_eta_text(p, f));
}

void
facts_bar(const struct facts *f, int stage, int64_t parts[FACTS_BAR])
{
	const struct facts_stage *s = &f->stage[stage];
	int64_t counts[FACTS_BAR] = {s->done, s->leased, s->ready + s->retry, s->failed};
	int64_t room = 1000;

	for (int i = 0; i < FACTS_BAR; i++) {
		/* A count that is there shows, however small it is. */
		parts[i] =
		    s->expected > 0 ? (int64_t)((double)counts[i] * 1000 / (double)s->expected) : 0;
		if (parts[i] < 4 && counts[i] > 0)
			parts[i] = 4;
		if (parts[i] > room)
			parts[i] = room;
		room -= parts[i];
	}
}

/* What keeps one stage from going on; NULL when nothing does. quiet_s: since the last completion.
 */
static const char *
stage_note(struct page *p, const struct facts_stage *s, int64_t quiet_s)
{
	const char *stage =
	    arena_printf(p->arena, "Stage %c (%s)", stage_capital((int)s->stage), s->name);
	int64_t waiting = s->ready + s->retry, held = s->held + s->held_retry;
	int64_t came_back = s->retry - s->held_retry;

	if (s->paused)
		return arena_printf(p->arena,
		    "%s is paused by the operator: %s %s until it is resumed.", stage,
		    pieces_jobs(p, waiting), text_plural(waiting, "waits", "wait"));
	waiting -= held;
	if (waiting > 0 && s->present == 0)
		return arena_printf(p->arena, "%s has no worker: %s %s for one.", stage,
		    pieces_jobs(p, waiting), text_plural(waiting, "waits", "wait"));
	if (held > 0 && waiting == 0 && s->leased == 0)
		return arena_printf(p->arena, "%s: %s %s, but the operator has paused their batch.",
		    stage, pieces_jobs(p, held), text_plural(held, "waits", "wait"));
	if (!s->gated && s->ready - s->held + s->due > 0 && s->leased == 0 && quiet_s > IDLE_S)
		return arena_printf(p->arena, "%s: %s %s, and %s.", stage, pieces_jobs(p, waiting),
		    text_plural(waiting, "waits", "wait"),
		    s->present == 1 ? "its only worker does not ask for one"
				    : arena_printf(p->arena, "none of its %s asks for one",
					  pieces_workers(p, s->present)));
	if (s->ready == s->held && s->due == 0 && came_back > 0 && s->leased == 0)
		return arena_printf(p->arena,
		    "%s: %s came back and %s out a back-off before the next try.", stage,
		    pieces_jobs(p, came_back), text_plural(came_back, "waits", "wait"));
	return NULL;
}

double
facts_bad_share(const struct facts_stage *s)
{
	return s->bad_5m > 0 ? (double)s->bad_5m / (double)(s->bad_5m + s->done_5m) : 0;
}

/* ", since 17 Nov, 09:05 UTC"; "" when it is not known. */
static const char *
since_text(struct page *p, int64_t since_us)
{
	char iso[32];

	if (since_us == 0)
		return "";
	clock_iso(iso, since_us);
	return arena_printf(p->arena, ", since %s, %.5s UTC", pieces_day(p, since_us), iso + 11);
}

/* One that fails among many is no news: a fifth of all, and more than chance; or nothing else for an hour. */
static bool
is_failing(const struct facts_stage *s)
{
	return s->bad_5m > 0 && (s->done_1h == 0 || (s->bad_5m > 2 && facts_bad_share(s) >= 0.2));
}

static const char *
failing_note(struct page *p, const struct facts_stage *s)
{
	const char *rate = pieces_rate_text(p, s->bad_per_minute);
	const char *beside = s->done_5m == 0
	    ? "every attempt fails"
	    : arena_printf(p->arena, "%.0f%% of all attempts fail", 100 * facts_bad_share(s));

	return arena_printf(p->arena, "Stage %c (%s): %s, %s a minute, of %s%s; mostly: %s.",
	    stage_capital((int)s->stage), s->name, beside, rate, pieces_workers(p, s->bad_workers),
	    since_text(p, s->bad_since_us), s->bad_how);
}

int
facts_notes(struct page *p, const struct facts *f, const char *notes[FACTS_NOTES])
{
	int64_t quiet_s = f->last_us == 0 ? 0 : (clock_wall_us() - f->last_us) / 1000000;
	const char *note;
	int n = 0;

	for (int i = 0; i < f->stages; i++)
		if ((note = stage_note(p, &f->stage[i], quiet_s)))
			notes[n++] = note;
	for (int i = 0; i < f->stages; i++)
		if (is_failing(&f->stage[i]))
			notes[n++] = failing_note(p, &f->stage[i]);
	if (f->leased > 0 && quiet_s > QUIET_S)
		notes[n++] = arena_printf(p->arena,
		    "Nothing has been finished for %s, though %s %s in hand.",
		    pieces_span(p, quiet_s), pieces_jobs(p, f->leased),
		    text_plural(f->leased, "is", "are"));
	else if (f->remaining > 0 && f->waiting == 0 && f->leased > 0)
		notes[n++] =
		    arena_printf(p->arena, "%s %s in hand; nothing else waits for a worker now.",
			pieces_jobs(p, f->leased), text_plural(f->leased, "is", "are"));
	if (f->failed > 0)
		notes[n++] = arena_printf(p->arena,
		    "%s failed for good; the operator can look at %s with distcompute-admin "
		    "failed.",
		    pieces_jobs(p, f->failed), text_plural(f->failed, "it", "them"));
	return n;
}
