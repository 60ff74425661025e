/*
 * distcompute-worker -- makes a worker of any program.
 *
 * The loop: what is in hand, why to stop, the protocol, what is late; each looks at everything that is
 * its own and says when it must be called again.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/standard.h"
#include "base/text.h"
#include "worker/late.h"
#include "worker/options.h"
#include "worker/say.h"
#include "worker/stage.h"
#include "worker/sync.h"
#include "worker/v1.h"
#include "worker/worker.h"

#define DELIVER_US 15000000    /* at the end: for the last results */
#define DELIVER_NOW_US 5000000 /* the same, in a hurry */
#define FAREWELL_US 3000000    /* for a bye alone */
#define STATUS_US 1000000      /* between two status lines */
#define LOOK_US 60000000       /* at the latest */

struct program {
	struct worker w;
	struct stage *stage;
	struct late *late; /* speaks for identities of before */
	struct sync *sync; /* one of the two speaks for this one */
	struct v1 *v1;
	struct watch signals;
	int64_t status_us; /* of the next status line */
};

/* ---- stopping --------------------------------------------------------------------------------- */

static void
on_interrupt(struct worker *w)
{
	if (w->stopping == STOP_NOT) {
		say(SAY_INFO,
		    "stopping: %d %s in hand will be finished; Ctrl-C again gives %s back",
		    w->hand.running, text_plural(w->hand.running, "job", "jobs"),
		    text_plural(w->hand.running, "it", "them"));
		worker_stop(w, STOP_AFTER_JOBS);
	} else if (w->stopping == STOP_AFTER_JOBS) {
		say(SAY_INFO, "giving everything back");
		worker_stop(w, STOP_NOW);
	} else if (w->hand.running > 0) {
		say(SAY_INFO, "stopping the commands: they have five seconds");
	} else {
		w->give_up_us = 1; /* what was given back has been told, or tried */
	}
}

static void
on_terminate(struct worker *w)
{
	say(SAY_INFO, "stopping: %d %s %" PRId64 " s", w->hand.running,
	    text_plural(w->hand.running, "job in hand has", "jobs in hand have"), w->o.grace_s);
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

	for (struct item *i = w->hand.items; i; i = i->next) {
		if (i->state != ITEM_ENDED || i->outcome != OUT_DONE)
			continue;
		if (!i->spool_file)
			spool_keep(&w->spool, i);
		if (!i->spool_file)
			say(SAY_ERROR, "job %" PRId64 ": its result is lost", i->job);
		left++;
	}
	if (left > 0) {
		say(SAY_WARN, "%d %s in %s; the next run delivers %s", left,
		    text_plural(left, "result waits", "results wait"), w->spool.dir,
		    text_plural(left, "it", "them"));
		w->exit_code = EX_TEMPFAIL;
	}
	w->finished = true;
}

static int64_t
patience_us(const struct worker *w)
{
	if (!w->hand.items)
		return FAREWELL_US;
	return w->stopping == STOP_NOW ? DELIVER_NOW_US : DELIVER_US;
}

/* What the talk has found out, and cannot be gone on with. */
static void
act_on_trouble(struct worker *w)
{
	switch (w->trouble) {
	case TROUBLE_NONE:
		return;
	case TROUBLE_DISTRUST:
		say(SAY_ERROR, "%s", w->trouble_said);
		say(SAY_ERROR,
		    "name its authority with --cacert FILE, or take any with --insecure");
		w->exit_code = EX_UNAVAILABLE;
		break;
	case TROUBLE_NO_TRACKER:
		say(SAY_ERROR, "there is no tracker at %s", w->trouble_said);
		w->exit_code = EX_CONFIG;
		break;
	case TROUBLE_REFUSED:
		say(SAY_ERROR, "the tracker refused to register this worker (%s)", w->trouble_said);
		w->exit_code = EX_CONFIG;
		break;
	case TROUBLE_STAGE:
		say(SAY_ERROR, "%s", w->trouble_said);
		w->exit_code = EX_CONFIG;
		break;
	}
	worker_stop(w, STOP_AFTER_JOBS);
	if (!w->hand.items)
		w->finished = true;
}

static bool
is_idle_too_long(const struct worker *w, int64_t now_us)
{
	return w->o.exit_idle_s > 0 && w->hand.idle_since_us > 0 &&
	    now_us >= w->hand.idle_since_us + w->o.exit_idle_s * 1000000;
}

