/*
 * acceptor -- a thread that takes requests in and walks each to its handler.
 *
 * Threads	one of its own; stops within ACCEPT_TICK_MS of acceptors_stop.
 * Errors	out of descriptors or memory: it waits and tries again, never ends.
 */
#ifndef RUN_ACCEPTOR_H
#define RUN_ACCEPTOR_H

#include "domain/tracker.h"

#define ACCEPT_TICK_MS 1000	/* SO_RCVTIMEO of the listening socket */

struct acceptor;

struct acceptor *acceptor_start(struct tracker *t, int listen_fd);
/* All acceptors of the process: take no more. */
void acceptors_stop(void);
void acceptor_join(struct acceptor *a);

#endif
