#include "run/pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/process.h"
#include "run/systemd.h"

#define BACKOFF_MOST_MS 30000
#define STEADY_US (10 * INT64_C(1000000)) /* who lived so long did not die of its start */
#define READY_MS 20000
#define GOING_US INT64_C(2000000) /* who goes frees what it has mapped first */
#define PROCESSES_MOST (SHARED_PROCESSES / 2)

struct child {
	pid_t pid; /* 0 = none */
	int64_t started_us, restart_us;
	int64_t backoff_ms;
};

struct master {
	struct pool *pool;
	struct child child[PROCESSES_MOST];
	int n;
	/* Of each place of shared memory: who retires has its own to the end. */
	pid_t holder[SHARED_PROCESSES];
	int generation;    /* of settings; 0 or 1: chooses the half of shared memory's places */
	int first_failure; /* exit status of a process that died before any was ready */
	bool was_ready, stopping;
};

static const int signals[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD};

static void
signal_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaddset(set, signals[i]);
}

static void
become_process(struct master *m, int number, int ready_fd)
{
	struct process p = {.settings = m->pool->settings,
	    .project_id = m->pool->project_id,
	    .shared = m->pool->shared,
	    .number = number,
	    .listen_fd = m->pool->listen_fd,
	    .ready_fd = ready_fd};

	/* Without its master a process would go on for ever, and hold the socket against the next one. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	exit(process_run(&p));
}

/* Forks one and waits until it takes requests, or does not. 0 when there is none. */
static pid_t
start_process(struct master *m, int number, bool *ready)
{
	int ends[2];
	struct pollfd wait;
	pid_t pid;
	char byte;

	*ready = false;
	if (pipe(ends) != 0)
		return 0;
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		become_process(m, number, ends[1]);
	}
	close(ends[1]);
	wait = (struct pollfd){.fd = ends[0], .events = POLLIN};
	if (pid > 0)
		m->holder[number] = pid;
	*ready = pid > 0 && poll(&wait, 1, READY_MS) == 1 && read(ends[0], &byte, 1) == 1;
	close(ends[0]);
	if (!*ready && pid > 0)
		log_event(LOG_ERROR_, "process_not_ready", "child=%d", (int)pid);
	m->was_ready = m->was_ready || *ready;
	return pid > 0 ? pid : 0;
}

static int
processes_of(const struct settings *settings)
{
	return settings->processes < PROCESSES_MOST ? (int)settings->processes : PROCESSES_MOST;
}

static int
number_of(const struct master *m, int i)
{
	return m->generation * PROCESSES_MOST + i;
}

/* False: it does not take requests (yet). */
static bool
start_child(struct master *m, int i)
{
	struct child *c = &m->child[i];
	bool ready;

	c->started_us = clock_us();
	c->pid = start_process(m, number_of(m, i), &ready);
	if (c->pid == 0)
		c->restart_us = clock_us() + 1000000;
	return ready;
}

static void
child_died(struct master *m, int i, int status)
{
	struct child *c = &m->child[i];
	bool steady = clock_us() - c->started_us > STEADY_US;

	c->pid = 0;
	if (!m->was_ready && WIFEXITED(status))
		m->first_failure = WEXITSTATUS(status);
	if (m->stopping)
		return;
	c->backoff_ms = steady || c->backoff_ms == 0 ? 100 : 2 * c->backoff_ms;
	if (c->backoff_ms > BACKOFF_MOST_MS)
		c->backoff_ms = BACKOFF_MOST_MS;
	c->restart_us = clock_us() + (steady ? 0 : c->backoff_ms * 1000);
	log_event(LOG_ERROR_, "process_died", "process=%d %s=%d restart_ms=%lld", i + 1,
	    WIFSIGNALED(status) ? "signal" : "exit",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
	    (long long)(steady ? 0 : c->backoff_ms));
}

/* One that was replaced is nobody's child any more, but what it said of itself must not outlive it. */
static void
forget_holder(struct master *m, pid_t pid)
{
	for (int i = 0; i < SHARED_PROCESSES; i++) {
		if (m->holder[i] != pid)
			continue;
		shared_forget(m->pool->shared, i);
		m->holder[i] = 0;
	}
}

