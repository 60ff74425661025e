/*
 * tell -- long answers, told as their peers take them, without a thread that waits.
 *
 * The web server takes of an answer what it has buffers for, and the rest when its client has read that: it keeps
 * none of it on disk. So a client that reads slowly holds an answer here, and what is held is bounded: an answer
 * has TELL_S and a second for each TELL_RATE bytes, and all together have so many bytes (or one has more). Over these
 * who has taken no 64 KiB for the longest is hung up on: who reads is never that one while somebody does not.
 *
 * Threads	a tell: one at a time. The list of tellers: any.
 * Ownership	tell_new takes the buffer's bytes; tell_free, after tellers_leave, accepts NULL.
 * Errors	TELL_LOST: the other end is gone, or was hung up on.
 * Units	bytes; us: monotonic.
 * Source	FastCGI 1.0, section 5.3 and 5.5.
 */
#ifndef WEB_TELL_H
#define WEB_TELL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* As a body that is sent to us: tracker-body-time.conf. */
#define TELL_S 60
#define TELL_RATE 16000

enum tell_state { TELL_MORE, TELL_DONE, TELL_LOST };

struct tell {
	char *bytes;
	size_t len;
	size_t at,
	    marked;  /* of what is on the wire, records' heads and all; and at the last stride */
	unsigned id; /* of the request */
	int64_t since_us;
	_Atomic(int64_t) moved_us; /* when `marked` was; others look at it */
	int fd;
	bool listed;   /* it entered */
	bool given_up; /* hung up on; with the tellers' lock, as the next */
	struct tell *before, *after;
	void (*ended)(void *arg, bool told);
	void *arg;
};

/* All of a gate that are under way. */
struct tellers {
	pthread_mutex_t lock;
	struct tell *first;
	size_t held, most; /* bytes; who was given up counts no more */
};

struct tell *tell_new(unsigned id, struct buf *answer, int fd);
/* Calls `ended`, if there is one. */
void tell_free(struct tell *t);
/* Sends what the socket takes by now, so many times at most: others wait too. */
enum tell_state tell_more(struct tell *t, int times);

void tellers_init(struct tellers *ts, size_t most);
void tellers_fini(struct tellers *ts);
/* From here until it left it may be hung up on, by a shutdown of its socket. */
void tellers_enter(struct tellers *ts, struct tell *t);
/* One that did not enter, too. */
void tellers_leave(struct tellers *ts, struct tell *t);
/* Hangs up on who takes too long. */
void tellers_sweep(struct tellers *ts, int64_t now_us);

#endif
