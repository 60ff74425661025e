/*
 * fcgx -- FastCGI connections and the requests on them; around libfcgi, which nothing else includes.
 *
 * A gate is the listening socket and all connections that came through it. The web server keeps its
 * connections; between two requests a connection waits in the gate's epoll set, so no thread is bound
 * to an idle peer: whoever asks the gate next gets the next request of any of them. Kept connections are
 * closed by the web server alone (but for broken ones and the end of the process), so none is
 * closed under a request that is on its way.
 *
 * No thread waits for a peer either, and libfcgi sees nothing that is not whole and right: what has come
 * is looked at where it lies in the socket. A request that is all there goes to libfcgi; one that comes in
 * pieces (a large body) is gathered until it is whole, within GATHER_S, and all bodies together
 * within a share of memory: over it only the oldest goes on, the others wait in their sockets.
 * Everything else ends its connection. An answer longer than FCGX_LONG is told as the peer takes it (tell.h).
 *
 * Threads	fcgx_next from any number of threads, each with a turn of its own. A request belongs to
 *		one thread at a time; it may be taken by one and answered by another (tried with libfcgi 2.4.2).
 * Ownership	a request is the caller's from fcgx_next until fcgx_done. Parameters are borrowed until
 *		fcgx_answer or fcgx_cut.
 * Errors	fcgx_next answers NULL: nothing came within the tick, or *why is an errno (accept failed).
 * Units	tick: milliseconds.
 * Source	libfcgi (the only file that includes it); epoll(7) on EPOLLONESHOT.
 */
#ifndef WEB_FCGX_H
#define WEB_FCGX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "web/gather.h"

struct fcgx;
struct fcgx_gate;
struct fcgx_turn; /* what one thread has heard from epoll and not looked at yet */

#define FCGX_TICK_MS 1000 /* fcgx_next comes back at least so often */
/*
 * What an answer up to here is written by at once: a peer has read the one before when it asks, so its socket
 * is empty, and takes 80 KiB at the least (TCP; 200 KiB by a path).
 */
#define FCGX_LONG (32 * 1024)

/* Once a process, before any gate. */
bool fcgx_init(void);

/* The socket stays the caller's; limits outlive the gate. */
struct fcgx_gate *fcgx_gate_new(int listen_fd, const struct fcgx_limits *limits);
/* Closes the connections that wait; no request may be under way. Accepts NULL. */
void fcgx_gate_free(struct fcgx_gate *g);
/* No new connections; requests on those that there are go on. */
void fcgx_gate_shut(struct fcgx_gate *g);
/* Tells the answers that are under way, for some seconds; no thread may be in fcgx_next, now or later. */
void fcgx_gate_finish(struct fcgx_gate *g);
/* Every fcgx_next comes back at once, now and later. */
void fcgx_gate_wake(struct fcgx_gate *g);
/* How many connections are open. */
int fcgx_gate_count(const struct fcgx_gate *g);

struct fcgx_turn *fcgx_turn_new(const struct fcgx_gate *g);
/*
 * Before the first request: from then on what is long, bodies while they come and what is left of answers,
 * goes by these turns only, so that no short request waits behind it.
 */
struct fcgx_turn *fcgx_turn_new_long(struct fcgx_gate *g);
void fcgx_turn_free(struct fcgx_turn *turn);
/* The next request, whole. */
struct fcgx *fcgx_next(struct fcgx_gate *g, struct fcgx_turn *turn, int *why);
/* Heard of, and not looked at yet: a thread that ends goes on until this is false. */
bool fcgx_turn_has_more(const struct fcgx_turn *turn);

const char *fcgx_param(struct fcgx *f, const char *name);
/* Bytes of the body; fewer than asked only at its end. */
size_t fcgx_read(struct fcgx *f, char *out, size_t len);
/* The whole body of a request that was gathered: free() it and say so. NULL: it is to be read. */
char *fcgx_take_body(struct fcgx *f, size_t *len);
void fcgx_body_is_free(struct fcgx *f);
/* The connection's descriptor, for watching; -1 when there is none. */
int fcgx_fd(const struct fcgx *f);
/* Writes the whole answer and ends the request. False when the other end is gone. */
bool fcgx_answer(struct fcgx *f, const char *bytes, size_t len);
/* A long answer, whose bytes it takes: true also when the rest of it is told after fcgx_done. */
bool fcgx_tell(struct fcgx *f, struct buf *answer);
/* Whether there is such a rest. */
bool fcgx_is_telling(const struct fcgx *f);
/* Where there is: calls `ended` once, from any thread, when all was told or the other end is gone. */
void fcgx_when_told(struct fcgx *f, void (*ended)(void *arg, bool told), void *arg);
/* Writes an answer's first lines; what follows is fcgx_cut. */
void fcgx_begin(struct fcgx *f, const char *bytes, size_t len);
/* Closes the connection without an answer, or without the rest of it. */
void fcgx_cut(struct fcgx *f);
/* After answer or cut: the connection goes back to its gate, or away. */
void fcgx_done(struct fcgx *f);

#endif
