/*
 * process -- one process of the pool, from its first thread to its last.
 *
 * Runs until SIGTERM or SIGINT; then drains: no more requests are taken, parked calls are
 * answered, what waits is committed and answered, and it ends within DRAIN_S. At SIGQUIT it retires
 * first: takes no new connections, and goes on with those that it has until the web server has closed
 * them, RETIRE_S at most, or a second signal.
 */
#ifndef RUN_PROCESS_H
#define RUN_PROCESS_H

#include "domain/settings.h"
#include "domain/shared.h"

#define RETIRE_S 20 /* nginx/tracker.conf has its connections closed within 7 s */
#define DRAIN_S 30  /* over it the process ends as it is: its clients ask again */

struct process {
	const struct settings *settings;
	const char *project_id;
	struct shared *shared;
	int number; /* its place in shared memory */
	int listen_fd;
	int ready_fd; /* a byte is written here when it takes requests */
};

/* Returns the exit status. */
int process_run(const struct process *p);

#endif
