#include "worker/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/say.h"

#define RUN_CHUNK ((size_t)64 << 10)
#define RUN_DRAIN 32 /* chunks: 2 MiB, twice the largest pipe that Linux gives an ordinary user */

void
run_init(struct run *r, struct loop *loop, size_t limit, void (*ended)(struct run *), void *owner)
{
	memset(r, 0, sizeof(*r));
	r->loop = loop;
	r->in = r->out = r->complaint = r->note = r->exit = WATCH_NONE;
	r->ended = ended;
	r->owner = owner;
	buf_init(&r->result, limit);
}

static void
close_pipes(struct run *r)
{
	loop_close(r->loop, &r->in);
	loop_close(r->loop, &r->out);
	loop_close(r->loop, &r->complaint);
	loop_close(r->loop, &r->note);
	loop_close(r->loop, &r->exit);
}

void
run_fini(struct run *r)
{
	if (r->pid > 0) {
		kill(-r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
		r->pid = 0;
	}
	close_pipes(r);
	buf_fini(&r->result);
}

/* ---- lines ------------------------------------------------------------------------------------ */

static bool
end_line(struct run_line *l)
{
	size_t len = l->open_len;

	l->open_len = 0;
	while (len > 0 && (l->open[len - 1] == '\r' || l->open[len - 1] == ' '))
		len--;
	if (len == 0)
		return false;
	memcpy(l->last, l->open, len);
	l->last_len = len;
	return true;
}

bool
run_line_put(struct run_line *l, const char *bytes, size_t len)
{
	bool ended = false;

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n')
			ended |= end_line(l);
		else if (l->open_len < sizeof(l->open))
			l->open[l->open_len++] = bytes[i];
	}
	return ended;
}

const char *
run_line_last(struct run_line *l, size_t *len)
{
	end_line(l);
	*len = l->last_len;
	return l->last;
}

/* ---- the pipes -------------------------------------------------------------------------------- */

static void
send_input(struct watch *w)
{
	struct run *r = w->owner;
	ssize_t n = write(w->fd, r->input + r->input_sent, r->input_len - r->input_sent);

	if (n > 0)
		r->input_sent += (size_t)n;
	else if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A command need not read all of its input: EPIPE is no failure. */
	if (n < 0 || r->input_sent == r->input_len)
		loop_close(r->loop, w);
}

/* Reads a chunk; false when there is no more for now. */
static bool
read_some(struct run *r, struct watch *w, char *chunk, ssize_t *n)
{
	if (w->fd < 0)
		return false;
	*n = read(w->fd, chunk, RUN_CHUNK);
	if (*n > 0)
		return true;
	if (*n == 0 || (errno != EAGAIN && errno != EINTR))
		loop_close(r->loop, w);
	return false;
}

static bool
take_result(struct run *r)
{
	static char chunk[RUN_CHUNK];
	ssize_t n;

	if (!read_some(r, &r->out, chunk, &n))
		return false;
	buf_put(&r->result, chunk, (size_t)n);
	if (r->result.failed && r->fault == RUN_WELL)
		run_stop(r, RUN_TOO_BIG, 0);
	return true;
}

static bool
take_complaint(struct run *r)
{
	static char chunk[RUN_CHUNK];
	ssize_t n;

	if (!read_some(r, &r->complaint, chunk, &n))
		return false;
	run_line_put(&r->complaints, chunk, (size_t)n);
	if (!r->quiet && !say_raw(chunk, (size_t)n))
		r->quiet = true;
	return true;
}

static bool
take_note(struct run *r)
{
	static char chunk[RUN_CHUNK];
	ssize_t n;

	if (!read_some(r, &r->note, chunk, &n))
		return false;
	r->notes_changed |= run_line_put(&r->notes, chunk, (size_t)n);
	return true;
}

static void
on_result(struct watch *w)
{
	take_result(w->owner);
}

static void
on_complaint(struct watch *w)
{
	take_complaint(w->owner);
}

static void
on_note(struct watch *w)
{
	take_note(w->owner);
}

/* No more than a pipe can hold: somebody who escaped from the group may write for ever. */
static void
drain(struct run *r, bool (*take)(struct run *))
{
	for (int i = 0; i < RUN_DRAIN && take(r); i++)
		;
}

static void
on_exit_(struct watch *w)
{
	struct run *r = w->owner;

	/* Before waitpid: until then the group's number cannot be somebody else's. */
	kill(-r->pid, SIGKILL);
	drain(r, take_result);
	drain(r, take_complaint);
	drain(r, take_note);
	while (waitpid(r->pid, &r->status, 0) < 0 && errno == EINTR)
		;
	r->pid = 0;
	r->kill_us = 0;
	r->ended_us = clock_us();
	close_pipes(r);
	r->ended(r);
}

/* ---- start ------------------------------------------------------------------------------------ */

/* Ends of the five pipes; a child's end at an even place. The last one tells why exec failed. */
enum {
	CHILD_IN,
	OUR_IN,
	OUR_OUT,
	CHILD_OUT,
	OUR_ERR,
	CHILD_ERR,
	OUR_NOTE,
	CHILD_NOTE,
	OUR_EXEC,
	CHILD_EXEC,
	ENDS
};

static void
close_ends(int ends[ENDS])
{
	for (int i = 0; i < ENDS; i++)
		if (ends[i] >= 0)
			close(ends[i]);
}

/* Above 9, so that no end lies where the child's 0 to 3 will be. */
static bool
open_pipe(int pair[2])
{
	int low[2];

	if (pipe2(low, O_CLOEXEC) < 0)
		return false;
	pair[0] = fcntl(low[0], F_DUPFD_CLOEXEC, 10);
	pair[1] = fcntl(low[1], F_DUPFD_CLOEXEC, 10);
	close(low[0]);
	close(low[1]);
	return pair[0] >= 0 && pair[1] >= 0;
}

