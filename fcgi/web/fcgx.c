#include "web/fcgx.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "web/gather.h"
#include "web/tell.h"

/* A peer that takes no answer holds a thread so long at most. */
#define PEER_PATIENCE_S 10
/* From its first byte to its last a request has so long: the web server sends what it has already. */
#define GATHER_S 20
/* Bodies that are being gathered or worked on take so many times the largest one, or wait in their sockets. */
#define BODIES_AT_ONCE 4
/* Long answers that are being told, likewise: over it those who do not read are hung up on. */
#define ANSWERS_AT_ONCE 4
/* Writes of a long answer before the others have their turn; a socket takes 200 KiB. */
#define WRITES_IN_A_TURN 8
/* At the end of the process they have so long, all together. */
#define FINISH_S 5
/* Heard at once by a thread: few, so that no request waits long behind another one's. */
#define TURN_EVENTS 8
/* A request up to here is looked at where it lies; v1's are 700 bytes. */
#define LOOK_BYTES (16 * 1024)
/* A body that is longer, and not whole yet, goes on with those who have long turns: 64 KiB are scanned in 0.3 ms. */
#define LONG_BODY (64 * 1024)

struct fcgx {
	FCGX_Request request;
	struct fcgx_gate *gate;
	struct fcgx *before, *after; /* all connections of the gate */
	struct gather *gather;       /* of this request; NULL: it came in one piece */
	struct fcgx *older, *newer;  /* those that are being gathered */
	bool paused;                 /* not read on until there is memory; with the gate's lock */
	bool is_long;                /* it is in the set of the long turns */
	bool enters;                 /* its set does not know it yet */
	size_t held;                 /* bytes of the body, counted in the gate */
	bool whole;                  /* it is, and its body is still held */
	struct tell *tell;           /* what is left of its answer */
	/* By who waits to who hears: epoll orders no memory that C knows of. */
	atomic_bool handed_over;
};

struct fcgx_gate {
	int listen_fd;
	int epoll, long_epoll;
	bool has_long_turns; /* from before the first request on */
	int bell;            /* readable for ever once rung */
	atomic_int count;
	const struct fcgx_limits *limits;
	atomic_size_t held;     /* by bodies */
	atomic_int whole;       /* how many of these wait for nobody but us */
	_Atomic(int64_t) sweep; /* when those that take too long are looked for next; us */
	pthread_mutex_t lock;   /* of the lists */
	struct fcgx *first;
	struct fcgx *oldest, *newest; /* being gathered */
	struct tellers tellers;
};

struct fcgx_turn {
	int epoll; /* the gate's */
	struct epoll_event event[TURN_EVENTS];
	int n, at;
	char look[LOOK_BYTES];
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

static int
new_epoll(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0)
		abort();
	return epoll;
}

static void
add_to_epoll(int epoll, int fd, void *what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		abort();
}

static void
end_connection(struct fcgx *f)
{
	fcgx_cut(f);
	fcgx_done(f);
}

