/*
 * guard -- sees to it that no command outlives a worker that was killed outright.
 *
 * A small process of our own holds the other end of a pipe. When the worker is gone without a word
 * (SIGKILL, out of memory, a crash) the pipe ends, and the guard stops what the worker had started:
 * the process groups that it knows of, and whatever left these but still has the guard's mark in its
 * environment. SIGTERM first, SIGKILL two seconds later. It does nothing when the worker says farewell.
 *
 * It leads a session of its own, so that what kills the worker's group leaves it alone.
 *
 * Threads	one.
 * Errors	guard_open: no process could be made. A guard that was killed itself is not missed: a
 *		command's own death signal (run.h) remains.
 */
#ifndef WORKER_GUARD_H
#define WORKER_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define GUARD_MARK "WORKER_GUARD" /* in the environment of every command */

struct guard {
	pid_t pid; /* 0 = none */
	int pipe;
	char mark[40];
};

bool guard_open(struct guard *g, struct err *e);
/* Farewell: nothing of ours runs any more. */
void guard_close(struct guard *g);
/* This process group is the worker's, or is no more. */
void guard_add(struct guard *g, pid_t group);
void guard_remove(struct guard *g, pid_t group);

#endif
