/*
 * acceptor -- a thread that takes requests in at the gate and walks each to its handler.
 *
 * Threads	one of its own; ends at acceptors_stop.
 * Errors	out of descriptors or memory: it waits and tries again, never ends.
 */
#ifndef RUN_ACCEPTOR_H
#define RUN_ACCEPTOR_H

#include "domain/tracker.h"
#include "web/fcgx.h"

struct acceptor;

/* is_long: for what is long alone, and before any other, see fcgx_turn_new_long; it steps back for the others. */
struct acceptor *acceptor_start(struct tracker *t, struct fcgx_gate *gate, bool is_long);
/* All acceptors at this gate: take no more. */
void acceptors_stop(struct fcgx_gate *gate);
void acceptor_join(struct acceptor *a);

#endif