static void
check_reasons_to_stop(struct worker *w, int64_t now_us)
{
	const struct hand *h = &w->hand;

	if (w->stopping == STOP_NOT)
		act_on_trouble(w);
	if (h->no_command && w->stopping == STOP_NOT) {
		w->exit_code = EX_UNAVAILABLE;
		worker_stop(w, STOP_AFTER_JOBS);
	}
	if (h->o.max_jobs > 0 && h->begun >= h->o.max_jobs)
		worker_stop(w, STOP_AFTER_JOBS);
	if (w->stopping == STOP_NOT && is_idle_too_long(w, now_us)) {
		if (w->away_told && w->was_welcome) {
			say(SAY_ERROR, "the tracker could not be reached at the end");
			w->exit_code = EX_UNAVAILABLE;
		}
		worker_stop(w, STOP_AFTER_JOBS);
	}
	if (w->stopping == STOP_AFTER_JOBS && w->give_back_us > 0 && now_us >= w->give_back_us)
		worker_stop(w, STOP_NOW);
}

/* Returns when to look again. */
static int64_t
stop_tick(struct worker *w, int64_t now_us)
{
	check_reasons_to_stop(w, now_us);
	if (w->stopping == STOP_NOT)
		return w->o.exit_idle_s > 0 && w->hand.idle_since_us > 0
		    ? w->hand.idle_since_us + w->o.exit_idle_s * 1000000
		    : INT64_MAX;
	if (w->hand.running > 0)
		return w->give_back_us > 0 ? w->give_back_us : INT64_MAX;
	if (w->give_up_us == 0)
		w->give_up_us = now_us + patience_us(w);
	if (now_us >= w->give_up_us && !w->finished)
		give_up(w);
	return w->give_up_us;
}

/* ---- the status line -------------------------------------------------------------------------- */

static int64_t
status_tick(struct program *p, int64_t now_us)
{
	const struct worker *w = &p->w;
	const struct hand *h = &w->hand;
	char line[700];
	int n;

	if (!say_has_status())
		return INT64_MAX;
	if (now_us < p->status_us)
		return p->status_us;
	n = snprintf(line, sizeof(line), "%" PRId64 " done, %.1f a minute, %d in hand",
	    w->tally.taken, worker_rate(w, now_us), h->running + h->queued);
	if (h->ended > 0)
		n += snprintf(line + n, sizeof(line) - (size_t)n, ", %d to be delivered", h->ended);
	if (w->stopping != STOP_NOT)
		snprintf(line + n, sizeof(line) - (size_t)n, "; stopping");
	else if (backoff_holds(&w->backoff, now_us))
		snprintf(line + n, sizeof(line) - (size_t)n,
		    "; the tracker %s, next try in %" PRId64 " s",
		    w->away == AWAY_SILENT ? "is away" : "has this worker wait",
		    (w->backoff.until_us - now_us) / 1000000 + 1);
	else if ((h->running == 0 || w->rests) && w->message[0] != '\0')
		snprintf(line + n, sizeof(line) - (size_t)n, "; waiting: %s", w->message);
	say_status(line);
	p->status_us = now_us + STATUS_US;
	return p->status_us;
}

/* ---- the loop --------------------------------------------------------------------------------- */

static int64_t
protocol_tick(struct program *p, int64_t now_us)
{
	struct worker *w = &p->w;

	if (w->stage[0] == '\0' && w->stopping == STOP_NOT)
		return stage_tick(p->stage, now_us);
	if (p->sync && sync_is_unknown(p->sync)) {
		say(SAY_INFO,
		    "this tracker has no /api/sync: going on with the older job API, "
		    "%d %s of one slot",
		    w->o.hand.slots, text_plural(w->o.hand.slots, "worker", "workers"));
		sync_free(p->sync);
		p->sync = NULL;
		w->hand.o.prefetch = false;
		p->v1 = v1_new(w);
	}
	return p->sync ? sync_tick(p->sync, now_us) : v1_tick(p->v1, now_us);
}

static bool
is_over(const struct program *p)
{
	return p->w.finished && (late_is_idle(p->late) || clock_us() >= p->w.give_up_us);
}

/* Looks at everything once; returns when to look again. */
static int64_t
tick(struct program *p)
{
	struct worker *w = &p->w;
	int64_t now_us = clock_us();
	int64_t next_us = sooner(hand_tick(&w->hand, now_us), stop_tick(w, now_us));

	if (!w->finished)
		next_us = sooner(next_us, protocol_tick(p, now_us));
	next_us = sooner(next_us, late_tick(p->late, p->sync && sync_works(p->sync), now_us));
	return sooner(next_us, status_tick(p, now_us));
}

static void
run(struct program *p)
{
	struct worker *w = &p->w;

	for (;;) {
		int64_t next_us = tick(p), now_us = clock_us();

		if (is_over(p))
			return;
		next_us = sooner(next_us, now_us + LOOK_US);
		http_wait(
		    w->http, w->loop.fd, next_us > now_us ? (next_us - now_us + 999) / 1000 : 0);
		loop_run(&w->loop);
	}
}

/* ---- start and end ---------------------------------------------------------------------------- */