static bool
open_ends(int ends[ENDS], struct err *e)
{
	static const int ours[] = {OUR_IN, OUR_OUT, OUR_ERR, OUR_NOTE};

	for (int i = 0; i < ENDS; i++)
		ends[i] = -1;
	for (int i = 0; i < ENDS; i += 2)
		if (!open_pipe(ends + i))
			return err_set(e, ERR_BUSY, NULL, "pipe: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (fcntl(ends[ours[i]], F_SETFL, O_NONBLOCK) < 0)
			return err_set(e, ERR_BUG, NULL, "fcntl: %s", strerror(errno));
	return true;
}

static void
reset_signals(void)
{
	sigset_t none;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
limit_child(const struct run_how *how)
{
	struct rlimit memory = {(rlim_t)how->memory, (rlim_t)how->memory};

	if (how->memory > 0)
		setrlimit(RLIMIT_DATA, &memory);
	if (how->nice != 0)
		setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + how->nice);
}

static _Noreturn void
be_child(const int ends[ENDS], char *const argv[], const struct run_env *env,
    const struct run_how *how, pid_t parent)
{
	int why;

	setpgid(0, 0);
	/* When the worker is killed outright, its jobs are nobody's: they go too. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	reset_signals();
	dup2(ends[CHILD_IN], 0);
	dup2(ends[CHILD_OUT], 1);
	dup2(ends[CHILD_ERR], 2);
	dup2(ends[CHILD_NOTE], 3);
	syscall(SYS_close_range, 4U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
	for (; env->name; env++)
		setenv(env->name, env->value, 1);
	limit_child(how); /* last: a worker may have more memory than its command */
	execvp(argv[0], argv);
	why = errno;
	if (write(ends[CHILD_EXEC], &why, sizeof(why)) < 0)
		_exit(126);
	_exit(127);
}

/* No other job would change it. */
static bool
is_no_command(int why)
{
	return why == ENOENT || why == EACCES || why == ENOTDIR || why == ENOEXEC || why == EPERM ||
	    why == ELOOP || why == ENAMETOOLONG || why == EISDIR;
}

static bool
await_exec(struct run *r, int fd, struct err *e)
{
	int why;
	ssize_t n;

	while ((n = read(fd, &why, sizeof(why))) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof(why))
		return true;
	waitpid(r->pid, NULL, 0);
	r->pid = 0;
	r->no_command = is_no_command(why);
	return err_set(e, ERR_MISSING, NULL, "%s", strerror(why));
}

static bool
watch_one(struct run *r, struct watch *w, int *fd, void (*ready)(struct watch *), bool to_write,
    struct err *e)
{
	int mine = *fd;

	*fd = -1;
	w->ready = ready;
	w->owner = r;
	return loop_watch(r->loop, w, mine, to_write, e);
}

static bool
watch_all(struct run *r, int ends[ENDS], struct err *e)
{
	int pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0U);

	if (pidfd < 0)
		return err_set(e, ERR_BUG, NULL, "pidfd_open: %s", strerror(errno));
	return watch_one(r, &r->exit, &pidfd, on_exit_, false, e) &&
	    watch_one(r, &r->in, &ends[OUR_IN], send_input, true, e) &&
	    watch_one(r, &r->out, &ends[OUR_OUT], on_result, false, e) &&
	    watch_one(r, &r->complaint, &ends[OUR_ERR], on_complaint, false, e) &&
	    watch_one(r, &r->note, &ends[OUR_NOTE], on_note, false, e);
}

static bool
fork_child(struct run *r, int ends[ENDS], char *const argv[], const struct run_env *env,
    const struct run_how *how, struct err *e)
{
	pid_t parent = getpid();

	r->pid = fork();
	if (r->pid == 0)
		be_child(ends, argv, env, how, parent);
	if (r->pid < 0) {
		r->pid = 0;
		return err_set(e, ERR_BUSY, NULL, "fork: %s", strerror(errno));
	}
	setpgid(r->pid, r->pid);
	close(ends[CHILD_EXEC]);
	ends[CHILD_EXEC] = -1;
	return await_exec(r, ends[OUR_EXEC], e);
}

bool
run_start(struct run *r, char *const argv[], const struct run_env *env, const char *input,
    size_t input_len, const struct run_how *how, struct err *e)
{
	int ends[ENDS];
	bool ok;

	r->input = input;
	r->input_len = input_len;
	r->quiet = how->quiet;
	r->started_us = clock_us();
	ok = open_ends(ends, e) && fork_child(r, ends, argv, env, how, e) && watch_all(r, ends, e);
	close_ends(ends);
	if (ok)
		return true;
	if (r->pid > 0) {
		kill(-r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
		r->pid = 0;
	}
	close_pipes(r);
	return false;
}

/* ---- stop ------------------------------------------------------------------------------------- */

void
run_stop(struct run *r, enum run_fault why, int64_t grace_ms)
{
	if (r->pid <= 0)
		return;
	if (r->fault == RUN_WELL)
		r->fault = why;
	if (grace_ms <= 0) {
		kill(-r->pid, SIGKILL);
		return;
	}
	if (r->kill_us != 0)
		return;
	kill(-r->pid, SIGTERM);
	kill(-r->pid, SIGCONT);
	r->kill_us = clock_us() + grace_ms * 1000;
}

int64_t
run_tick(struct run *r, int64_t now_us)
{
	if (r->pid <= 0 || r->kill_us == 0)
		return INT64_MAX;
	if (now_us < r->kill_us)
		return r->kill_us;
	kill(-r->pid, SIGKILL);
	r->kill_us = 0;
	return INT64_MAX;
}
