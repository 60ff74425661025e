#include "run/events.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "domain/health.h"
#include "domain/settings.h"

#define AWAY_S 5     /* a server that is away for less is no news */
#define COMMAND_S 30 /* then it is ended */
#define FINISH_S 10  /* at the end of the process what waits is told for so long */
#define LOOK_MS 500
#define WAIT_MS 20
#define NAME_BYTES 32
#define SAID_BYTES 200 /* of what a command says on standard error; the rest is read and dropped */
#define LEFT_MOST 64   /* looked for at a time; what is left is found the next time */
#define LEFT_TRIES 50  /* who is ended gives us its own children */

struct event {
	char name[NAME_BYTES];
	char *json;
	size_t len;
};

struct events {
	struct tracker *tracker;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t some;
	bool stopping;
	int64_t finish_us;                 /* once it is: until then it goes on */
	struct event waiting[EVENTS_MOST]; /* a ring */
	size_t first, n;
	char *words; /* the command, cut at its spaces */
	char *argv[SETTINGS_EVENT_WORDS + 2];
	int argc;
};

static const struct {
	const char *away, *back;
} names[SERVERS] = {
    [SERVER_POSTGRES] = {"postgres_away", "postgres_back"},
    [SERVER_REDIS] = {"redis_away", "redis_back"},
};

/* ---- what waits -------------------------------------------------------------------------------- */

bool
events_are_told(const struct events *ev)
{
	return ev->argc > 0;
}

void
events_tell(struct events *ev, const char *name, const char *json, size_t len)
{
	static _Atomic(long) last;
	struct event *e = NULL;
	char *copy = malloc(len + 1);

	if (!copy)
		return;
	memcpy(copy, json, len);
	copy[len] = '\0';
	pthread_mutex_lock(&ev->lock);
	if (ev->n < EVENTS_MOST && events_are_told(ev)) {
		e = &ev->waiting[(ev->first + ev->n++) % EVENTS_MOST];
		snprintf(e->name, sizeof(e->name), "%s", name);
		e->json = copy;
		e->len = len;
		pthread_cond_signal(&ev->some);
	}
	pthread_mutex_unlock(&ev->lock);
	if (e)
		return;
	free(copy);
	if (log_due(&last, 60))
		log_event(LOG_WARN_, "event_lost", "name=%s waiting=%d", name, EVENTS_MOST);
}

/* The oldest, within LOOK_MS; false: none. */
static bool
take(struct events *ev, struct event *out)
{
	struct timespec until;
	bool some;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&ev->lock);
	while (ev->n == 0 && !ev->stopping)
		if (pthread_cond_timedwait(&ev->some, &ev->lock, &until) != 0)
			break;
	some = ev->n > 0;
	if (some) {
		*out = ev->waiting[ev->first];
		ev->first = (ev->first + 1) % EVENTS_MOST;
		ev->n--;
	}
	pthread_mutex_unlock(&ev->lock);
	return some;
}

/* Stopped, and what waited is told or its time is over. */
static bool
is_over(struct events *ev, bool any_way)
{
	bool over;

	pthread_mutex_lock(&ev->lock);
	over = ev->stopping && ((any_way && ev->n == 0) || clock_us() >= ev->finish_us);
	pthread_mutex_unlock(&ev->lock);
	return over;
}

/* ---- the command ------------------------------------------------------------------------------- */

