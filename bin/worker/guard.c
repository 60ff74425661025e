#include "worker/guard.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/random.h"

#define GRACE_MS 2000
#define GIVE_UP_MS 10000 /* after SIGKILL: what is left are the dead whom nobody buries */
#define LOOK_MS 50
#define QUIET_LOOKS 4 /* in a row, that find nobody: a command may be between fork and exec */
#define ENVIRON_MAX ((size_t)1 << 20)

/* What the worker writes; shorter than PIPE_BUF, so never torn. group 0: farewell. */
struct word {
	pid_t group;
	bool ours;
};

/* ---- the guard's own process ------------------------------------------------------------------ */

struct groups {
	pid_t *list;
	size_t n, size;
};

static void
note_word(struct groups *g, const struct word *word)
{
	size_t at = 0;

	while (at < g->n && g->list[at] != word->group)
		at++;
	if (!word->ours) {
		if (at < g->n)
			g->list[at] = g->list[--g->n];
		return;
	}
	if (at < g->n)
		return;
	if (g->n == g->size) {
		g->size = g->size ? 2 * g->size : 64;
		g->list = realloc(g->list, g->size * sizeof(*g->list));
		if (!g->list)
			abort();
	}
	g->list[g->n++] = word->group;
}

/* True: the worker said farewell. */
static bool
listen_to(int fd, struct groups *groups)
{
	struct word word;
	ssize_t n;

	for (;;) {
		n = read(fd, &word, sizeof(word));
		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(word))
			return false;
		if (word.group == 0)
			return true;
		note_word(groups, &word);
	}
}

static bool
has_mark(const char *pid, const char *mark, struct buf *b)
{
	char path[64], *room;
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	buf_clear(b);
	while ((room = buf_room(b, 65536)) && (n = read(fd, room, 65536)) > 0)
		b->len += (size_t)n;
	close(fd);
	return b->len > 0 && memmem(b->data, b->len, mark, strlen(mark));
}

/* Sends sig to all that is marked; how many that were. */
static int
signal_marked(const char *mark, int sig)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	struct buf b;
	int found = 0;

	buf_init(&b, ENVIRON_MAX);
	while (proc && (entry = readdir(proc))) {
		pid_t pid;

		if (!isdigit((unsigned char)entry->d_name[0]) || !has_mark(entry->d_name, mark, &b))
			continue;
		pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid != getpid() && kill(pid, sig) == 0)
			found++;
	}
	if (proc)
		closedir(proc);
	buf_fini(&b);
	return found;
}

static int
signal_all(const struct groups *groups, const char *mark, int sig)
{
	int found = 0;

	for (size_t i = 0; i < groups->n; i++)
		if (kill(-groups->list[i], sig) == 0)
			found++;
	return found + signal_marked(mark, sig);
}

static void
sweep(const struct groups *groups, const char *mark)
{
	int64_t kill_us = clock_us() + GRACE_MS * 1000;

	signal_all(groups, mark, SIGTERM);
	signal_all(groups, mark, SIGCONT);
	for (int quiet = 0; quiet < QUIET_LOOKS; clock_sleep_ms(LOOK_MS)) {
		int64_t now_us = clock_us();

		if (now_us >= kill_us + GIVE_UP_MS * 1000)
			return;
		quiet =
		    signal_all(groups, mark, now_us < kill_us ? 0 : SIGKILL) > 0 ? 0 : quiet + 1;
	}
}

static _Noreturn void
be_guard(int fd, const char *mark)
{
	struct groups groups = {.n = 0};
	sigset_t all;
	int null;

	setsid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "worker-guard");
	/* Whoever waits for the end of the worker's output does not wait for us. */
	null = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	dup2(fd, 3);
	syscall(SYS_close_range, 4U, ~0U, 0U);
	if (chdir("/") == 0 && !listen_to(3, &groups))
		sweep(&groups, mark);
	_exit(0);
}

/* ---- the worker's side ------------------------------------------------------------------------ */

bool
guard_open(struct guard *g, struct err *e)
{
	struct uuid id = uuid_new();
	char text[UUID_TEXT];
	int ends[2];

	uuid_text(text, &id);
	snprintf(g->mark, sizeof(g->mark), "%s", text);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, ERR_BUSY, NULL, "pipe: %s", strerror(errno));
	g->pid = fork();
	if (g->pid == 0) {
		close(ends[1]);
		be_guard(ends[0], g->mark);
	}
	close(ends[0]);
	g->pipe = ends[1];
	if (g->pid > 0)
		return true;
	close(g->pipe);
	g->pid = 0;
	return err_set(e, ERR_BUSY, NULL, "fork: %s", strerror(errno));
}

/* Without a reader there is nobody to tell: SIGPIPE is ignored. */
static void
tell(struct guard *g, pid_t group, bool ours)
{
	struct word word;

	memset(&word, 0, sizeof(word));
	word.group = group;
	word.ours = ours;
	while (g->pid > 0 && write(g->pipe, &word, sizeof(word)) < 0 && errno == EINTR)
		;
}

void
guard_add(struct guard *g, pid_t group)
{
	tell(g, group, true);
}

void
guard_remove(struct guard *g, pid_t group)
{
	tell(g, group, false);
}

void
guard_close(struct guard *g)
{
	if (g->pid <= 0)
		return;
	tell(g, 0, false);
	close(g->pipe);
	while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		;
	g->pid = 0;
}
