/*
 * say -- what the worker tells its user, on standard error.
 *
 * "02:47:13 job 17 done in 3.2 s". Text from outside goes through say_clean first: neither a tracker
 * nor a command may move the cursor of somebody's terminal.
 *
 * Errors	none; a line is cut at 2 KiB.
 */
#ifndef WORKER_SAY_H
#define WORKER_SAY_H

#include <stddef.h>

enum say_level { SAY_ERROR, SAY_WARN, SAY_INFO, SAY_DEBUG };

/* What is said from now on: SAY_WARN for -q, SAY_INFO, SAY_DEBUG for -v. */
void say_open(enum say_level most);
void say(enum say_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* UTF-8 without control characters, spaces at the ends gone, cut at a character. Returns out. */
char *say_clean(char *out, size_t size, const char *s, size_t len);

#endif
