/*
 * say -- what the worker tells its user, on standard error.
 *
 * "02:47:13 job 17 done in 3.2 s". No text from outside, be it a tracker's or a command's, moves the
 * cursor of somebody's terminal: every line is cleaned as a whole. On a terminal the last line tells how
 * things are; it is taken away before anything is said, and put back when say_status comes next.
 *
 * Errors	none; a line is cut at 2 KiB.
 */
#ifndef WORKER_SAY_H
#define WORKER_SAY_H

#include <stdbool.h>
#include <stddef.h>

enum say_level { SAY_ERROR, SAY_WARN, SAY_INFO, SAY_DEBUG };

/* What is said from now on: SAY_WARN for -q, SAY_INFO, SAY_DEBUG for -v. */
void say_open(enum say_level most);
void say(enum say_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A status line would be seen. */
bool say_has_status(void);
/* Shows it instead of the one before; "" takes that away. Cut at the terminal's width. */
void say_status(const char *text);
/* The user's own command's words, as they are. False: nobody can hear them. */
bool say_raw(const char *bytes, size_t len);
/* One line of clean UTF-8 (text_clean), spaces at the ends gone, cut at a character. Returns out. */
char *say_clean(char *out, size_t size, const char *s, size_t len);

#endif
