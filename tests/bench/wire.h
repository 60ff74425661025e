/*
 * wire -- one TCP or TLS connection that never blocks.
 *
 * Ownership	wire_open makes the descriptor, wire_close ends it; a closed wire has fd -1.
 * Errors	WIRE_GONE from any call means: close it and open another.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { WIRE_AGAIN = 0, WIRE_GONE = -1 };

struct wire {
	int fd;
	bool ready; /* connected, and through the handshake where there is one */
	void *tls;
};

/* Once, before the first connection. `tls` false when this build has no TLS and it is asked for. */
bool wire_setup(const char *host, int port, bool tls);
bool wire_open(struct wire *w);
void wire_close(struct wire *w);
/* Goes on connecting: 1 ready, WIRE_AGAIN, WIRE_GONE. */
int wire_connect(struct wire *w);
/* Bytes moved (> 0), WIRE_AGAIN or WIRE_GONE. */
ssize_t wire_read(struct wire *w, char *bytes, size_t size);
ssize_t wire_write(struct wire *w, const char *bytes, size_t len);

#endif
