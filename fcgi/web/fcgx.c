#include "web/fcgx.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A peer that stops in the middle of a request, or takes no answer, holds a thread so long at most. */
#define PEER_PATIENCE_S 10
/* Heard at once by a thread: few, so that no request waits long behind another one's body. */
#define TURN_EVENTS 8
/* Of a body that nobody read; over it the connection is closed, for the rest would follow. */
#define DRAIN_MOST (1u << 26)

struct fcgx {
	FCGX_Request request;
	struct fcgx_gate *gate;
	struct fcgx *before, *after; /* all connections of the gate */
	atomic_bool
	    handed_over; /* by who waits to who hears: epoll orders no memory that C knows of */
};

struct fcgx_gate {
	int listen_fd;
	int epoll;
	int bell; /* readable for ever once rung */
	atomic_int count;
	pthread_mutex_t lock; /* of the list */
	struct fcgx *first;
};

struct fcgx_turn {
	struct epoll_event event[TURN_EVENTS];
	int n, at;
};

bool
fcgx_init(void)
{
	/* libfcgi must not linger when it closes: fcgx_answer has read everything before. */
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 0);
	return FCGX_Init() == 0;
}

/* ---- the gate ---------------------------------------------------------------------------------- */

static void
link_connection(struct fcgx_gate *g, struct fcgx *f)
{
	pthread_mutex_lock(&g->lock);
	f->after = g->first;
	if (g->first)
		g->first->before = f;
	g->first = f;
	pthread_mutex_unlock(&g->lock);
	atomic_fetch_add(&g->count, 1);
}

static void
unlink_connection(struct fcgx_gate *g, struct fcgx *f)
{
	pthread_mutex_lock(&g->lock);
	*(f->before ? &f->before->after : &g->first) = f->after;
	if (f->after)
		f->after->before = f->before;
	pthread_mutex_unlock(&g->lock);
	atomic_fetch_sub(&g->count, 1);
}

