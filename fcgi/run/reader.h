/*
 * reader -- the desk where pages are rendered and counts are read: one thread, one connection each
 * to PostgreSQL and Redis.
 *
 * Threads	one of its own. Ops are answered on it.
 * Errors	PostgreSQL away: counts wait until their give_up_us, a rendering is told at once.
 */
#ifndef RUN_READER_H
#define RUN_READER_H

#include "domain/tracker.h"

struct reader_thread;

struct reader_thread *reader_start(struct tracker *t);
/* Ends when its queue is closed and empty. */
void reader_join(struct reader_thread *r);

#endif
