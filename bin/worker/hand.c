#include "worker/hand.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "worker/say.h"

#define EXIT_FLAGGED 65         /* EX_DATAERR of sysexits.h */
#define GRACE_MS 5000           /* between SIGTERM and SIGKILL */
#define SPOOL_AFTER_US 2000000  /* a result that nobody took this long goes to disk */
#define PREFETCH_BELOW_MS 30000 /* longer runs: a job ahead would wait here while others idle */
#define REST_AFTER_FAILS 3
#define REST_MAX_S 60
#define REST_UNSTARTED_US 5000000 /* no memory, no processes: that passes */
#define PROGRESS_MAX 255          /* characters; the tracker cuts there */

void
hand_init(struct hand *h, const struct hand_options *o, struct loop *loop, struct spool *spool,
    struct guard *guard)
{
	memset(h, 0, sizeof(*h));
	h->o = *o;
	h->loop = loop;
	h->spool = spool;
	h->guard = guard;
	h->items_end = &h->items;
	h->average_ms = -1;
	h->idle_since_us = clock_us();
}

void
hand_fini(struct hand *h)
{
	while (h->items) {
		struct item *i = h->items;

		h->items = i->next;
		item_free(i);
	}
}

/* ---- the list --------------------------------------------------------------------------------- */

static int *
count_of(struct hand *h, enum item_state state)
{
	if (state == ITEM_QUEUED)
		return &h->queued;
	return state == ITEM_RUNNING ? &h->running : &h->ended;
}

static void
set_state(struct hand *h, struct item *i, enum item_state state)
{
	--*count_of(h, i->state);
	i->state = state;
	++*count_of(h, i->state);
}

static void
set_outcome(struct item *i, enum outcome outcome, const char *reason)
{
	i->outcome = outcome;
	snprintf(i->reason, sizeof(i->reason), "%s", reason);
}

static void
end_item(struct hand *h, struct item *i)
{
	set_state(h, i, ITEM_ENDED);
	i->ended_us = clock_us();
	buf_fini(&i->input);
	buf_init(&i->input, 0);
}

static void
release(struct hand *h, struct item *i)
{
	set_outcome(i, OUT_RELEASED, "not begun");
	end_item(h, i);
}

static void
release_queued(struct hand *h)
{
	for (struct item *i = h->items; i && h->queued > 0; i = i->next)
		if (i->state == ITEM_QUEUED)
			release(h, i);
}

static bool
is_resting(const struct hand *h, int64_t now_us)
{
	return now_us < h->rest_us;
}

/* Nothing is begun before then; somebody else may do what would only lie here. */
static void
rest_until(struct hand *h, int64_t us)
{
	h->rest_us = us;
	release_queued(h);
}

static bool
was_told(const struct hand *h, const char *lease)
{
	struct uuid id = hash_128(lease, strlen(lease));

	for (unsigned n = 0; n < HAND_MEMORY; n++)
		if (uuid_equal(&h->told[n], &id))
			return true;
	return false;
}

static bool
is_known(const struct hand *h, const char *lease)
{
	if (!lease)
		return false;
	for (const struct item *i = h->items; i; i = i->next)
		if (i->lease && strcmp(i->lease, lease) == 0)
			return true;
	return was_told(h, lease);
}

bool
hand_add(struct hand *h, struct item *i)
{
	if (is_known(h, i->lease)) {
		item_free(i);
		return false;
	}
	*h->items_end = i;
	h->items_end = &i->next;
	++*count_of(h, i->state);
	h->idle_since_us = 0;
	if (i->state == ITEM_QUEUED && (h->closed || is_resting(h, clock_us())))
		release(h, i);
	return true;
}

static void
unlink_item(struct hand *h, struct item *i)
{
	struct item **at = &h->items;

	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	if (h->items_end == &i->next)
		h->items_end = at;
	--*count_of(h, i->state);
	if (!h->items)
		h->idle_since_us = clock_us();
}

void
hand_forget(struct hand *h, struct item *i)
{
	unlink_item(h, i);
	if (i->lease)
		h->told[h->told_next++ % HAND_MEMORY] = hash_128(i->lease, strlen(i->lease));
	spool_forget(h->spool, i);
	item_free(i);
}

