#include "run/keeper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "domain/health.h"
#include "domain/nickname.h"
#include "domain/settings.h"
#include "domain/stages.h"
#include "run/events.h"
#include "store/pg.h"
#include "store/pg_array.h"
#include "store/redis.h"
#include "store/sqlstate.h"

#define FOLD_US (10 * INT64_C(1000000))
#define TIDY_US (5 * INT64_C(1000000))
#define JUDGE_US (5 * INT64_C(1000000))
#define COUNT_US (5 * INT64_C(1000000))
#define EVENTS_US (5 * INT64_C(1000000))
#define SWEEP_LOOK 2000 /* rows: some 20 ms */
#define FORGET_US INT64_C(3600000000)
#define PURGE_US INT64_C(3600000000)
#define PURGE_LOOK 1000         /* rows: 5 to 20 ms */
#define LOOK_MOST 1000          /* workers, or names, looked at in one call */
#define LOOKS 20                /* and calls in a tick: 200,000 workers are seen through in 10 s */
#define TICK_US INT64_C(500000) /* when many go at once, each call takes some time */

/* How far present workers were looked at, in their order; all 0 is before the first. */
struct cursor {
	int64_t stage, created_us, worker;
};

/* A walk through a table of what may be purged, a bite a tick; the next one begins PURGE_US after its end. */
enum { PURGE_STRIKES, PURGE_RESULTS, PURGE_WORKERS, PURGES };
struct purge {
	int64_t after, ended_us, purged;
};

struct keeper {
	struct tracker *tracker;
	struct events *events;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stop;
	bool stopping;
	struct pg *pg;
	struct redis *redis;
	bool leads;
	int64_t folded_us, tidied_us, judged_us, counted_us, swept_us, forgot_us, told_us;
	struct purge purge[PURGES];
	int64_t looked_us; /* when all names were looked at */
	struct cursor looked;
};

/* Waits a tick; false when it is time to go. */
static bool
wait_tick(struct keeper *k)
{
	struct timespec until;
	bool go_on;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += KEEPER_TICK_MS % 1000 * 1000000L;
	until.tv_sec += KEEPER_TICK_MS / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&k->lock);
	while (!k->stopping)
		if (pthread_cond_timedwait(&k->stop, &k->lock, &until) != 0)
			break;
	go_on = !k->stopping;
	pthread_mutex_unlock(&k->lock);
	return go_on;
}

static struct pg_param
int4(struct pg_scalar *room, int64_t n)
{
	return pg_int4_param(room, (int32_t)n);
}

/* ---- who leads ---------------------------------------------------------------------------------- */

/* The connection is the lock: while it lives we lead; a new one has to ask again. */
static bool
lead(struct keeper *k, struct err *e)
{
	struct pg_rows *rows = NULL;
	bool led = k->leads;

	if (!pg_call(k->pg,
		"select exists (select from pg_locks where locktype = 'advisory' and pid = "
		"pg_backend_pid() and granted) or pg_try_advisory_lock(hashtext('tracker.keeper'))",
		NULL, 0, &rows, e)) {
		k->leads = false;
		return false;
	}
	k->leads = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	if (k->leads && !led)
		log_event(LOG_INFO_, "keeper_leads", "project=%s", k->tracker->project_id);
	return k->leads;
}

/* ---- the stages ----------------------------------------------------------------------------------- */

/* Of every process, whoever leads: an operator may have renamed or appended one, on any host. */
static bool
look_at_stages(struct keeper *k, struct err *e)
{
	struct stage_names names;
	char text[512];

	if (!stages_read(k->pg, &names, e))
		return false;
	if (names.n > 0 && stages_take(k->tracker->stages, &names)) {
		tracker_counts_changed(k->tracker);
		log_event(LOG_INFO_, "stages", "names=[%s]",
		    stage_names_text(text, sizeof(text), &names));
	}
	return true;
}

/* ---- hearing -------------------------------------------------------------------------------------- */

