/*
 * spool -- finished results on disk, until the tracker has them.
 *
 * A result is written when nobody took it for some seconds, and removed when the tracker has
 * answered. A later run of any worker with the same folder and the same tracker delivers what an
 * earlier one left: under the token that the job was given to, which is why a file says it. Two
 * workers may share the folder: a result that both deliver is `repeat` for the second.
 *
 * Files	DIR/TRACKER-JOB-LEASE.json, 0600, written aside, synced, renamed; folder 0700.
 * Errors	spool_open: the folder cannot be used. Later failures are told once and the results stay
 *		in memory.
 */
#ifndef WORKER_SPOOL_H
#define WORKER_SPOOL_H

#include <stdbool.h>

#include "base/err.h"

struct item;
struct identity;

struct spool {
	char *dir;        /* NULL = no spool */
	char tracker[17]; /* hash of the tracker's address: its share of the folder */
	bool told_full;
};

/* dir NULL: $XDG_STATE_HOME/distcompute-worker or ~/.local/state/distcompute-worker. */
bool spool_open(struct spool *s, const char *dir, const char *url, struct err *e);
void spool_fini(struct spool *s);
void spool_keep(struct spool *s, struct item *i);
void spool_forget(struct spool *s, struct item *i);
/*
 * Calls each() with an item for every result that is kept for this tracker; who(token) must answer
 * with its identity. The item is each()'s.
 */
void spool_read(struct spool *s, struct identity *(*who)(const char *token, void *ctx),
    void (*each)(struct item *i, void *ctx), void *ctx);

#endif
