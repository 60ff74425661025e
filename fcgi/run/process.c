#include "run/process.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/beats.h"
#include "domain/counts.h"
#include "domain/news.h"
#include "domain/presence.h"
#include "domain/stages.h"
#include "domain/tracker.h"
#include "run/acceptor.h"
#include "run/committer.h"
#include "run/events.h"
#include "run/herald.h"
#include "run/keeper.h"
#include "run/parked.h"
#include "run/reader.h"
#include "web/fcgx.h"
#include "web/page_cache.h"
#include "web/routes.h"
#include "web/template.h"

#define ACCEPTORS_MOST 64
#define LARGE_BLOCK (128 * 1024) /* from here on a block of memory is a mapping of its own */

/* The rooms of a running process, in the order in which they start. */
struct rooms {
	struct tracker tracker;
	char redis_prefix[96];
	struct committer *claim, *complete, *workers;
	struct reader_thread *reader, *fetcher, *actor;
	struct events *events;
	struct keeper *keeper;
	struct fcgx_limits limits;
	struct fcgx_gate *gate;
	struct acceptor *acceptor[ACCEPTORS_MOST], *long_acceptor;
	int acceptors;
};

static void
newer_call(struct tracker *t, const struct uuid *token)
{
	/* The ticket ends a call that is parked in another process, which looks ten times a second. */
	(void)shared_ticket_take(t->shared, token);
	parked_end(t->parked, token);
}

static void
work_later(struct tracker *t, int stage, uint64_t needs, int64_t after_us, int64_t count)
{
	parked_wake_later(t->parked, stage, needs, after_us, count);
}

static bool
submit_later(struct tracker *t, struct op *op, int64_t after_us)
{
	return parked_delay(t->parked, op, after_us);
}

static void
start_domain(struct rooms *r, const struct process *p)
{
	struct tracker *t = &r->tracker;

	news_prefix(r->redis_prefix, sizeof(r->redis_prefix), p->project_id);
	t->settings = p->settings;
	t->project_id = p->project_id;
	t->redis_prefix = r->redis_prefix;
	t->shared = p->shared;
	t->presence = presence_new(p->shared, p->settings->idle_timeout_s * 1000000 / 8);
	t->beats = beats_new();
	t->counts = counts_new(p->shared);
	t->stages = stages_new(&p->settings->stages);
	t->pages = page_cache_new(t);
	t->work_appeared = herald_work_appeared;
	t->worker_changed = herald_worker_changed;
	t->work_later = work_later;
	t->submit_later = submit_later;
	t->newer_call = newer_call;
	for (int i = 0; i < DESKS; i++)
		queue_init(&t->desk[i]);
}

static void
start_rooms(struct rooms *r, const struct process *p)
{
	struct tracker *t = &r->tracker;

	t->parked = parked_start(t, p->settings->parked_limit);
	herald_start(t);
	r->claim = committer_start(t, DESK_CLAIM);
	r->complete = committer_start(t, DESK_COMPLETE);
	r->workers = committer_start(t, DESK_WORKERS);
	r->reader = reader_start(t, DESK_READ);
	r->fetcher = reader_start(t, DESK_FETCH);
	r->actor = reader_start(t, DESK_ACT);
	r->events = events_start(t);
	r->keeper = keeper_start(t, r->events);
	r->acceptors = (int)p->settings->acceptors;
	if (r->acceptors > ACCEPTORS_MOST)
		r->acceptors = ACCEPTORS_MOST;
	r->limits = route_limits(p->settings);
	r->gate = fcgx_gate_new(p->listen_fd, &r->limits);
	r->long_acceptor = acceptor_start(t, r->gate, true);
	for (int i = 0; i < r->acceptors; i++)
		r->acceptor[i] = acceptor_start(t, r->gate, false);
}

static void
end_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGQUIT);
}

/*
 * At a reload: the web server's kept connections are ours as long as it keeps them, and it closes
 * each when it has been idle or open for long enough. Until then, or another signal, what comes on them
 * is answered, so that no request finds its connection closed.
 */
static void
retire(struct rooms *r)
{
	int64_t until = clock_us() + RETIRE_S * INT64_C(1000000);
	struct timespec tick = {.tv_nsec = 20 * 1000000};
	sigset_t set;

	end_signals(&set);
	fcgx_gate_shut(r->gate);
	parked_stop(r->tracker.parked);
	while (fcgx_gate_count(r->gate) > 0 && clock_us() < until &&
	    sigtimedwait(&set, NULL, &tick) < 0)
		continue;
}

/*
 * Backwards along the path of a request: first nobody comes in, then nobody waits, then the
 * desks finish. A request under way may pass from one desk to another (a fleet's call goes from results to
 * its claim, then to the counts), so the desks are closed only when none is under way.
 */
static void
stop_rooms(struct rooms *r)
{
	struct tracker *t = &r->tracker;

	acceptors_stop(r->gate);
	for (int i = 0; i < r->acceptors; i++)
		acceptor_join(r->acceptor[i]);
	acceptor_join(r->long_acceptor);
	parked_stop(t->parked);
	while (atomic_load(&t->in_flight) > 0)
		clock_sleep_ms(5);
	fcgx_gate_finish(r->gate); /* what is not taken gives its leases back */
	keeper_stop(r->keeper);
	keeper_join(r->keeper);
	events_stop(r->events);
	events_join(r->events);
	for (int i = 0; i < DESKS; i++)
		queue_close(&t->desk[i]);
	committer_join(r->claim);
	committer_join(r->complete);
	committer_join(r->workers);
	reader_join(r->reader);
	reader_join(r->fetcher);
	reader_join(r->actor);
	/* What the herald hears wakes parked calls to the very end. */
	herald_stop(t->herald);
	herald_join(t->herald);
	parked_join(t->parked);
	fcgx_gate_free(r->gate);
}

static void
stop_domain(struct rooms *r)
{
	struct tracker *t = &r->tracker;

	page_cache_free(t->pages);
	stages_free(t->stages);
	counts_free(t->counts);
	beats_free(t->beats);
	presence_free(t->presence);
	for (int i = 0; i < DESKS; i++)
		queue_fini(&t->desk[i]);
}

static void
drain_is_over(int sig)
{
	(void)sig;
	_exit(0);
}

/* Which signal it is that ends us. */
static int
wait_for_the_end(void)
{
	struct timespec tick = {.tv_sec = 1};
	sigset_t set;
	int sig;

	end_signals(&set);
	while ((sig = sigtimedwait(&set, NULL, &tick)) < 0)
		log_tell_left_out();
	/* From here on only the alarm may interrupt. */
	signal(SIGALRM, drain_is_over);
	alarm(DRAIN_S);
	return sig;
}

int
process_run(const struct process *p)
{
	struct rooms *r;
	struct err e = ERR_INIT;

	signal(SIGPIPE, SIG_IGN);
	/* What a large body took goes back at once; by itself malloc raises the bound after the first. */
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	shared_enter(p->shared, p->number);
	if (!templates_load(p->settings->templates_dir, &e)) {
		log_err(LOG_ERROR_, "templates", &e);
		return EX_CONFIG;
	}
	if (!fcgx_init())
		return EX_OSERR;
	r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	start_domain(r, p);
	start_rooms(r, p);
	if (p->ready_fd >= 0 && write(p->ready_fd, "R", 1) != 1)
		return EX_OSERR;
	if (wait_for_the_end() == SIGQUIT)
		retire(r);
	stop_rooms(r);
	stop_domain(r);
	free(r);
	return 0;
}