/* Its standard input: a file in memory, so that nobody waits until it is read. */
static int
as_input(const struct event *e)
{
	int fd = memfd_create("event", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (write(fd, e->json, e->len) == (ssize_t)e->len && write(fd, "\n", 1) == 1 &&
	    lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return -1;
}

/* In a group of its own, with signals as a shell gives them; what we have open is not its business. */
static int
spawn(struct events *ev, const struct event *e, int input, int said, pid_t *pid)
{
	char name[NAME_BYTES + 16];
	char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	char *environment[] = {name, path, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, usual;
	int error;

	snprintf(name, sizeof(name), "TRACKER_EVENT=%s", e->name);
	ev->argv[ev->argc] = name + strlen("TRACKER_EVENT=");
	sigemptyset(&none);
	sigfillset(&usual);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(
	    &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, said, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	error = posix_spawn(pid, ev->argv[0], &files, &attributes, ev->argv, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return error;
}

static bool
has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0 ||
	    info.si_pid != 0;
}

/* What it says on standard error: the beginning is kept, and it never waits for us. */
struct said {
	int fd;
	char text[SAID_BYTES];
	size_t len;
};

static void
hear(struct said *said)
{
	char bytes[4096];
	ssize_t n;

	/* No more than a pipe holds: who says without end has to go on waiting. */
	for (int i = 0; i < 16 && (n = read(said->fd, bytes, sizeof(bytes))) > 0; i++) {
		size_t room = sizeof(said->text) - said->len;
		size_t len = (size_t)n < room ? (size_t)n : room;

		memcpy(said->text + said->len, bytes, len);
		said->len += len;
	}
}

/* Children of this process, whichever thread they came to. Nothing else of it has any. */
static size_t
find_children(pid_t *out, size_t most)
{
	DIR *threads = opendir("/proc/self/task");
	const struct dirent *thread;
	size_t n = 0;

	while (threads && (thread = readdir(threads))) {
		char path[sizeof("/proc/self/task//children") + sizeof(thread->d_name)];
		FILE *f;
		int pid;

		snprintf(path, sizeof(path), "/proc/self/task/%s/children", thread->d_name);
		f = *thread->d_name == '.' ? NULL : fopen(path, "re");
		while (f && n < most && fscanf(f, "%d", &pid) == 1)
			out[n++] = pid;
		if (f)
			fclose(f);
	}
	if (threads)
		closedir(threads);
	return n;
}

/* What left its group came to us when its parent ended: we are the reaper of all that a command starts. */
static void
end_what_is_left(void)
{
	pid_t left[LEFT_MOST];

	for (int i = 0; i < LEFT_TRIES; i++) {
		size_t n = find_children(left, LEFT_MOST);

		if (n == 0)
			return;
		for (size_t k = 0; k < n; k++)
			kill(left[k], SIGKILL);
		for (size_t k = 0; k < n; k++)
			while (waitpid(left[k], NULL, 0) < 0 && errno == EINTR)
				continue;
	}
}

/* Until it has ended, its time is over, or ours is; then nothing that it started is left. */
static int
wait_for(struct events *ev, pid_t pid, struct said *said)
{
	int64_t until = clock_us() + COMMAND_S * INT64_C(1000000);
	int status = 0;

	while (!has_ended(pid) && clock_us() < until && !is_over(ev, false)) {
		hear(said);
		clock_sleep_ms(WAIT_MS);
	}
	/* Before it is waited for: as long as it is there, its number is nobody else's. */
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	hear(said);
	end_what_is_left();
	return status;
}

static void
log_end(const struct event *e, int status, const struct said *said)
{
	char quoted[4 * SAID_BYTES + 4];

	(void)log_quote(quoted, sizeof(quoted), said->text, said->len);
	if (status == 0)
		log_event(LOG_INFO_, "event_told", "name=%s said=%s", e->name, quoted);
	else
		log_event(LOG_WARN_, "event_command_failed", "name=%s %s=%d said=%s", e->name,
		    WIFSIGNALED(status) ? "signal" : "exit",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), quoted);
}

static void
run_command(struct events *ev, const struct event *e)
{
	int input = as_input(e), ends[2] = {-1, -1}, error, status;
	struct said said = {0};
	pid_t pid;

	error = input < 0 || pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0
	    ? errno
	    : spawn(ev, e, input, ends[1], &pid);
	if (input >= 0)
		close(input);
	if (ends[1] >= 0)
		close(ends[1]);
	said.fd = ends[0];
	if (error == 0) {
		status = wait_for(ev, pid, &said);
		log_end(e, status, &said);
	} else
		log_event(
		    LOG_ERROR_, "event_not_told", "name=%s why=\"%s\"", e->name, strerror(error));
	if (ends[0] >= 0)
		close(ends[0]);
}

/* ---- servers ----------------------------------------------------------------------------------- */

static void
tell_of_server(struct events *ev, const char *name, const char *project, int64_t for_us)
{
	time_t now = (time_t)(clock_wall_us() / 1000000);
	char at[32] = "", host[64] = "";
	struct tm utc;
	struct buf b;

	if (gmtime_r(&now, &utc))
		strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &utc);
	if (gethostname(host, sizeof(host) - 1) != 0)
		*host = '\0';
	for (char *p = host; *p; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			*p = '?';
	buf_init(&b, 0);
	buf_printf(&b,
	    "{\"event\":\"%s\",\"at\":\"%s\",\"project\":\"%s\",\"host\":\"%s\",\"seconds\":%.0f}",
	    name, at, project, host, (double)for_us / 1e6);
	if (!b.failed)
		events_tell(ev, name, b.data, b.len);
	buf_fini(&b);
}

/* One process of the pool tells of it: who is the first to write down that it did. */
static void
look_at_servers(struct events *ev)
{
	struct shared *shared = ev->tracker->shared;
	int64_t now = clock_us();

	for (int i = 0; i < SERVERS; i++) {
		int64_t since = atomic_load(&shared->away_us[i]),
			told = atomic_load(&shared->told_us[i]);
		const char *project = ev->tracker->project_id;

		if (told == 0 && since != 0 && now - since > AWAY_S * INT64_C(1000000)) {
			if (atomic_compare_exchange_strong(&shared->told_us[i], &told, since))
				tell_of_server(ev, names[i].away, project, now - since);
		} else if (told != 0 && since == 0) {
			if (atomic_compare_exchange_strong(&shared->told_us[i], &told, 0))
				tell_of_server(ev, names[i].back, project, now - told);
		}
	}
}

/* ---- life ---------------------------------------------------------------------------------------- */

static void *
run(void *arg)
{
	struct events *ev = arg;
	struct event e;

	while (!is_over(ev, true)) {
		if (take(ev, &e)) {
			run_command(ev, &e);
			free(e.json);
		}
		look_at_servers(ev);
	}
	return NULL;
}

static void
split(struct events *ev, const char *command)
{
	char *rest;

	ev->words = strdup(command);
	if (!ev->words)
		abort();
	for (char *word = strtok_r(ev->words, " ", &rest); word && ev->argc < SETTINGS_EVENT_WORDS;
	     word = strtok_r(NULL, " ", &rest))
		ev->argv[ev->argc++] = word;
}

struct events *
events_start(struct tracker *t)
{
	struct events *ev = calloc(1, sizeof(*ev));
	pthread_condattr_t monotonic;

	if (!ev)
		abort();
	ev->tracker = t;
	split(ev, t->settings->on_event);
	pthread_mutex_init(&ev->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&ev->some, &monotonic);
	pthread_condattr_destroy(&monotonic);
	/* What a command starts and leaves behind is to be found. */
	if (events_are_told(ev))
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (events_are_told(ev) && pthread_create(&ev->thread, NULL, run, ev) != 0)
		abort();
	return ev;
}

void
events_stop(struct events *ev)
{
	pthread_mutex_lock(&ev->lock);
	ev->stopping = true;
	ev->finish_us = clock_us() + FINISH_S * INT64_C(1000000);
	pthread_cond_signal(&ev->some);
	pthread_mutex_unlock(&ev->lock);
}

void
events_join(struct events *ev)
{
	if (events_are_told(ev))
		pthread_join(ev->thread, NULL);
	if (ev->n > 0)
		log_event(LOG_WARN_, "events_lost", "waiting=%zu why=stop", ev->n);
	for (; ev->n > 0; ev->n--, ev->first = (ev->first + 1) % EVENTS_MOST)
		free(ev->waiting[ev->first].json);
	pthread_cond_destroy(&ev->some);
	pthread_mutex_destroy(&ev->lock);
	free(ev->words);
	free(ev);
}
