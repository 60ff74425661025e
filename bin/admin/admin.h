/*
 * admin -- distcompute-admin: what an operator asks of a tracker, a command at a time.
 *
 * A command is a row of the table in admin.c: its name, its arguments, its options and the function
 * that does it. A command prints its answer on standard output and returns false with the error.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/pg_array.h"
#include "tool/tool.h"

#define ADMIN_RATE_MOST 6000000 /* jobs a minute, as tracker.gate has it */
#define ASK_ARGS_MAX 1024       /* words after the command: job numbers for requeue */

/* What the command line said. */
struct ask {
	struct tool *tool;
	const char *called; /* this program, as it was called */
	const char *arg[ASK_ARGS_MAX];
	int n_args;
	const char *stage;                             /* --stage; NULL when not given */
	const char *reason;                            /* --reason */
	const char *as;                                /* --as: who acts, for the audit */
	const char *form;                              /* settings: "markdown", "sample", "print" */
	const char *person, *worker, *address, *label; /* undo, ban: who */
	const char *since, *until;                     /* undo: when; ban: how long */
	const char *resume, *back;                     /* undo, trial: the number of one */
	const char *older;                             /* leases: in hand for so long */
	const char *batch;                             /* failed, requeue, ...: of this one */
	bool json, all, dry_run, keep_credit, yes, words;
};

/* The answer of a command; ok false with a clean error means exit 1 without a message. */
typedef bool (*admin_run)(struct ask *ask, struct err *e);

#define LINE_MOST 200    /* characters of a reason, a note, a name */
#define BANNER_MOST 1000 /* of the longest line */

/* What people give to be kept and shown is one line of at most so many characters, all seen; as tracker.check_line. */
bool check_line(const char *what, const char *said, size_t most, struct err *e);

/* Of an act: a condition with nothing in it, as of a script's variable that was not set, does not mean whoever says nothing. */
bool check_conditions(const struct ask *ask, struct err *e);

/* upkeep.c */
bool admin_migrate(struct ask *ask, struct err *e);
bool admin_purge(struct ask *ask, struct err *e);
bool admin_check(struct ask *ask, struct err *e);
bool admin_new_identity(struct ask *ask, struct err *e);
bool admin_settings(struct ask *ask, struct err *e);
bool admin_banner(struct ask *ask, struct err *e);
bool admin_worker(struct ask *ask, struct err *e);
/* stages.c */
bool admin_status(struct ask *ask, struct err *e);
bool admin_stages(struct ask *ask, struct err *e);
bool admin_pause(struct ask *ask, struct err *e);
bool admin_resume(struct ask *ask, struct err *e);
/* jobs.c */
bool admin_failed(struct ask *ask, struct err *e);
bool admin_requeue(struct ask *ask, struct err *e);
bool admin_send_back(struct ask *ask, struct err *e);
bool admin_give_back(struct ask *ask, struct err *e);
bool admin_hurry(struct ask *ask, struct err *e);
/* batches.c */
bool admin_batch(struct ask *ask, struct err *e);
/* The number of the batch of this name. */
bool find_batch(struct ask *ask, const char *name, int64_t *batch, struct err *e);
/* SQL's null when --batch was not said. */
struct pg_param batch_or_null(struct pg_scalar *room, const struct ask *ask, int64_t batch);
/* lists.c */
bool admin_job(struct ask *ask, struct err *e);
bool show_person_named(struct ask *ask, struct err *e);
bool admin_leases(struct ask *ask, struct err *e);
bool admin_workers(struct ask *ask, struct err *e);

/* audit.c: who did what. */
bool admin_audit(struct ask *ask, struct err *e);
/* bans.c */
bool admin_ban(struct ask *ask, struct err *e);
bool admin_unban(struct ask *ask, struct err *e);
bool admin_bans(struct ask *ask, struct err *e);
bool admin_labels(struct ask *ask, struct err *e);
bool admin_origins(struct ask *ask, struct err *e);
/* people.c */
bool admin_person(struct ask *ask, struct err *e);
/* keys.c */
bool admin_person_key(struct ask *ask, struct err *e);
bool admin_look_alikes(struct ask *ask, struct err *e);
bool admin_invite(struct ask *ask, struct err *e);
/* undo.c */
bool admin_undo(struct ask *ask, struct err *e);
/* trials.c */
bool admin_trial(struct ask *ask, struct err *e);
bool admin_trials(struct ask *ask, struct err *e);

#endif
