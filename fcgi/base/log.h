/*
 * log -- one line an event on stderr, logfmt, sd-daemon level prefix under the journal.
 *
 *	log_event(LOG_WARN_, "pg_away", "host=%s", host) -> ts=… level=warn pid=… event=pg_away host=…
 *
 * Every %s from outside must go through log_quote: a value may not start a new line or field.
 * No request waits for a log: a line that cannot be written at once is left out, and so are lines of one
 * kind (one event's) over LOG_KIND_MOST in LOG_KIND_S. What was left out is counted, and the count is told
 * by event=log_left_out as soon as there is room for it.
 *
 * Threads	any; one write(2) a line.
 * Errors	none; a line is cut at 2 KiB.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum log_level { LOG_ERROR_, LOG_WARN_, LOG_INFO_, LOG_DEBUG_ };

#define LOG_KIND_MOST 200
#define LOG_KIND_S 10

void log_open(enum log_level most); /* reads JOURNAL_STREAM; default before the call: info */
void log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Tells what was left out, where that is due: for who has nothing else to do, once a second or so. */
void log_tell_left_out(void);
/* The error with its place: event=… kind=… at=file:line why="…". */
void log_err(enum log_level level, const char *event, const struct err *e);
/* Quoted for logfmt: "…" with control characters, quotes and bad UTF-8 as \xNN. Cut to size. Returns out. */
const char *log_quote(char *out, size_t size, const char *s, size_t len);
/* True at most once each `every_s` per *last (monotonic seconds, 0 at first): for "says so once a minute". */
bool log_due(_Atomic(long) *last, long every_s);

#endif