int
hand_wants(const struct hand *h, int64_t now_us)
{
	int64_t room = h->o.slots - h->running - h->queued, left;

	if (h->closed || is_resting(h, now_us))
		return 0;
	if (h->o.prefetch && h->average_ms >= 0 && h->average_ms < PREFETCH_BELOW_MS)
		room += h->o.slots;
	if (h->o.max_jobs > 0) {
		left = h->o.max_jobs - h->begun - h->queued;
		room = room < left ? room : left;
	}
	return room > 0 ? (int)room : 0;
}

bool
hand_starves(const struct hand *h)
{
	return h->queued == 0 && h->running < h->o.slots;
}

/* ---- outcomes --------------------------------------------------------------------------------- */

/* "exit 3: disk full" */
static void
set_outcome_said(struct item *i, enum outcome outcome, const char *what)
{
	char said[512];
	size_t len;
	const char *line = run_line_last(&i->run.complaints, &len);

	say_clean(said, sizeof(said), line, len);
	i->outcome = outcome;
	if (said[0] == '\0')
		snprintf(i->reason, sizeof(i->reason), "%s", what);
	else if (outcome == OUT_FLAGGED)
		snprintf(i->reason, sizeof(i->reason), "%s", said);
	else
		snprintf(i->reason, sizeof(i->reason), "%s: %s", what, said);
}

static void
take_text(const struct hand *h, struct item *i)
{
	const struct buf *out = &i->run.result;
	size_t len = out->len;

	if (len > 0 && memchr(out->data, '\0', len)) {
		set_outcome(
		    i, OUT_FAILED, "the output holds a NUL character: only text can be sent");
		return;
	}
	if (len > 0 && !text_is_utf8(out->data, len)) {
		set_outcome(i, OUT_FAILED, "the output is no UTF-8 text");
		return;
	}
	if (h->o.chomp && len > 0 && out->data[len - 1] == '\n')
		len--;
	json_put_text(&i->result, len > 0 ? out->data : "", len);
	i->outcome = OUT_DONE;
}

static void
take_json(struct item *i)
{
	const struct buf *out = &i->run.result;
	struct err e = ERR_INIT;
	json *value = out->len > 0 ? json_parse(out->data, out->len, &e) : NULL;

	if (!value) {
		snprintf(i->reason, sizeof(i->reason), "the output is no valid JSON%s%.200s",
		    out->len > 0 ? ": " : ": it is empty", e.why);
		i->outcome = OUT_FAILED;
		return;
	}
	json_free(value);
	buf_put(&i->result, out->data, out->len);
	i->outcome = OUT_DONE;
}

static void
judge_fault(const struct hand *h, struct item *i)
{
	char text[96];

	if (i->run.fault == RUN_UNWANTED) {
		set_outcome(i, OUT_RELEASED, "given back");
		return;
	}
	if (i->run.fault == RUN_TOO_BIG)
		snprintf(text, sizeof(text), "the output is over %" PRId64 " bytes (--max-result)",
		    h->o.max_result);
	else
		snprintf(
		    text, sizeof(text), "no end after %" PRId64 " s (--timeout)", h->o.timeout_s);
	set_outcome(i, OUT_FAILED, text);
}

static void
judge_status(const struct hand *h, struct item *i)
{
	int status = i->run.status;
	char text[96];

	if (WIFSIGNALED(status)) {
		snprintf(text, sizeof(text), "killed by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
		set_outcome_said(i, OUT_FAILED, text);
		return;
	}
	snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(status));
	if (WEXITSTATUS(status) == EXIT_FLAGGED)
		set_outcome_said(i, OUT_FLAGGED, text);
	else if (WEXITSTATUS(status) != 0)
		set_outcome_said(i, OUT_FAILED, text);
	else if (h->o.json)
		take_json(i);
	else
		take_text(h, i);
}

