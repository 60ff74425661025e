/*
 * told -- what an act has done and how it is taken back, in one line; or with --json as one object.
 *
 *	stage A is paused; taken back by: distcompute-admin --config t.ini resume a
 *	{"done":"stage A is paused","taken_back_by":"distcompute-admin --config t.ini resume a"}
 *
 * Of what is not done yet the object is {"would":"..."}.
 *
 * The command is one that can be pasted into a shell as it stands: this program as it was called, the settings that it
 * was told (a password among them is left out, and the command is refused then), and its words, whatever a stranger
 * calls himself. It is not told who acts (--as): that is whoever pastes it.
 *
 * Ownership	from told_begin to one of the told_ends, which print and free.
 * Errors	none: where memory was short the program ends.
 */
#ifndef ADMIN_TOLD_H
#define ADMIN_TOLD_H

#include <stdint.h>

#include "admin/admin.h"
#include "base/buf.h"

struct told {
	const struct ask *ask;
	struct buf line, back, facts;
};

void told_begin(struct told *t, const struct ask *ask);
/* What was done; from outside or not, it is cleaned at the end. */
void told_add(struct told *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* For programs: a member of the object. */
void told_number(struct told *t, const char *name, int64_t n);
void told_text(struct told *t, const char *name, const char *text);
/* The command that takes it back: its words, as they stand, and then names, quoted. "--" goes before a name that may begin so. */
void told_back(struct told *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void told_back_name(struct told *t, const char *name);

/* Done; and where no command was told, for good. */
void told_end(struct told *t);
/* Nothing was changed that could be taken back, or the line says how. */
void told_end_as_it_is(struct told *t);
/* Nothing was done, the line tells what would be: {"would":...}. */
void told_would(struct told *t);
/* A line beside the one of the act: {"note":...}. */
void told_note(struct told *t);
/* An act that was begun and has stopped, on standard error: the line, and the command that goes on with it. */
void told_goes_on(struct told *t);
/* A line of a list: an act that was begun, and the command for whoever finds that nobody is at it. */
void told_may_go_on(struct told *t);
/*
 * Of an act that makes a secret, which is shown now and never again: the secret on standard output, all else on
 * standard error; or with --json one object, with the secret as `name`. ERR_BUSY when standard output did not take it.
 */
bool told_secret(struct told *t, const char *name, const char *secret, struct err *e)
    __attribute__((warn_unused_result));
/* Nothing is printed. */
void told_drop(struct told *t);
/* A word of a command of sh. */
void told_put_word(struct buf *b, const char *word);

#endif
