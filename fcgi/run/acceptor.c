#include "run/acceptor.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "web/request.h"
#include "web/routes.h"

static atomic_bool stopping;

struct acceptor {
	struct tracker *tracker;
	struct fcgx_gate *gate;
	struct fcgx_turn *turn;
	bool is_long;
	pthread_t thread;
};

static bool
is_quiet(int why)
{
	return why == EAGAIN || why == EWOULDBLOCK || why == EINTR || why == ECONNABORTED;
}

static void
accept_failed(int why)
{
	static _Atomic(long) last;

	if (is_quiet(why))
		return;
	if (log_due(&last, 10))
		log_event(LOG_WARN_, "accept_failed", "why=\"%s\"", strerror(why));
	clock_sleep_ms(50); /* out of descriptors or memory: others must give some back first */
}

static void *
run(void *arg)
{
	struct acceptor *a = arg;

	if (a->is_long)
		thread_be_modest();
	/* What was heard of is no other thread's: it is taken even when we are told to stop. */
	while (!atomic_load(&stopping) || fcgx_turn_has_more(a->turn)) {
		int why;
		struct fcgx *fcgx = fcgx_next(a->gate, a->turn, &why);

		if (fcgx)
			route_request(request_new(a->tracker, fcgx));
		else if (why != 0)
			accept_failed(why);
	}
	return NULL;
}

struct acceptor *
acceptor_start(struct tracker *t, struct fcgx_gate *gate, bool is_long)
{
	struct acceptor *a = calloc(1, sizeof(*a));

	if (!a)
		abort();
	a->tracker = t;
	a->gate = gate;
	a->turn = is_long ? fcgx_turn_new_long(gate) : fcgx_turn_new(gate);
	a->is_long = is_long;
	if (pthread_create(&a->thread, NULL, run, a) != 0)
		abort();
	return a;
}

void
acceptors_stop(struct fcgx_gate *gate)
{
	atomic_store(&stopping, true);
	fcgx_gate_wake(gate);
}

void
acceptor_join(struct acceptor *a)
{
	pthread_join(a->thread, NULL);
	fcgx_turn_free(a->turn);
	free(a);
}