static void
count_failure(struct hand *h, int64_t now_us)
{
	int64_t rest_s = 1;

	h->failed++;
	h->fails_in_row++;
	if (h->fails_in_row < REST_AFTER_FAILS)
		return;
	for (int i = REST_AFTER_FAILS; i < h->fails_in_row && rest_s < REST_MAX_S; i++)
		rest_s *= 2;
	rest_s = rest_s < REST_MAX_S ? rest_s : REST_MAX_S;
	say(SAY_WARN, "%d %s in a row failed here: no new one for %" PRId64 " s", h->fails_in_row,
	    text_plural(h->fails_in_row, "job", "jobs"), rest_s);
	rest_until(h, now_us + random_jitter(rest_s * 1000, 25) * 1000);
}

static void
count_outcome(struct hand *h, struct item *i)
{
	int64_t ms = (i->run.ended_us - i->run.started_us) / 1000;
	double s = (double)ms / 1000;

	h->average_ms = h->average_ms < 0 ? ms : (h->average_ms * 7 + ms) / 8;
	switch (i->outcome) {
	case OUT_DONE:
		h->done++;
		h->fails_in_row = 0;
		say(SAY_INFO, "job %" PRId64 " done in %.1f s (%zu bytes)", i->job, s,
		    i->result.len);
		break;
	case OUT_FLAGGED:
		say(SAY_WARN, "job %" PRId64 " flagged as bad input: %s", i->job, i->reason);
		break;
	case OUT_FAILED:
		say(SAY_WARN, "job %" PRId64 " failed after %.1f s: %s", i->job, s, i->reason);
		count_failure(h, i->run.ended_us);
		break;
	case OUT_RELEASED:
		say(SAY_INFO, "job %" PRId64 " stopped", i->job);
		break;
	}
}

static void
on_run_ended(struct run *r)
{
	struct item *i = r->owner;
	struct hand *h = i->hand;

	guard_remove(h->guard, i->group);
	h->slot_busy[i->slot] = false;
	if (r->fault != RUN_WELL)
		judge_fault(h, i);
	else
		judge_status(h, i);
	end_item(h, i);
	count_outcome(h, i);
	buf_fini(&i->run.result);
	buf_init(&i->run.result, 0);
}

/* ---- slots ------------------------------------------------------------------------------------ */

static int
free_slot(const struct hand *h)
{
	for (int n = 0; n < h->o.slots; n++)
		if (!h->slot_busy[n])
			return n;
	return -1;
}

static void
on_not_started(struct hand *h, struct item *i, const struct err *e)
{
	set_outcome(i, OUT_RELEASED, "could not be started");
	i->run.ended_us = i->run.started_us;
	end_item(h, i);
	h->no_command = h->no_command || i->run.no_command;
	if (h->no_command)
		say(SAY_ERROR, "cannot run %s: %s", h->o.command[0], e->why);
	else
		say(SAY_WARN, "job %" PRId64 " could not be started: %s", i->job, e->why);
	rest_until(h, clock_us() + REST_UNSTARTED_US);
}

static void
begin(struct hand *h, struct item *i, int slot)
{
	char job[24], attempt[24], number[16];
	const struct run_env env[] = {{"JOB_NUMBER", job}, {"JOB_STAGE", i->stage},
	    {"JOB_ATTEMPT", attempt}, {"JOB_LEASE", i->lease ? i->lease : ""},
	    {"JOB_FORMAT", i->is_json ? "json" : "text"}, {"WORKER_NAME", i->who->name},
	    {"WORKER_SLOT", number}, {"WORKER_URL", h->o.url}, {GUARD_MARK, h->guard->mark},
	    {NULL, NULL}};
	struct err e = ERR_INIT;

	i->hand = h;
	snprintf(job, sizeof(job), "%" PRId64, i->job);
	snprintf(attempt, sizeof(attempt), "%" PRId64, i->attempt > 0 ? i->attempt : 1);
	snprintf(number, sizeof(number), "%d", slot + 1);
	h->begun++;
	run_init(&i->run, h->loop, (size_t)h->o.max_result, on_run_ended, i);
	if (!run_start(&i->run, h->o.command, env, i->input.len > 0 ? i->input.data : "",
		i->input.len, &h->o.how, &e)) {
		on_not_started(h, i, &e);
		return;
	}
	guard_add(h->guard, i->run.pid);
	i->slot = slot;
	i->group = i->run.pid;
	h->slot_busy[slot] = true;
	set_state(h, i, ITEM_RUNNING);
	say(SAY_DEBUG, "job %" PRId64 " begun in slot %d", i->job, slot + 1);
}

