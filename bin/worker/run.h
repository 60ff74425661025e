/*
 * run -- one run of the user's command.
 *
 * The command gets its input on descriptor 0, answers on 1, complains on 2 and tells its progress on
 * 3, a line at a time. It leads a process group of its own, so that Ctrl-C in the worker's terminal
 * does not reach it, and so that all of it can be stopped. The run is over when the command has
 * exited: what it left behind in its group is killed. When the worker is killed outright the command
 * gets SIGTERM from the kernel; guard.h sees to the rest.
 *
 * Ownership	input and env are borrowed until the run ended; `result` is the run's until run_fini.
 * Threads	one.
 * Units	limit in bytes; *_us monotonic microseconds.
 * Errors	run_start is false only when nothing was started; `no_command` says that the command
 *		itself cannot be executed, which no other job would change.
 */
#ifndef WORKER_RUN_H
#define WORKER_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "worker/loop.h"

#define RUN_LINE 1024

/* The last whole line of a stream. */
struct run_line {
	char open[RUN_LINE], last[RUN_LINE];
	size_t open_len, last_len;
};

enum run_fault { RUN_WELL, RUN_TOO_BIG, RUN_TOO_LONG, RUN_UNWANTED };

struct run {
	pid_t pid; /* 0 = not running */
	struct loop *loop;
	struct watch in, out, complaint, note, exit;
	const char *input;
	size_t input_len, input_sent;
	struct buf result;
	struct run_line complaints, notes;
	bool notes_changed, quiet;
	int64_t started_us, ended_us, kill_us; /* kill_us: when SIGKILL follows SIGTERM; 0 = no */
	enum run_fault fault;
	int status; /* of waitpid */
	bool no_command;
	void (*ended)(struct run *r);
	void *owner;
};

struct run_env {
	const char *name, *value;
};

struct run_how {
	bool quiet;     /* the command's complaints are kept, not shown */
	int nice;       /* added to the worker's own */
	int64_t memory; /* bytes of data that each of its processes may have; 0 = any */
};

void run_init(
    struct run *r, struct loop *loop, size_t limit, void (*ended)(struct run *), void *owner);
void run_fini(struct run *r);
/* env ends at !name. */
bool run_start(struct run *r, char *const argv[], const struct run_env *env, const char *input,
    size_t input_len, const struct run_how *how, struct err *e);
/* SIGTERM to the whole group now, SIGKILL after grace_ms. */
void run_stop(struct run *r, enum run_fault why, int64_t grace_ms);
/* Sends the SIGKILL that is due; returns when to call again, or INT64_MAX. */
int64_t run_tick(struct run *r, int64_t now_us);

/* For tests: adds bytes; true when a line (with something in it) ended. */
bool run_line_put(struct run_line *l, const char *bytes, size_t len);
/* The last line, also when its end is missing. */
const char *run_line_last(struct run_line *l, size_t *len);

#endif