/* Everything works, so workers can be heard: noted often, for a gap between two notes is forgiven. */
static bool
note_hearing(struct keeper *k, struct err *e)
{
	int64_t grace_s = k->tracker->settings->idle_timeout_s;
	struct pg_rows *rows = NULL;
	struct pg_scalar room[2];
	struct pg_param params[2];
	double deaf_s;

	if (grace_s > KEEPER_GRACE_S)
		grace_s = KEEPER_GRACE_S;
	params[0] = int4(&room[0], KEEPER_GAP_S);
	params[1] = int4(&room[1], grace_s);
	if (!pg_call(k->pg, "select tracker.hear($1, $2)", params, 2, &rows, e))
		return false;
	deaf_s = pg_double(rows, 0, 0);
	pg_rows_free(rows);
	if (deaf_s > 0)
		log_event(LOG_INFO_, "silence_forgiven", "deaf_s=%.1f grace_s=%lld", deaf_s,
		    (long long)grace_s);
	return true;
}

/* ---- idle workers -------------------------------------------------------------------------------- */

struct silent {
	int64_t worker, silent_us;
	struct uuid token;
};

/* Those who are silent among the next LOOK_MOST workers. *at goes on, or back to the start at the end. */
static int
list_silent(struct keeper *k, struct silent *list, int64_t *allowed_us, struct err *e)
{
	struct cursor *at = &k->looked;
	struct pg_rows *rows = NULL;
	struct pg_scalar room[5];
	struct pg_param params[5] = {int4(&room[0], k->tracker->settings->idle_timeout_s),
	    pg_int2_param(&room[1], (int16_t)at->stage), pg_time_param(&room[2], at->created_us),
	    pg_int8_param(&room[3], at->worker), int4(&room[4], LOOK_MOST)};
	int n = 0, count;

	if (!pg_call(k->pg,
		"select worker, token, silent_us, allowed_us, stage, created "
		"from tracker.list_silent($1, $2, $3, $4, $5)",
		params, 5, &rows, e))
		return -1;
	count = pg_rows_count(rows);
	for (int i = 0; i < count && i < LOOK_MOST; i++)
		if (!pg_is_null(rows, i, 1))
			list[n++] = (struct silent){
			    pg_int(rows, i, 0), pg_int(rows, i, 2), pg_uuid(rows, i, 1)};
	*at = (struct cursor){0};
	if (count > 0) {
		*allowed_us = pg_int(rows, count - 1, 3);
		*at = (struct cursor){pg_int(rows, count - 1, 4), pg_time_us(rows, count - 1, 5),
		    pg_int(rows, count - 1, 0)};
	}
	pg_rows_free(rows);
	return n;
}

/* When Redis heard them, into seen_us[]; 0 = it knows nothing, or is away. */
static void
ask_redis(struct keeper *k, const struct silent *list, int n, int64_t *seen_us)
{
	const struct redis_value *values;
	struct err e = ERR_INIT;
	char key[160];
	size_t count;
	bool good;

	memset(seen_us, 0, (size_t)n * sizeof(*seen_us));
	redis_begin(k->redis);
	for (int i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "%sw:%lld", k->tracker->redis_prefix,
		    (long long)list[i].worker);
		redis_put_words(k->redis, "HGET", key, "seen", NULL);
	}
	good = redis_flush(k->redis, &values, &count, &e);
	health_of_redis(k->tracker->shared, PART_PRESENCE, k->redis, good, &e);
	if (!good || count != (size_t)n)
		return;
	for (int i = 0; i < n; i++)
		if (values[i].kind == REDIS_TEXT)
			seen_us[i] = strtoll(values[i].s, NULL, 10) * 1000;
}

static bool
see(struct keeper *k, struct pg_array *tokens, struct pg_array *seen, struct err *e)
{
	struct pg_param params[2] = {pg_array_param(tokens), pg_array_param(seen)};
	struct pg_rows *rows = NULL;

	if (tokens->count == 0)
		return true;
	if (!pg_call(k->pg, "select tracker.see_workers($1, $2)", params, 2, &rows, e))
		return false;
	pg_rows_free(rows);
	return true;
}