static void
reap_children(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		forget_holder(m, pid);
		for (int i = 0; i < m->n; i++)
			if (m->child[i].pid == pid)
				child_died(m, i, status);
	}
}

static void
restart_due(struct master *m)
{
	for (int i = 0; i < m->n; i++)
		if (m->child[i].pid == 0 && m->child[i].restart_us <= clock_us())
			start_child(m, i);
}

/* The first of the new did not come up, so none would: all stays as it was before. */
static void
abandon_reload(struct master *m, const struct child *first, const struct settings *settings, int n)
{
	if (m->child[0].pid > 0)
		kill(m->child[0].pid, SIGKILL);
	m->child[0] = *first;
	m->pool->settings = settings;
	m->n = n;
	m->generation = 1 - m->generation;
	log_event(LOG_ERROR_, "reload_failed", "processes=%d", m->n);
	systemd_say("READY=1");
}

/* One by one, the new before the old goes, so that there is always somebody to take a request. */
static void
replace_all(struct master *m)
{
	const struct settings *settings = m->pool->reload(), *old_settings = m->pool->settings;
	int old_n = m->n;

	if (!settings)
		return;
	m->pool->settings = settings;
	systemd_say("RELOADING=1");
	m->n = processes_of(settings);
	m->generation = 1 - m->generation;
	for (int i = 0; i < m->n || i < old_n; i++) {
		const struct child old = m->child[i];

		if (i >= m->n)
			m->child[i].pid = 0;
		else if (!start_child(m, i) && i == 0) {
			abandon_reload(m, &old, old_settings, old_n);
			return;
		}
		if (old.pid > 0)
			kill(old.pid, SIGQUIT); /* it retires: see process.h */
	}
	log_event(LOG_INFO_, "reloaded", "processes=%d", m->n);
	systemd_say("READY=1");
}

static int
alive(const struct master *m)
{
	int n = 0;

	for (int i = 0; i < m->n; i++)
		n += m->child[i].pid > 0;
	return n;
}

static void
tell_all(const struct master *m, int sig)
{
	for (int i = 0; i < m->n; i++)
		if (m->child[i].pid > 0)
			kill(m->child[i].pid, sig);
}

static void
stop_all(struct master *m)
{
	int64_t until = clock_us() + (DRAIN_S + 2) * INT64_C(1000000);

	m->stopping = true;
	systemd_say("STOPPING=1");
	tell_all(m, SIGTERM);
	while (alive(m) > 0 && clock_us() < until) {
		clock_sleep_ms(10);
		reap_children(m);
	}
	tell_all(m, SIGKILL);
	while (alive(m) > 0 && waitpid(-1, NULL, 0) > 0)
		reap_children(m);
}

/* An exit status. Who has closed its end of the pipe is about to go, and may not have gone yet. */
static int
why_nobody_is_ready(struct master *m)
{
	int64_t until = clock_us() + GOING_US;

	while (m->first_failure == 0 && alive(m) > 0 && clock_us() < until) {
		clock_sleep_ms(5);
		reap_children(m);
	}
	return m->first_failure != 0 ? m->first_failure : EX_UNAVAILABLE;
}

int
pool_run(struct pool *pool)
{
	struct master *m = calloc(1, sizeof(*m));
	struct timespec tick = {.tv_nsec = 100 * 1000000};
	int status = 0, sig = 0;
	sigset_t set;

	if (!m)
		abort();
	m->pool = pool;
	m->n = processes_of(pool->settings);
	signal_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < m->n; i++)
		start_child(m, i);
	reap_children(m);
	if (!m->was_ready)
		status = why_nobody_is_ready(m);
	else {
		log_event(LOG_INFO_, "ready", "processes=%d project=%s", m->n, pool->project_id);
		systemd_say("READY=1");
	}
	while (status == 0 && sig != SIGTERM && sig != SIGINT && sig != SIGQUIT) {
		sig = sigtimedwait(&set, NULL, &tick);
		if (sig == SIGHUP)
			replace_all(m);
		reap_children(m);
		restart_due(m);
	}
	log_event(LOG_INFO_, "stopping", "signal=%d", sig);
	stop_all(m);
	free(m);
	return status;
}
