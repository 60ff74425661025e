/*
 * fcgx -- a FastCGI request, as the rest of us sees libfcgi.
 *
 * A request may be accepted by one thread and finished by another (tried with libfcgi 2.4.2).
 *
 * Threads	one at a time per request.
 * Ownership	fcgx_new/_free. Parameters are borrowed until finish or cut.
 * Errors	fcgx_accept answers 0 or a negative errno; -EAGAIN is the tick of SO_RCVTIMEO.
 * Source	libfcgi (the only file that includes it).
 */
#ifndef WEB_FCGX_H
#define WEB_FCGX_H

#include <stdbool.h>
#include <stddef.h>

struct fcgx;

/* Once a process, before any accept. */
bool fcgx_init(void);
/* Later accepts answer at their next tick. */
void fcgx_stop(void);

struct fcgx *fcgx_new(int listen_fd);
void fcgx_free(struct fcgx *f);	/* accepts NULL */
int fcgx_accept(struct fcgx *f);
const char *fcgx_param(struct fcgx *f, const char *name);
/* Bytes of the body; fewer than asked only at its end. */
size_t fcgx_read(struct fcgx *f, char *out, size_t len);
/* The connection's descriptor, for watching; -1 when there is none. */
int fcgx_fd(const struct fcgx *f);
/* Writes the whole answer and ends the request. False when the other end is gone. */
bool fcgx_answer(struct fcgx *f, const char *bytes, size_t len);
/* Closes the connection without an answer. */
void fcgx_cut(struct fcgx *f);

#endif