/* As execvp will find it. */
static bool
is_command(const char *name)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];
	struct stat st;

	errno = 0;
	if (strchr(name, '/'))
		return access(name, X_OK) == 0 && stat(name, &st) == 0 && S_ISREG(st.st_mode);
	for (path = path ? path : "/bin:/usr/bin"; *path; path += *path == ':') {
		int len = (int)strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", len, len > 0 ? path : ".", name);
		path += len;
		if (access(file, X_OK) == 0 && stat(file, &st) == 0 && S_ISREG(st.st_mode))
			return true;
	}
	errno = ENOENT;
	return false;
}

/* The command of a settings file is a shell's: its first word, when that is plain, is one that the shell knows. */
static bool
is_script(const char *text)
{
	size_t len =
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+-");
	char word[PATH_MAX], ask[PATH_MAX + 32];

	if (len == 0 || len >= sizeof(word) || *text == '-' || !strchr(" \t;|&<>", text[len]))
		return true;
	snprintf(word, sizeof(word), "%.*s", (int)len, text);
	if (strchr(word, '/'))
		return is_command(word);
	snprintf(ask, sizeof(ask), "command -v %s >/dev/null 2>&1", word);
	errno = ENOENT;
	return system(ask) == 0;
}

static bool
can_run(const struct options *o)
{
	char *const *command = o->hand.command;

	if (is_command(command[0]) && (command != o->shell || is_script(command[2])))
		return true;
	say(SAY_ERROR, "cannot run %s: %s", command == o->shell ? command[2] : command[0],
	    errno == 0 ? "it is no program" : strerror(errno));
	return false;
}

/* What whoever started us has ignored, as nohup does, stays ignored. */
static void
add_unless_ignored(sigset_t *set, int sig)
{
	struct sigaction before;

	if (sigaction(sig, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
		return;
	sigaddset(set, sig);
}

static bool
watch_signals(struct program *p, struct err *e)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	add_unless_ignored(&set, SIGINT);
	add_unless_ignored(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_BUG, NULL, "signalfd failed");
	p->signals = (struct watch){.ready = on_signal, .owner = &p->w};
	return loop_watch(&p->w.loop, &p->signals, fd, false, e);
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
	hand_add(&w->hand, i);
}

static bool
start(struct program *p, struct err *e)
{
	struct worker *w = &p->w;

	if (!worker_open(w, e) || !watch_signals(p, e))
		return false;
	p->stage = stage_new(w);
	p->late = late_new(w);
	if (w->o.v1)
		p->v1 = v1_new(w);
	else
		p->sync = sync_new(w);
	spool_read(&w->spool, identity_of, take_spooled, w);
	return true;
}

static void
put_count(char *out, size_t size, int64_t n, const char *what)
{
	size_t used = strlen(out);

	if (n > 0 && used < size)
		snprintf(out + used, size - used, ", %" PRId64 " %s", n, what);
}

static void
say_goodbye(const struct worker *w)
{
	const struct tally *t = &w->tally;
	char rest[300] = "";

	put_count(rest, sizeof(rest), t->seconds, "confirmed what others sent sooner");
	put_count(rest, sizeof(rest), t->late, "were too late");
	put_count(rest, sizeof(rest), t->refused, "refused");
	put_count(rest, sizeof(rest), t->failed, "failed");
	put_count(rest, sizeof(rest), t->flagged, "flagged as bad input");
	put_count(rest, sizeof(rest), t->given_back, "given back");
	say(SAY_INFO, "goodbye: the tracker took %" PRId64 " %s%s", t->taken,
	    text_plural(t->taken, "result", "results"), rest);
}

static void
finish(struct program *p)
{
	struct worker *w = &p->w;

	say_status("");
	if (!w->was_welcome && w->trouble == TROUBLE_NONE) {
		say(SAY_ERROR, "the tracker was never reached");
		w->exit_code = w->exit_code == EX_OK ? EX_UNAVAILABLE : w->exit_code;
	}
	say_goodbye(w);
	loop_close(&w->loop, &p->signals);
	stage_free(p->stage);
	late_free(p->late);
	sync_free(p->sync);
	v1_free(p->v1);
	worker_close(w);
}

int
main(int argc, char **argv)
{
	struct program p = {.w.exit_code = EX_OK, .signals = WATCH_NONE};
	struct err e = ERR_INIT;
	int code;

	standard_open();
	options_read(&p.w.o, argc, argv);
	if (!can_run(&p.w.o))
		return EX_UNAVAILABLE;
	if (!start(&p, &e)) {
		say(SAY_ERROR, "%s", e.why);
		return EX_CONFIG;
	}
	run(&p);
	finish(&p);
	code = p.w.exit_code;
	options_fini(&p.w.o);
	return code;
}