static bool
reap(struct keeper *k, struct pg_array *tokens, struct err *e)
{
	struct pg_rows *rows = NULL;
	struct pg_scalar idle;
	struct pg_param params[2] = {pg_array_param(tokens),
	    pg_int4_param(&idle, (int32_t)k->tracker->settings->idle_timeout_s)};

	if (tokens->count == 0)
		return true;
	if (!pg_call(k->pg, "select token, stage, freed from tracker.reap_workers($1, $2)", params,
		2, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++) {
		struct uuid token = pg_uuid(rows, i, 0);

		shared_bump(k->tracker->shared, &token);
		k->tracker->worker_changed(k->tracker, &token);
	}
	if (pg_rows_count(rows) > 0) {
		tracker_counts_changed(k->tracker);
		log_event(LOG_INFO_, "workers_idle", "gone=%d", pg_rows_count(rows));
	}
	pg_rows_free(rows);
	return true;
}

/* Those whom Redis has heard are moved forward; those who are past the limit by all accounts go. */
static bool
judge(struct keeper *k, const struct silent *list, int n, int64_t allowed_us, struct err *e)
{
	int64_t grace_us = k->tracker->settings->idle_timeout_s * 1000000 / 8;
	int64_t now_us = clock_wall_us(), heard_us[LOOK_MOST];
	bool good;
	struct pg_array seen_tokens, seen, gone;

	ask_redis(k, list, n, heard_us);
	pg_array_init(&seen_tokens, PG_UUID_ARRAY);
	pg_array_init(&seen, PG_TIMESTAMPTZ_ARRAY);
	pg_array_init(&gone, PG_UUID_ARRAY);
	for (int i = 0; i < n; i++) {
		/* Ages, for PostgreSQL's clock and ours need not be one. */
		int64_t age_us = now_us - heard_us[i];

		if (heard_us[i] != 0 && age_us < list[i].silent_us && age_us < allowed_us) {
			pg_array_uuid(&seen_tokens, &list[i].token);
			pg_array_time(&seen, heard_us[i]);
		} else if (heard_us[i] != 0 || list[i].silent_us >= allowed_us + grace_us)
			pg_array_uuid(&gone, &list[i].token);
	}
	good = see(k, &seen_tokens, &seen, e) && reap(k, &gone, e);
	pg_array_fini(&seen_tokens);
	pg_array_fini(&seen);
	pg_array_fini(&gone);
	return good;
}

/* Goes on where the tick before ended, for LOOKS rounds or TICK_US at most, and not past the last worker. */
static bool
reap_idle(struct keeper *k, struct err *e)
{
	int64_t until_us = clock_us() + TICK_US, allowed_us = 0;
	struct silent list[LOOK_MOST];

	for (int i = 0; i < LOOKS; i++) {
		int n = list_silent(k, list, &allowed_us, e);

		if (n < 0 || (n > 0 && !(judge(k, list, n, allowed_us, e) && note_hearing(k, e))))
			return false;
		if (k->looked.stage == 0 || clock_us() > until_us)
			break;
	}
	return true;
}

/* ---- over-long leases ----------------------------------------------------------------------------- */

static bool
expire_leases(struct keeper *k, struct err *e)
{
	const struct settings *s = k->tracker->settings;
	struct pg_rows *rows = NULL;
	struct pg_array timeouts;
	struct pg_param param;
	bool any = false, good;

	for (int i = 0; i < STAGES_MAX; i++)
		any = any || s->job_timeout_s[i] > 0;
	if (!any)
		return true;
	pg_array_init(&timeouts, PG_INT4_ARRAY);
	for (int i = 0; i < STAGES_MAX; i++)
		pg_array_int4(&timeouts, (int32_t)s->job_timeout_s[i]);
	param = pg_array_param(&timeouts);
	good = pg_call(
	    k->pg, "select stage, job, worker from tracker.expire_leases($1)", &param, 1, &rows, e);
	if (good && pg_rows_count(rows) > 0) {
		tracker_counts_changed(k->tracker);
		log_event(LOG_INFO_, "leases_expired", "jobs=%d", pg_rows_count(rows));
	}
	pg_rows_free(rows);
	pg_array_fini(&timeouts);
	return good;
}

/* ---- counts ----------------------------------------------------------------------------------------- */

/* Counts of minutes that are over, and how many different ones are about. */
static bool
fold(struct keeper *k, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (clock_us() - k->folded_us < FOLD_US)
		return true;
	k->folded_us = clock_us();
	if (!pg_call(k->pg, "select tracker.fold_tally()", NULL, 0, &rows, e))
		return false;
	pg_rows_free(rows);
	rows = NULL;
	if (!pg_call(k->pg, "select tracker.fold_credit()", NULL, 0, &rows, e))
		return false;
	pg_rows_free(rows);
	rows = NULL;
	if (!pg_call(k->pg, "select tracker.count_crowd()", NULL, 0, &rows, e))
		return false;
	pg_rows_free(rows);
	return true;
}

/* Batches without work leave the lines that claims go along. */
static bool
tidy(struct keeper *k, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (clock_us() - k->tidied_us < TIDY_US)
		return true;
	k->tidied_us = clock_us();
	if (!pg_call(k->pg, "select tracker.tidy_line()", NULL, 0, &rows, e))
		return false;
	pg_rows_free(rows);
	return true;
}

static void
tell_of_pause(const struct pg_rows *rows, int row)
{
	char name[900], why[400];
	size_t name_len, why_len;
	const char *n = pg_text(rows, row, 0, &name_len), *w = pg_text(rows, row, 1, &why_len);

	log_quote(name, sizeof(name), n, name_len);
	log_quote(why, sizeof(why), w, why_len);
	log_event(LOG_WARN_, "batch_paused", "batch=%s why=%s", name, why);
}

/* Batches that fail whoever tries them are paused; an operator reads why, and resumes them. */
static bool
judge_batches(struct keeper *k, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!k->tracker->settings->pause_on_failures || clock_us() - k->judged_us < JUDGE_US)
		return true;
	k->judged_us = clock_us();
	if (!pg_call(k->pg, "select name, why from tracker.judge_batches()", NULL, 0, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++)
		tell_of_pause(rows, i);
	if (pg_rows_count(rows) > 0)
		tracker_counts_changed(k->tracker);
	pg_rows_free(rows);
	return true;
}

/* Who has come lately and brought nothing, by where they come from. */
static bool
count_newcomers(struct keeper *k, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (clock_us() - k->counted_us < COUNT_US)
		return true;
	k->counted_us = clock_us();
	if (!pg_call(k->pg, "select tracker.count_newcomers()", NULL, 0, &rows, e))
		return false;
	pg_rows_free(rows);
	return true;
}

/* What waits of cancelled batches, a bite a tick while there is more. */
static bool
sweep(struct keeper *k, struct err *e)
{
	struct pg_scalar room;
	struct pg_param most = pg_int4_param(&room, SWEEP_LOOK);
	struct pg_rows *rows = NULL;

	if (clock_us() - k->swept_us < TIDY_US)
		return true;
	if (!pg_call(k->pg, "select tracker.sweep_cancelled($1)", &most, 1, &rows, e))
		return false;
	if (pg_int(rows, 0, 0) < SWEEP_LOOK)
		k->swept_us = clock_us();
	pg_rows_free(rows);
	return true;
}

static bool
forget(struct keeper *k, struct err *e)
{
	struct pg_scalar room;
	struct pg_param keep = pg_int8_param(&room, k->tracker->settings->keep_addresses_s);
	struct pg_rows *rows = NULL;

	if (clock_us() - k->forgot_us < FORGET_US)
		return true;
	k->forgot_us = clock_us();
	if (!pg_call(k->pg, "select tracker.forget_addresses($1)", &keep, 1, &rows, e))
		return false;
	pg_rows_free(rows);
	return true;
}

/* One bite; an end is noted when anything went. */
static bool
purge_bite(struct keeper *k, struct purge *p, const char *kind, struct err *e)
{
	struct pg_scalar room[3];
	struct pg_param params[4] = {pg_text_param(kind, strlen(kind)),
	    pg_int8_param(&room[0], k->tracker->settings->purge_after_s),
	    pg_int8_param(&room[1], p->after), int4(&room[2], PURGE_LOOK)};
	struct pg_rows *rows = NULL;

	if (!pg_call(k->pg, "select last, purged from tracker.purge_old($1, $2, $3, $4, null)",
		params, 4, &rows, e))
		return false;
	p->after = pg_int(rows, 0, 0); /* null, the end, reads as 0 */
	p->purged += pg_int(rows, 0, 1);
	pg_rows_free(rows);
	if (p->after > 0)
		return true;
	if (p->purged > 0)
		log_event(LOG_INFO_, "purged", "kind=%s rows=%lld", kind, (long long)p->purged);
	p->purged = 0;
	p->ended_us = clock_us();
	return true;
}

/* Workers that never had a result go in any case. */
static bool
purge(struct keeper *k, struct err *e)
{
	static const char *const kinds[PURGES] = {"strikes", "results", "workers"};

	for (int i = 0; i < PURGES; i++) {
		struct purge *p = &k->purge[i];

		if (i != PURGE_WORKERS && k->tracker->settings->purge_after_s == 0)
			continue;
		if (p->after == 0 && clock_us() - p->ended_us < PURGE_US)
			continue;
		if (!purge_bite(k, p, kinds[i], e))
			return false;
	}
	return true;
}

/* ---- what names look like --------------------------------------------------------------------------- */

/* One bite. *left: there may be more. */
static bool
look_at_some(struct keeper *k, const struct pg_rows *rows, bool *left, struct err *e)
{
	struct pg_array people, nicknames, folded, written;
	struct pg_rows *done = NULL;
	struct pg_param params[5];
	char mark[NICKNAME_MARK];
	struct arena arena;

	arena_init(&arena);
	pg_array_init(&people, PG_INT8_ARRAY);
	pg_array_init(&nicknames, PG_TEXT_ARRAY);
	pg_array_init(&folded, PG_UUID_ARRAY);
	pg_array_init(&written, PG_UUID_ARRAY);
	for (int i = 0; i < pg_rows_count(rows); i++) {
		size_t len;
		const char *name = pg_text(rows, i, 1, &len);
		struct nickname_look look = nickname_look(&arena, name, len);

		pg_array_int8(&people, pg_int(rows, i, 0));
		pg_array_text(&nicknames, name, len);
		pg_array_uuid(&folded, &look.folded);
		pg_array_uuid(&written, &look.written);
	}
	params[0] = pg_array_param(&people);
	params[1] = pg_array_param(&nicknames);
	params[2] = pg_array_param(&folded);
	params[3] = pg_array_param(&written);
	params[4] = pg_text_param(mark, strlen(nickname_mark(mark)));
	*left = false;
	if (pg_call(k->pg, "select tracker.put_looks($1, $2, $3, $4, $5)", params, 5, &done, e))
		*left = pg_rows_count(rows) == LOOK_MOST && pg_int(done, 0, 0) > 0;
	pg_rows_free(done);
	pg_array_fini(&people);
	pg_array_fini(&nicknames);
	pg_array_fini(&folded);
	pg_array_fini(&written);
	arena_fini(&arena);
	return e->kind == ERR_NONE;
}

/* Names of before, and all of them when ICU is another one; the rest in the next tick. */
static bool
look_at_names(struct keeper *k, struct err *e)
{
	int64_t until_us = clock_us() + TICK_US;
	char mark[NICKNAME_MARK];
	struct pg_scalar most;
	struct pg_param params[2] = {
	    pg_text_param(mark, strlen(nickname_mark(mark))), int4(&most, LOOK_MOST)};
	bool left = true;

	while (left && clock_us() < until_us) {
		struct pg_rows *rows = NULL;

		if (!pg_call(k->pg, "select person, nickname from tracker.list_unlooked($1, $2)",
			params, 2, &rows, e))
			return false;
		if (pg_rows_count(rows) == 0)
			left = false;
		else
			(void)look_at_some(k, rows, &left, e);
		pg_rows_free(rows);
		if (e->kind != ERR_NONE)
			return false;
	}
	k->looked_us = left ? 0 : clock_us();
	return true;
}

static bool
look_now_and_then(struct keeper *k, struct err *e)
{
	return clock_us() - k->looked_us < FOLD_US || look_at_names(k, e);
}

/* ---- events ------------------------------------------------------------------------------------------ */

static bool
tell_events(struct keeper *k, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!events_are_told(k->events) || clock_us() - k->told_us < EVENTS_US)
		return true;
	k->told_us = clock_us();
	if (!pg_call(k->pg, "select event, details from tracker.take_events()", NULL, 0, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++) {
		size_t len;
		const char *json = pg_text(rows, i, 1, &len);

		events_tell(k->events, pg_text(rows, i, 0, NULL), json, len);
	}
	pg_rows_free(rows);
	return true;
}

/* One error is one round lost: the next tick tries again, for ever. */
static void
note_failure(struct keeper *k, const struct err *e)
{
	static _Atomic(long) last;
	enum sqlstate_blame blame = sqlstate_blame(e->sqlstate);

	if (e->kind != ERR_SQL || (blame != BLAME_CALL && blame != BLAME_CLASH))
		health_ill(k->tracker->shared, PART_KEEPER, e, e->sqlstate);
	else if (log_due(&last, 60))
		log_err(LOG_WARN_, "keeper_round_failed", e);
}

static void
keep(struct keeper *k)
{
	struct shared *shared = k->tracker->shared;
	struct err e = ERR_INIT;
	bool good = look_at_stages(k, &e) && lead(k, &e);

	if (good && health_hears(shared))
		good = note_hearing(k, &e) && reap_idle(k, &e) && expire_leases(k, &e);
	if (good)
		good = fold(k, &e) && tidy(k, &e) && judge_batches(k, &e) &&
		    count_newcomers(k, &e) && sweep(k, &e) && forget(k, &e) && purge(k, &e) &&
		    look_now_and_then(k, &e) && tell_events(k, &e);
	if (good || e.kind == ERR_NONE)
		health_good(shared, PART_KEEPER); /* that another keeps is well */
	else
		note_failure(k, &e);
}

static void *
run(void *arg)
{
	struct keeper *k = arg;

	do
		keep(k);
	while (wait_tick(k));
	return NULL;
}

struct keeper *
keeper_start(struct tracker *t, struct events *events)
{
	struct keeper *k = calloc(1, sizeof(*k));
	pthread_condattr_t monotonic;

	if (!k)
		abort();
	k->tracker = t;
	k->events = events;
	k->folded_us = clock_us();
	k->forgot_us = k->folded_us - FORGET_US;
	for (int i = 0; i < PURGES; i++)
		k->purge[i].ended_us = k->folded_us - PURGE_US;
	k->looked_us = k->folded_us - FOLD_US;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&k->stop, &monotonic);
	pthread_condattr_destroy(&monotonic);
	k->pg = pg_new(t->settings->postgres, "tracker keeper",
	    "set jit = off; set search_path = tracker; set idle_session_timeout = '" KEEPER_IDLE
	    "'");
	pg_must_write(k->pg);
	pg_set_patience(k->pg, 60000);
	k->redis = redis_new(t->settings->redis);
	if (pthread_create(&k->thread, NULL, run, k) != 0)
		abort();
	return k;
}

void
keeper_stop(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_cond_signal(&k->stop);
	pthread_mutex_unlock(&k->lock);
}

void
keeper_join(struct keeper *k)
{
	pthread_join(k->thread, NULL);
	pg_free(k->pg);
	redis_free(k->redis);
	pthread_cond_destroy(&k->stop);
	pthread_mutex_destroy(&k->lock);
	free(k);
}
