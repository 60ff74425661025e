/*
 * events -- tells the command of the setting on_event what an operator may want to know at once.
 *
 * What PostgreSQL knows of (take_events: stages, batches, acts) is brought by the keeper that leads; that a server is away
 * for AWAY_S, or is back, is seen here, once in each pool. The command is run without a shell, one after
 * the other: its last argument, and TRACKER_EVENT in its otherwise small environment, is the name of the
 * event; the event is one JSON object on standard input. What others wrote is nowhere but in there.
 *
 * Threads	one of its own; events_tell from any. Nobody waits for a command.
 * Bounds	EVENTS_MOST wait, more are lost and logged; a command and all that it started, in whatever session, is ended
 *		after COMMAND_S. Of what it says on standard error the beginning is logged, and no more.
 * Errors	none: what fails is logged. Told at most once. At the end of the process, a reload for instance, what
 *		waits is told for FINISH_S; what is left then is lost, and logged.
 */
#ifndef RUN_EVENTS_H
#define RUN_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "domain/tracker.h"

#define EVENTS_MOST 256

struct events;

struct events *events_start(struct tracker *t);
/* Is there a command? */
bool events_are_told(const struct events *ev);
/* Copies both; the name is one of ours. */
void events_tell(struct events *ev, const char *name, const char *json, size_t len);
/* No event comes any more: what waits is told, within FINISH_S. */
void events_stop(struct events *ev);
void events_join(struct events *ev);

#endif
