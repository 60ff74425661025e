#include "run/acceptor.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "web/fcgx.h"
#include "web/request.h"
#include "web/routes.h"

static atomic_bool stopping;

struct acceptor {
	struct tracker *tracker;
	int listen_fd;
	pthread_t thread;
};

static bool
is_quiet(int why)
{
	return why == -EAGAIN || why == -EWOULDBLOCK || why == -EINTR || why == -ECONNABORTED;
}

static void
accept_failed(int why)
{
	static _Atomic(long) last;

	if (atomic_load(&stopping) || is_quiet(why))
		return;
	if (log_due(&last, 10))
		log_event(LOG_WARN_, "accept_failed", "why=\"%s\"", strerror(-why));
	clock_sleep_ms(50); /* out of descriptors or memory: others must give some back first */
}

static void *
run(void *arg)
{
	struct acceptor *a = arg;
	struct fcgx *fcgx = fcgx_new(a->listen_fd);

	while (!atomic_load(&stopping)) {
		int why = fcgx_accept(fcgx);

		if (why != 0) {
			accept_failed(why);
			continue;
		}
		route_request(request_new(a->tracker, fcgx));
		fcgx = fcgx_new(a->listen_fd);
	}
	fcgx_free(fcgx);
	return NULL;
}

struct acceptor *
acceptor_start(struct tracker *t, int listen_fd)
{
	struct acceptor *a = calloc(1, sizeof *a);

	if (a == NULL)
		abort();
	a->tracker = t;
	a->listen_fd = listen_fd;
	if (pthread_create(&a->thread, NULL, run, a) != 0)
		abort();
	return a;
}

void
acceptors_stop(void)
{
	atomic_store(&stopping, true);
	fcgx_stop();
}

void
acceptor_join(struct acceptor *a)
{
	pthread_join(a->thread, NULL);
	free(a);
}
