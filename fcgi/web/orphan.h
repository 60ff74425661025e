/*
 * orphan -- an op that belongs to no request: what is still to be done when the one who asked is gone.
 *
 * Threads	one at a time, as a request's.
 * Ownership	orphan_new's is the caller's, with the arena that it lives in (op->arena), until
 *		orphan_submit, which frees it when it is answered, or orphan_free.
 * Errors	orphan_new: NULL, no memory. What cannot be done within ten minutes is left and logged.
 */
#ifndef WEB_ORPHAN_H
#define WEB_ORPHAN_H

#include "domain/op.h"
#include "domain/tracker.h"

struct op *orphan_new(struct tracker *t, enum op_kind kind);
void orphan_submit(struct op *op);
void orphan_free(struct op *op);

#endif
