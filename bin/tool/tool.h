/*
 * tool -- what the programs of bin/ share: settings, the database, the wake-up call, last words.
 *
 * Ownership	tool_open fills the caller's struct; tool_close frees all of it, also after a
 *		failed open.
 * Errors	as their modules'. What is told through Redis never fails: Redis may be away or refuse,
 *		which is said on stderr, once, and the tracker polls too.
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/random.h"
#include "domain/settings.h"
#include "store/pg.h"

struct tool {
	const char *name;            /* "distcompute-admin" */
	struct settings_input input; /* for argp's settings_argp */
	struct settings settings;
	struct config config;
	struct pg *pg;
	bool is_untold;          /* the tracker could not be told, which was said */
	int64_t untold_until_us; /* it is not tried again before */
};

/*
 * How long PostgreSQL is waited for before a call is given up: a network or a server that hangs is not
 * waited for until somebody looks. pg_set_patience(t->pg, …); tool_open sets the first.
 */
#define TOOL_PATIENCE_MS (60 * 1000)
#define TOOL_LONG_MS (60 * 60 * 1000) /* for what reads or writes whole tables in one call */

/* Reads the settings and makes the connection's face; nothing connects yet. */
bool tool_open(struct tool *t, struct err *e);
void tool_close(struct tool *t);
/* Connects, checks that database and files belong together, and learns the stages from it. */
bool tool_connect(struct tool *t, struct err *e);
/*
 * Acts are written down (audit) under this name; NULL: "ann@host", of who called sudo, or whose process this is. After
 * tool_connect.
 */
bool tool_sign(struct tool *t, const char *as, struct err *e);
/* "b" or a stage's name -> 2. ERR_INPUT when there is no such stage. */
bool tool_stage(const struct tool *t, const char *text, int *stage, struct err *e);
/* Tells every process of the tracker that `count` jobs may have appeared in a stage. */
void tool_wake(struct tool *t, int stage, int64_t count);
/* Tells every process that a stage was paused, renamed, or goes on: what they remember of its counts is old. */
void tool_stage_changed(struct tool *t, int stage);
/* Tells every process that the worker with this hash of its token is gone. */
void tool_gone(struct tool *t, const struct uuid *token);
/* Tells every process that no page of before is to be shown. */
void tool_pages_changed(struct tool *t);
/* A line of what was put and its last words. Half an answer is none: where memory was short the program ends. */
void tool_print(const struct buf *b, const char *last);
/*
 * "distcompute-admin: why" on stderr; returns 1, for main's exit. Where PostgreSQL is away and nobody
 * said which one, it says instead where the settings were looked for, and what to type.
 */
int tool_fail(const struct tool *t, const struct err *e);
/* tool_close, and the status for main's exit: 1, and why on stderr, where all seemed well and what was printed was not taken. */
int tool_end(struct tool *t, int status);

#endif