struct fcgx_gate *
fcgx_gate_new(int listen_fd, const struct fcgx_limits *limits)
{
	struct fcgx_gate *g = calloc(1, sizeof(*g));

	if (!g)
		abort();
	g->listen_fd = listen_fd;
	g->limits = limits;
	pthread_mutex_init(&g->lock, NULL);
	tellers_init(&g->tellers, ANSWERS_AT_ONCE * limits->body_most);
	g->epoll = new_epoll();
	g->long_epoll = new_epoll();
	g->bell = eventfd(0, EFD_CLOEXEC);
	if (g->bell < 0)
		abort();
	/* Other processes hear of a connection too: who comes too late must not wait for the next one. */
	(void)fcntl(listen_fd, F_SETFL, fcntl(listen_fd, F_GETFL) | O_NONBLOCK);
	add_to_epoll(g->epoll, listen_fd, &g->listen_fd);
	add_to_epoll(g->epoll, g->bell, &g->bell);
	add_to_epoll(g->long_epoll, g->bell, &g->bell);
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

/* ---- connections ------------------------------------------------------------------------------- */

static void
set_patience(int fd)
{
	struct timeval patience = {.tv_sec = PEER_PATIENCE_S};

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static int
set_of(const struct fcgx *f)
{
	return f->is_long ? f->gate->long_epoll : f->gate->epoll;
}

/* From the next time on that it waits. */
static void
change_set(struct fcgx *f, bool is_long)
{
	if (f->is_long == is_long)
		return;
	(void)epoll_ctl(set_of(f), EPOLL_CTL_DEL, f->request.ipcFd, NULL);
	f->is_long = is_long;
	f->enters = true;
}

/*
 * Hears of the next request, or that its answer can be told on, once: by ONESHOT no second thread
 * hears of it meanwhile.
 */
static bool
wait_for_request(struct fcgx *f)
{
	struct epoll_event event = {
	    .data.ptr = f, .events = (f->tell ? EPOLLOUT : EPOLLIN) | EPOLLRDHUP | EPOLLONESHOT};
	int how = f->enters ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
	int epoll = set_of(f), fd = f->request.ipcFd;

	f->enters = false;
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
	f->enters = true;
	link_connection(g, f);
	if (!wait_for_request(f))
		end_connection(f);
	return 0;
}

/* ---- gathering --------------------------------------------------------------------------------- */

/* With the lock: whoever hears of it next goes on with it. */
static void
resume(struct fcgx *f)
{
	if (!f->paused)
		return;
	f->paused = false;
	(void)wait_for_request(f);
}

static void
resume_all(struct fcgx_gate *g)
{
	pthread_mutex_lock(&g->lock);
	for (struct fcgx *f = g->oldest; f; f = f->newer)
		resume(f);
	pthread_mutex_unlock(&g->lock);
}

static void
begin_to_gather(struct fcgx *f)
{
	struct fcgx_gate *g = f->gate;

	f->gather = gather_new(g->limits);
	f->newer = NULL;
	pthread_mutex_lock(&g->lock);
	f->older = g->newest;
	*(g->newest ? &g->newest->newer : &g->oldest) = f;
	g->newest = f;
	pthread_mutex_unlock(&g->lock);
}

/*
 * Those that are whole give their memory back in time. When there are none it is all held by some that
 * are not, which would wait for each other: the oldest goes on.
 */
static bool
has_memory(const struct fcgx *f)
{
	struct fcgx_gate *g = f->gate;

	return atomic_load(&g->held) < BODIES_AT_ONCE * g->limits->body_most ||
	    (f == g->oldest && atomic_load(&g->whole) == 0);
}

/* Before its descriptor may be closed: the sweep goes by the list. */
static void
end_gathering(struct fcgx *f)
{
	struct fcgx_gate *g = f->gate;

	pthread_mutex_lock(&g->lock);
	*(f->older ? &f->older->newer : &g->oldest) = f->newer;
	*(f->newer ? &f->newer->older : &g->newest) = f->older;
	if (g->oldest && has_memory(g->oldest))
		resume(g->oldest);
	pthread_mutex_unlock(&g->lock);
}

static void
count_held(struct fcgx *f, size_t now)
{
	size_t before = f->held;

	f->held = now;
	atomic_fetch_add(&f->gate->held, now - before);
	if (now < before)
		resume_all(f->gate);
}

/* Waits for more of it, or for memory. */
static void
wait_for_more(struct fcgx *f)
{
	struct fcgx_gate *g = f->gate;
	bool failed = false;

	pthread_mutex_lock(&g->lock);
	f->paused = !has_memory(f);
	if (!f->paused)
		failed = !wait_for_request(f);
	pthread_mutex_unlock(&g->lock);
	if (failed) {
		end_gathering(f);
		end_connection(f);
	}
}

/* Who takes too long is hung up on; it is heard of as of any that hangs up. */
static void
sweep(struct fcgx_gate *g)
{
	int64_t now = clock_us(), due = atomic_load(&g->sweep);

	if (now < due || !atomic_compare_exchange_strong(&g->sweep, &due, now + 1000000))
		return;
	pthread_mutex_lock(&g->lock);
	for (struct fcgx *f = g->oldest; f; f = f->newer) {
		if (f->gather->since_us + GATHER_S * INT64_C(1000000) > now)
			break;
		(void)shutdown(f->request.ipcFd, SHUT_RDWR);
		resume(f);
	}
	pthread_mutex_unlock(&g->lock);
	tellers_sweep(&g->tellers, now);
}

/* ---- long answers ------------------------------------------------------------------------------ */

static void
end_telling(struct fcgx *f)
{
	struct tell *tell = f->tell;

	if (!tell)
		return;
	tellers_leave(&f->gate->tellers, tell);
	f->tell = NULL;
	tell_free(tell);
}

static enum tell_state
tell_on(struct fcgx *f, int times)
{
	enum tell_state state = tell_more(f->tell, times);

	if (state == TELL_DONE)
		end_telling(f);
	if (state == TELL_LOST || (state == TELL_DONE && !f->request.keepConnection))
		fcgx_cut(f);
	return state;
}

void
fcgx_gate_finish(struct fcgx_gate *g)
{
	int64_t until = clock_us() + FINISH_S * INT64_C(1000000);

	for (struct fcgx *f = g->first, *after; f; f = after) {
		struct pollfd room = {.fd = f->request.ipcFd, .events = POLLOUT};

		after = f->after;
		while (f->tell && tell_on(f, 1) == TELL_MORE && clock_us() < until)
			(void)poll(&room, 1, 100);
		if (f->tell)
			fcgx_cut(f);
		if (f->request.ipcFd < 0)
			fcgx_done(f);
	}
}

void
fcgx_gate_free(struct fcgx_gate *g)
{
	if (!g)
		return;
	while (g->first) {
		if (g->first->gather && g->first->gather->records.state == RECORDS_MORE)
			end_gathering(g->first);
		end_connection(g->first);
	}
	close(g->epoll);
	close(g->long_epoll);
	close(g->bell);
	pthread_mutex_destroy(&g->lock);
	tellers_fini(&g->tellers);
	free(g);
}

/* ---- a request comes --------------------------------------------------------------------------- */

/* Looks at what there is without taking it. */
static enum records_state
look_at(struct fcgx_turn *turn, const struct fcgx *f)
{
	ssize_t n = recv(f->request.ipcFd, turn->look, sizeof(turn->look), MSG_PEEK | MSG_DONTWAIT);
	struct records records;
	size_t at = 0;

	records_begin(&records);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return RECORDS_NONE;
	if (n <= 0)
		return RECORDS_BROKEN;
	while (at < (size_t)n && records.state == RECORDS_MORE) {
		struct records_piece ignored;

		at += records_take(&records, turn->look + at, (size_t)n - at, &ignored);
	}
	/* libfcgi would take what follows with it, and lose it. */
	if (at < (size_t)n)
		return RECORDS_BROKEN;
	return records.odd && records.state == RECORDS_WHOLE ? RECORDS_MORE : records.state;
}

/* libfcgi reads the head of a gathered request from a socket of its own. */
static bool
accept_gathered(struct fcgx *f)
{
	int fd = f->request.ipcFd, ends[2];
	char none;
	bool good;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	good = gather_write_head(f->gather, ends[1]);
	close(ends[1]);
	f->request.ipcFd = ends[0];
	good = good && FCGX_Accept_r(&f->request) == 0 && FCGX_GetStr(&none, 1, f->request.in) == 0;
	if (f->request.ipcFd >= 0)
		close(f->request.ipcFd);
	f->request.ipcFd = fd;
	return good;
}

static struct fcgx *
accept_request(struct fcgx *f)
{
	if (f->gather ? accept_gathered(f) : FCGX_Accept_r(&f->request) == 0)
		return f;
	if (f->request.ipcFd >= 0)
		fcgx_cut(f);
	fcgx_done(f);
	return NULL;
}

/* RECORDS_MORE: it waits again, and is no longer this thread's. */
static enum records_state
gather_more(struct fcgx *f)
{
	enum records_state state = gather_read(f->gather, f->request.ipcFd, f->is_long);

	count_held(f, f->gather->body.len);
	if (state == RECORDS_MORE) {
		if (f->gather->records.body > LONG_BODY && f->gate->has_long_turns)
			change_set(f, true);
		wait_for_more(f);
		return state;
	}
	f->whole = state == RECORDS_WHOLE && f->held > 0;
	atomic_fetch_add(&f->gate->whole, f->whole);
	end_gathering(f);
	return state;
}

/* What a peer asked before it hung up is done, as "bye" should be; mostly nothing is there then. */
static struct fcgx *
take_request(struct fcgx_turn *turn, struct fcgx *f)
{
	enum records_state state = RECORDS_MORE;

	(void)atomic_load_explicit(&f->handed_over, memory_order_acquire);
	if (f->tell) {
		(void)tell_on(f, WRITES_IN_A_TURN);
		fcgx_done(f);
		return NULL;
	}
	if (!f->gather) {
		state = look_at(turn, f);
		if (state == RECORDS_MORE)
			begin_to_gather(f);
	}
	if (f->gather)
		state = gather_more(f);
	switch (state) {
	case RECORDS_NONE:
		fcgx_done(f);
		return NULL;
	case RECORDS_MORE:
		return NULL;
	case RECORDS_WHOLE:
		return accept_request(f);
	case RECORDS_BROKEN:
		break;
	}
	end_connection(f);
	return NULL;
}

/* A crowd comes in quickly, and other processes get their part of it. */
static int
enter_some(struct fcgx_gate *g)
{
	for (int i = 0; i < TURN_EVENTS; i++) {
		int why = enter(g);

		if (why != 0)
			return i == 0 ? why : 0;
	}
	return 0;
}

void
fcgx_done(struct fcgx *f)
{
	gather_free(f->gather);
	f->gather = NULL;
	fcgx_body_is_free(f);
	/* Once it waits again the next request may be another thread's already. */
	if (f->request.ipcFd >= 0) {
		change_set(f, f->tell && f->gate->has_long_turns);
		if (wait_for_request(f))
			return;
	}
	if (f->request.ipcFd >= 0)
		fcgx_cut(f);
	unlink_connection(f->gate, f);
	free(f);
}

static struct fcgx_turn *
new_turn(int epoll)
{
	struct fcgx_turn *turn = calloc(1, sizeof(*turn));

	if (!turn)
		abort();
	turn->epoll = epoll;
	return turn;
}

struct fcgx_turn *
fcgx_turn_new(const struct fcgx_gate *g)
{
	return new_turn(g->epoll);
}

struct fcgx_turn *
fcgx_turn_new_long(struct fcgx_gate *g)
{
	g->has_long_turns = true;
	return new_turn(g->long_epoll);
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
	sweep(g);
	if (!fcgx_turn_has_more(turn)) {
		turn->at = 0;
		turn->n = epoll_wait(turn->epoll, turn->event, TURN_EVENTS, FCGX_TICK_MS);
	}
	if (!fcgx_turn_has_more(turn))
		return NULL;
	event = &turn->event[turn->at++];
	if (event->data.ptr == &g->bell)
		return NULL;
	if (event->data.ptr != &g->listen_fd)
		return take_request(turn, event->data.ptr);
	*why = enter_some(g);
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

	if (f->gather)
		return 0; /* taken already */
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

char *
fcgx_take_body(struct fcgx *f, size_t *len)
{
	struct buf *body;
	char *bytes;

	if (!f->gather)
		return NULL;
	body = &f->gather->body;
	buf_puts(body, ""); /* an empty one has a NUL too */
	bytes = body->data;
	*len = body->len;
	buf_init(body, 0);
	return bytes;
}

void
fcgx_body_is_free(struct fcgx *f)
{
	atomic_fetch_sub(&f->gate->whole, f->whole);
	f->whole = false;
	if (f->held > 0)
		count_held(f, 0);
}

int
fcgx_fd(const struct fcgx *f)
{
	return f->request.ipcFd;
}

/*
 * To the end of what was sent, all of which is here: what was left would be taken for the next request,
 * or reset the connection when it is closed. Mostly it is in libfcgi's buffer already.
 */
static void
drain(struct fcgx *f)
{
	char rest[4096];

	while (FCGX_GetStr(rest, sizeof(rest), f->request.in) > 0)
		continue;
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

bool
fcgx_tell(struct fcgx *f, struct buf *answer)
{
	enum tell_state state;

	drain(f);
	/* What libfcgi has of the request goes now: the answer may be long under way. */
	FCGX_Free(&f->request, 0);
	f->tell = tell_new((unsigned)f->request.requestId, answer, f->request.ipcFd);
	state = tell_on(f, 1);
	if (state == TELL_MORE)
		tellers_enter(&f->gate->tellers, f->tell);
	return state != TELL_LOST;
}

bool
fcgx_is_telling(const struct fcgx *f)
{
	return f->tell;
}

void
fcgx_when_told(struct fcgx *f, void (*ended)(void *arg, bool told), void *arg)
{
	f->tell->ended = ended;
	f->tell->arg = arg;
}

void
fcgx_begin(struct fcgx *f, const char *bytes, size_t len)
{
	drain(f);
	if (FCGX_PutStr(bytes, (int)len, f->request.out) == (int)len)
		(void)FCGX_FFlush(f->request.out);
}

void
fcgx_cut(struct fcgx *f)
{
	end_telling(f);
	FCGX_Free(&f->request, 1);
}