static void
add_to_epoll(struct fcgx_gate *g, int fd, void *what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

	if (epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		abort();
}

struct fcgx_gate *
fcgx_gate_new(int listen_fd)
{
	struct fcgx_gate *g = calloc(1, sizeof(*g));

	if (!g)
		abort();
	g->listen_fd = listen_fd;
	pthread_mutex_init(&g->lock, NULL);
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	g->bell = eventfd(0, EFD_CLOEXEC);
	if (g->epoll < 0 || g->bell < 0)
		abort();
	/* Other processes hear of a connection too: who comes too late must not wait for the next one. */
	(void)fcntl(listen_fd, F_SETFL, fcntl(listen_fd, F_GETFL) | O_NONBLOCK);
	add_to_epoll(g, listen_fd, &g->listen_fd);
	add_to_epoll(g, g->bell, &g->bell);
	return g;
}

void
fcgx_gate_shut(struct fcgx_gate *g)
{
	(void)epoll_ctl(g->epoll, EPOLL_CTL_DEL, g->listen_fd, NULL);
}

void
fcgx_gate_wake(struct fcgx_gate *g)
{
	(void)eventfd_write(g->bell, 1);
}

int
fcgx_gate_count(const struct fcgx_gate *g)
{
	return atomic_load(&g->count);
}

void
fcgx_gate_free(struct fcgx_gate *g)
{
	if (!g)
		return;
	while (g->first) {
		struct fcgx *f = g->first;

		fcgx_cut(f);
		fcgx_done(f);
	}
	close(g->epoll);
	close(g->bell);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* ---- connections ------------------------------------------------------------------------------- */

static void
set_patience(int fd)
{
	struct timeval patience = {.tv_sec = PEER_PATIENCE_S};

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

/* Hears of the next request, once: by ONESHOT no second thread hears of it meanwhile. */
static bool
wait_for_request(struct fcgx *f, int how)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = f};
	int epoll = f->gate->epoll, fd = f->request.ipcFd;

	atomic_store_explicit(&f->handed_over, true, memory_order_release);
	return epoll_ctl(epoll, how, fd, &event) == 0;
}

static int
enter(struct fcgx_gate *g)
{
	int fd = accept4(g->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	struct fcgx *f;

	if (fd < 0)
		return errno;
	f = calloc(1, sizeof(*f));
	/* No listening socket in it: libfcgi shall not accept by itself when a connection breaks. */
	if (!f || FCGX_InitRequest(&f->request, -1, FCGI_FAIL_ACCEPT_ON_INTR) != 0)
		abort();
	set_patience(fd);
	f->gate = g;
	f->request.ipcFd = fd;
	f->request.keepConnection = 1; /* as if it had been: else FCGX_Accept_r closes it first */
	link_connection(g, f);
	if (!wait_for_request(f, EPOLL_CTL_ADD)) {
		fcgx_cut(f);
		fcgx_done(f);
	}
	return 0;
}

/* What a peer asked before it hung up is done, as "bye" should be; mostly nothing is there then. */
static struct fcgx *
take_request(struct fcgx *f)
{
	(void)atomic_load_explicit(&f->handed_over, memory_order_acquire);
	if (FCGX_Accept_r(&f->request) == 0)
		return f;
	if (f->request.ipcFd >= 0)
		fcgx_cut(f);
	fcgx_done(f);
	return NULL;
}

void
fcgx_done(struct fcgx *f)
{
	/* Once it waits again the next request may be another thread's already. */
	if (f->request.ipcFd >= 0 && wait_for_request(f, EPOLL_CTL_MOD))
		return;
	if (f->request.ipcFd >= 0)
		fcgx_cut(f);
	unlink_connection(f->gate, f);
	free(f);
}

struct fcgx_turn *
fcgx_turn_new(void)
{
	struct fcgx_turn *turn = calloc(1, sizeof(*turn));

	if (!turn)
		abort();
	return turn;
}

void
fcgx_turn_free(struct fcgx_turn *turn)
{
	free(turn);
}

bool
fcgx_turn_has_more(const struct fcgx_turn *turn)
{
	return turn->at < turn->n;
}

struct fcgx *
fcgx_next(struct fcgx_gate *g, struct fcgx_turn *turn, int *why)
{
	const struct epoll_event *event;

	*why = 0;
	if (!fcgx_turn_has_more(turn)) {
		turn->at = 0;
		turn->n = epoll_wait(g->epoll, turn->event, TURN_EVENTS, FCGX_TICK_MS);
	}
	if (!fcgx_turn_has_more(turn))
		return NULL;
	event = &turn->event[turn->at++];
	if (event->data.ptr == &g->bell)
		return NULL;
	if (event->data.ptr != &g->listen_fd)
		return take_request(event->data.ptr);
	*why = enter(g);
	return NULL;
}

/* ---- the request -------------------------------------------------------------------------------- */

const char *
fcgx_param(struct fcgx *f, const char *name)
{
	return FCGX_GetParam(name, f->request.envp);
}

size_t
fcgx_read(struct fcgx *f, char *out, size_t len)
{
	size_t got = 0;

	/* FCGX_GetStr takes an int; bodies are bounded far below, but its count is not ours to trust. */
	while (got < len) {
		size_t ask = len - got < 1 << 20 ? len - got : 1 << 20;
		int n = FCGX_GetStr(out + got, (int)ask, f->request.in);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

int
fcgx_fd(const struct fcgx *f)
{
	return f->request.ipcFd;
}

/*
 * To the end of what was sent: what was left would be taken for the next request, or reset the
 * connection when it is closed. Mostly it is in libfcgi's buffer already.
 */
static void
drain(struct fcgx *f)
{
	char rest[4096];
	size_t drained = 0;
	int n;

	while ((n = FCGX_GetStr(rest, sizeof(rest), f->request.in)) > 0 && drained < DRAIN_MOST)
		drained += (size_t)n;
	if (drained >= DRAIN_MOST)
		f->request.keepConnection = 0;
}

bool
fcgx_answer(struct fcgx *f, const char *bytes, size_t len)
{
	bool sent = true;

	drain(f);
	while (len > 0 && sent) {
		size_t part = len < 1 << 30 ? len : 1 << 30;

		sent = FCGX_PutStr(bytes, (int)part, f->request.out) == (int)part;
		bytes += part;
		len -= part;
	}
	/*
	 * Small answers are still in libfcgi's buffer: only closing tells whether they went out. The
	 * stream closed last carries the end of the request, so that all of it is one write.
	 */
	FCGX_FClose(f->request.err);
	sent = FCGX_FClose(f->request.out) == 0 && sent;
	/*
	 * Where it is not kept, a detached request is closed without a shutdown before: all of it was
	 * read and all of the answer was written, so shutdown and poll would be two more system calls
	 * here and one more event for nginx.
	 */
	FCGX_Detach(&f->request);
	FCGX_Finish_r(&f->request);
	return sent;
}

void
fcgx_cut(struct fcgx *f)
{
	FCGX_Free(&f->request, 1);
}
