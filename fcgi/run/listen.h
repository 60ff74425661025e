/*
 * listen -- the listening socket, opened by us: libfcgi's own way ends the process on failure.
 *
 * Looked for in this order: the setting ("unix:PATH", "tcp:ADDR:PORT"), systemd's LISTEN_FDS, descriptor 0
 * when it is a listening socket (spawn-fcgi). Whoever can reach the socket is believed, the
 * address of a client and all; so "tcp:" is for loopback, and "tcp-open:" says that more is meant.
 *
 * Errors	ERR_INPUT for an address that is none or not meant, ERR_BUSY when somebody listens there already.
 */
#ifndef RUN_LISTEN_H
#define RUN_LISTEN_H

#include <stdbool.h>

#include "base/err.h"

#define LISTEN_BACKLOG 65535 /* the kernel has a bound of its own, net.core.somaxconn */

/* The descriptor, or -1. */
int listen_open(const char *address, struct err *e);
/* Removes a unix socket's name; for the master at its end. */
void listen_forget(const char *address);

#endif
