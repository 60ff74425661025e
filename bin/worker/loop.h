/*
 * loop -- descriptors that are waited for, behind one epoll descriptor.
 *
 * The epoll descriptor itself is what http waits on beside its sockets, so a thousand
 * commands cost the HTTP side one entry.
 *
 * Ownership	a watch is the caller's and must stay where it is while it is watched; loop_close closes
 *		its descriptor. A watch that a handler closes is not called again in the same round.
 * Threads	one.
 */
#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct watch {
	int fd; /* -1 = not watched */
	void (*ready)(struct watch *w);
	void *owner;
};

#define WATCH_NONE ((struct watch){.fd = -1})

struct loop {
	int fd;
};

bool loop_open(struct loop *l, struct err *e);
void loop_fini(struct loop *l);
/* Watches fd for reading, or for room to write. The watch owns fd also when this fails. */
bool loop_watch(struct loop *l, struct watch *w, int fd, bool to_write, struct err *e);
void loop_close(struct loop *l, struct watch *w);
/* Calls what is ready now; does not wait. */
void loop_run(struct loop *l);

/* Of two times at which something is due. */
static inline int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

#endif