static void
fill_slots(struct hand *h, int64_t now_us)
{
	if (h->closed || h->no_command || is_resting(h, now_us))
		return;
	for (struct item *i = h->items; i && h->queued > 0; i = i->next) {
		int slot = i->state == ITEM_QUEUED ? free_slot(h) : -1;

		if (i->state == ITEM_QUEUED && slot < 0)
			return;
		if (i->state == ITEM_QUEUED && (h->o.max_jobs == 0 || h->begun < h->o.max_jobs))
			begin(h, i, slot);
	}
}

void
hand_lose(struct hand *h, struct item *i)
{
	if (i->state == ITEM_ENDED)
		return; /* its report is on the way: the tracker will say what it makes of it */
	say(SAY_WARN, "job %" PRId64 " is not ours any more: stopped", i->job);
	if (i->state == ITEM_QUEUED) {
		hand_forget(h, i);
		return;
	}
	i->lost = true;
	run_stop(&i->run, RUN_UNWANTED, GRACE_MS);
}

void
hand_close(struct hand *h)
{
	h->closed = true;
	release_queued(h);
}

void
hand_give_back(struct hand *h)
{
	hand_close(h);
	for (struct item *i = h->items; i; i = i->next)
		if (i->state == ITEM_RUNNING)
			run_stop(&i->run, RUN_UNWANTED, GRACE_MS);
}

static int64_t
watch_run(const struct hand *h, struct item *i, int64_t now_us)
{
	int64_t due = INT64_MAX;

	if (h->o.timeout_s > 0 && i->run.fault == RUN_WELL) {
		due = i->run.started_us + h->o.timeout_s * 1000000;
		if (now_us >= due)
			run_stop(&i->run, RUN_TOO_LONG, GRACE_MS);
	}
	return sooner(due > now_us ? due : INT64_MAX, run_tick(&i->run, now_us));
}

static int64_t
watch_ended(struct hand *h, struct item *i, int64_t now_us)
{
	if (i->outcome != OUT_DONE || i->spool_file || i->unspoolable)
		return INT64_MAX;
	if (now_us < i->ended_us + SPOOL_AFTER_US)
		return i->ended_us + SPOOL_AFTER_US;
	spool_keep(h->spool, i);
	return INT64_MAX;
}

int64_t
hand_tick(struct hand *h, int64_t now_us)
{
	int64_t next = INT64_MAX;

	fill_slots(h, now_us);
	for (struct item *i = h->items, *after; i; i = after) {
		after = i->next;
		if (i->state == ITEM_RUNNING)
			next = sooner(next, watch_run(h, i, now_us));
		else if (i->state == ITEM_ENDED && i->lost)
			hand_forget(h, i);
		else if (i->state == ITEM_ENDED)
			next = sooner(next, watch_ended(h, i, now_us));
	}
	return is_resting(h, now_us) ? sooner(next, h->rest_us) : next;
}

static void
put_note(char *out, size_t size, const struct item *i, bool alone)
{
	char note[RUN_LINE];
	size_t used = strlen(out);

	say_clean(note, sizeof(note), i->run.notes.last, i->run.notes.last_len);
	if (note[0] == '\0' || used + 1 >= size)
		return;
	if (alone)
		snprintf(out, size, "%s", note);
	else
		snprintf(out + used, size - used, "%s%" PRId64 ": %s", used > 0 ? "; " : "", i->job,
		    note);
}

void
hand_progress(const struct hand *h, char *out, size_t size)
{
	char all[2 * RUN_LINE] = "";

	for (const struct item *i = h->items; i; i = i->next)
		if (i->state == ITEM_RUNNING)
			put_note(all, sizeof(all), i, h->o.slots == 1);
	/* Cleaned again: a note may have been cut in the middle of a character. */
	say_clean(out, size, all, strlen(all));
	out[text_cut(out, strlen(out), PROGRESS_MAX)] = '\0';
}
