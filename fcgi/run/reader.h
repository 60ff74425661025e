/*
 * reader -- a desk of single ops: pages are rendered and counts are read at one, long data of jobs at another, and
 * what is sent by the forms of pages is done at a third. Each has one thread, and one connection each to PostgreSQL and
 * Redis, made when it is first wanted.
 *
 * Counts overtake pages, for a worker waits for them. Pages are rendered one of each address in turn, so that who
 * asks for many that nobody else asks for waits for them, and nobody else does. Jobs' data has a thread that steps
 * back for the others: an answer of 16 MB takes a tenth of a second to make. An act may wait for others' rows, and an
 * erasure takes up to a minute: neither counts nor pages wait for it.
 *
 * Threads	one of its own. Ops are answered on it.
 * Errors	PostgreSQL away: counts wait until their give_up_us, all else is told at once.
 */
#ifndef RUN_READER_H
#define RUN_READER_H

#include "domain/tracker.h"

struct reader_thread;

/* DESK_READ, DESK_FETCH or DESK_ACT. */
struct reader_thread *reader_start(struct tracker *t, enum desk desk);
/* Ends when its queue is closed and empty. */
void reader_join(struct reader_thread *r);

#endif
