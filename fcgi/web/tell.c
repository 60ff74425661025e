#include "web/tell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "web/records.h"

#define CONTENT 0xfff8 /* of a record: the most that needs no padding */
#define WIRE (RECORDS_HEAD + CONTENT)
#define RECORDS_AT_ONCE 8 /* half a megabyte: more than a socket takes */
#define STRIDE (64 * 1024)
#define TAIL 24 /* the end of the answer, and of the request */

struct tell *
tell_new(unsigned id, struct buf *answer, int fd)
{
	struct tell *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->bytes = answer->data;
	t->len = answer->len;
	t->id = id;
	t->fd = fd;
	t->since_us = t->moved_us = clock_us();
	buf_init(answer, 0);
	return t;
}

void
tell_free(struct tell *t)
{
	if (!t)
		return;
	if (t->ended)
		t->ended(t->arg, false);
	free(t->bytes);
	free(t);
}

static void
put_head(unsigned char *out, const struct tell *t, int type, size_t len)
{
	const unsigned char head[RECORDS_HEAD] = {RECORDS_VERSION, (unsigned char)type,
	    (unsigned char)(t->id >> 8), (unsigned char)t->id, (unsigned char)(len >> 8),
	    (unsigned char)len};

	memcpy(out, head, sizeof(head));
}

/* An answer ends in a record of nothing; a request in one of zeros: it went well. */
static void
put_tail(unsigned char out[TAIL], const struct tell *t)
{
	memset(out, 0, TAIL);
	put_head(out, t, RECORDS_STDOUT, 0);
	put_head(out + RECORDS_HEAD, t, RECORDS_END, TAIL - 2 * RECORDS_HEAD);
}

/* The pieces of the wire as they come, of which the first `skip` bytes are left out. */
struct wire {
	struct iovec iov[2 * RECORDS_AT_ONCE + 1];
	size_t n, skip;
};

static void
put_piece(struct wire *w, const void *bytes, size_t len)
{
	size_t skip = w->skip < len ? w->skip : len;

	w->skip -= skip;
	if (len > skip)
		w->iov[w->n++] =
		    (struct iovec){.iov_base = (char *)bytes + skip, .iov_len = len - skip};
}

static size_t
wire_len(const struct tell *t)
{
	return t->len + (t->len + CONTENT - 1) / CONTENT * RECORDS_HEAD + TAIL;
}

static ssize_t
send_some(const struct tell *t)
{
	unsigned char head[RECORDS_AT_ONCE][RECORDS_HEAD], tail[TAIL];
	size_t from = t->at / WIRE * CONTENT;
	struct wire w = {.skip = t->at % WIRE};

	for (int i = 0; i < RECORDS_AT_ONCE && from < t->len; i++) {
		size_t len = t->len - from < CONTENT ? t->len - from : CONTENT;

		put_head(head[i], t, RECORDS_STDOUT, len);
		put_piece(&w, head[i], RECORDS_HEAD);
		put_piece(&w, t->bytes + from, len);
		from += len;
	}
	if (from >= t->len) {
		put_tail(tail, t);
		w.skip = w.n == 0 ? t->at - (wire_len(t) - TAIL) : 0;
		put_piece(&w, tail, TAIL);
	}
	return sendmsg(t->fd, &(struct msghdr){.msg_iov = w.iov, .msg_iovlen = w.n},
	    MSG_DONTWAIT | MSG_NOSIGNAL);
}

static enum tell_state
end_well(struct tell *t)
{
	if (t->ended)
		t->ended(t->arg, true);
	t->ended = NULL;
	return TELL_DONE;
}

/* True: that was the end. */
static bool
go_on(struct tell *t, size_t n)
{
	t->at += n;
	if (t->at - t->marked >= STRIDE) {
		t->marked = t->at;
		t->moved_us = clock_us();
	}
	return t->at == wire_len(t);
}

enum tell_state
tell_more(struct tell *t, int times)
{
	for (int i = 0; i < times; i++) {
		ssize_t n = send_some(t);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
			return TELL_MORE;
		if (n < 0)
			return TELL_LOST;
		if (go_on(t, (size_t)n))
			return end_well(t);
	}
	return TELL_MORE;
}

/* ---- all of them ------------------------------------------------------------------------------- */

void
tellers_init(struct tellers *ts, size_t most)
{
	memset(ts, 0, sizeof(*ts));
	pthread_mutex_init(&ts->lock, NULL);
	ts->most = most;
}

void
tellers_fini(struct tellers *ts)
{
	pthread_mutex_destroy(&ts->lock);
}

/* It is heard of as of any that hangs up. */
static void
give_up(struct tellers *ts, struct tell *t)
{
	t->given_up = true;
	ts->held -= t->len;
	(void)shutdown(t->fd, SHUT_RDWR);
}

/* Of equals the oldest, which is the last. */
static struct tell *
find_stalled(const struct tellers *ts)
{
	struct tell *stalled = NULL;

	for (struct tell *t = ts->first; t; t = t->after)
		if (!t->given_up && (!stalled || t->moved_us <= stalled->moved_us))
			stalled = t;
	return stalled;
}

void
tellers_enter(struct tellers *ts, struct tell *t)
{
	struct tell *stalled;

	pthread_mutex_lock(&ts->lock);
	t->after = ts->first;
	if (ts->first)
		ts->first->before = t;
	ts->first = t;
	t->listed = true;
	ts->held += t->len;
	while (ts->held > ts->most && (stalled = find_stalled(ts)) && ts->held > stalled->len)
		give_up(ts, stalled);
	pthread_mutex_unlock(&ts->lock);
}

void
tellers_leave(struct tellers *ts, struct tell *t)
{
	if (!t->listed)
		return;
	pthread_mutex_lock(&ts->lock);
	*(t->before ? &t->before->after : &ts->first) = t->after;
	if (t->after)
		t->after->before = t->before;
	if (!t->given_up)
		ts->held -= t->len;
	pthread_mutex_unlock(&ts->lock);
}

void
tellers_sweep(struct tellers *ts, int64_t now_us)
{
	pthread_mutex_lock(&ts->lock);
	for (struct tell *t = ts->first; t; t = t->after) {
		int64_t most_us = (int64_t)(TELL_S + t->len / TELL_RATE) * 1000000;

		if (!t->given_up && now_us - t->since_us > most_us)
			give_up(ts, t);
	}
	pthread_mutex_unlock(&ts->lock);
}
