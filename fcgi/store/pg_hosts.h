/*
 * pg_hosts -- the hosts of a conninfo, raced for a connection.
 *
 * libpq tries the hosts of `host=a,b` one after the other, from the first on each time, and its asynchronous
 * connect has no patience of its own: one that is silently dead costs all of it, and nobody gets to the
 * next. Here each is a connection of its own: the last good one first, the next as soon as that has failed, or
 * HOSTS_HEAD_START_MS later; the first that is connected wins, and the others are dropped.
 *
 * Threads	a struct pg_hosts belongs to one thread at a time.
 * Ownership	hosts_new/hosts_free. A race is the caller's storage, ended by race_end; the winner of race_take is
 *		the caller's.
 * Units	*_us: monotonic microseconds.
 * Errors	race_why: what one of the hosts said; it may have more than one line.
 * Source	RFC 8305 (happy eyeballs).
 */
#ifndef STORE_PG_HOSTS_H
#define STORE_PG_HOSTS_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/libpq.h"

#define HOSTS_MOST 8
#define HOSTS_HEAD_START_MS 250
#define HOSTS_PATIENCE_MS 2000 /* with one of several; a lone host has HOSTS_LONE_MS */
#define HOSTS_LONE_MS 5000
#define HOSTS_NOBODY (-1)

struct pg_hosts;

/* What is not a conninfo, or names more than HOSTS_MOST hosts, is left to libpq as one host. */
struct pg_hosts *hosts_new(const char *conninfo, const char *application);
void hosts_free(struct pg_hosts *h); /* accepts NULL */
int hosts_count(const struct pg_hosts *h);
/* One that takes no writes is no winner. With several hosts that is so unless the conninfo says otherwise. */
void hosts_must_write(struct pg_hosts *h);

struct race {
	struct pg_hosts *hosts;
	PGconn *conn[HOSTS_MOST]; /* by host; NULL = not yet, or no more */
	short wants[HOSTS_MOST];
	int64_t began_us[HOSTS_MOST]; /* 0 = not yet */
	int without;                  /* this one does not take part, or HOSTS_NOBODY */
	int winner;                   /* or HOSTS_NOBODY */
	int64_t next_us;              /* when the next one starts, if nobody has won */
	char why[256];
};

/* Nothing is sent before race_step. */
void race_begin(struct race *r, struct pg_hosts *h, int without);
/* Goes on without waiting; true: it is over, won or not. */
bool race_step(struct race *r);
/* What to poll for until the next step (room for HOSTS_MOST), and until when at most. */
int race_fds(const struct race *r, struct pollfd *fds);
int64_t race_until_us(const struct race *r);
/* The winner and its host, once; NULL = nobody won. */
PGconn *race_take(struct race *r, int *host);
const char *race_why(const struct race *r);
void race_end(struct race *r);

#endif
