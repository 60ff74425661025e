/*
 * pool -- the master: keeps N processes alive.
 *
 * SIGHUP	reads the settings again and replaces the processes one by one: each new one takes
 *		requests before its forerunner is asked to drain.
 * SIGTERM, SIGINT	all drain; those that do not end in time are killed.
 * A process that dies is replaced at once; one that keeps dying, with a back-off of at most 30 s, for ever.
 *
 * Threads	none: the master forks, so it has one thread.
 */
#ifndef RUN_POOL_H
#define RUN_POOL_H

#include <stdbool.h>

#include "domain/settings.h"
#include "domain/shared.h"

struct pool {
	const struct settings *settings;
	const char *project_id;
	struct shared *shared;
	int listen_fd;
	/* Called at SIGHUP: new settings, or NULL (said in the log) to go on with the old ones. */
	const struct settings *(*reload)(void);
};

/* Returns the exit status. */
int pool_run(struct pool *pool);

#endif
