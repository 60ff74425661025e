/* The gate, with a web server that speaks FastCGI byte by byte over a real socket. */
#include "../test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "web/fcgx.h"
#include "web/gather.h"

#define SOON_MS 2000
#define RECORD_MOST 1024
#define BODY_MOST (256 * 1024)

enum { BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };

/* "/small…" takes a kilobyte. */
static size_t
body_of(const struct fcgx_limits *limits, const char *uri, size_t len)
{
	return len >= 6 && memcmp(uri, "/small", 6) == 0 ? 1024 : limits->body_most;
}

static const struct fcgx_limits limits = {BODY_MOST, body_of};

/* What has passed, as far as the clock says, beside what has; and how much more at each look at it. */
static _Atomic(int64_t) ahead_us, step_us;

int64_t __real_clock_us(void);
int64_t __wrap_clock_us(void);

int64_t
__wrap_clock_us(void)
{
	ahead_us += step_us;
	return __real_clock_us() + ahead_us;
}

struct room {
	struct sockaddr_un at;
	int listener;
	struct fcgx_gate *gate;
	struct fcgx_turn *turn;
};

static int
open_room(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	assert_true(fcgx_init());
	r->at.sun_family = AF_UNIX;
	snprintf(r->at.sun_path, sizeof(r->at.sun_path), "/tmp/test_fcgx.%d", (int)getpid());
	unlink(r->at.sun_path);
	r->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(r->listener, (struct sockaddr *)&r->at, sizeof(r->at)), 0);
	assert_int_equal(listen(r->listener, 16), 0);
	r->gate = fcgx_gate_new(r->listener, &limits);
	r->turn = fcgx_turn_new(r->gate);
	*state = r;
	return 0;
}

static int
close_room(void **state)
{
	struct room *r = *state;

	fcgx_turn_free(r->turn);
	fcgx_gate_free(r->gate);
	close(r->listener);
	unlink(r->at.sun_path);
	free(r);
	return 0;
}

static int
call_in(struct room *r)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&r->at, sizeof(r->at)), 0);
	return fd;
}

static void
put(int fd, int type, const void *content, size_t len)
{
	unsigned char record[8 + RECORD_MOST] = {
	    1, (unsigned char)type, 0, 1, (unsigned char)(len >> 8), (unsigned char)len};

	assert_true(len <= RECORD_MOST);
	memcpy(record + 8, content, len);
	assert_int_equal(write(fd, record, 8 + len), 8 + len);
}

/* A request for /NAME, but for its body. */
static void
begin_to_ask(int fd, const char *name, bool keep)
{
	unsigned char begin[8] = {0, 1, keep};
	size_t len = strlen(name), n;
	char param[128];

	n = (size_t)snprintf(param, sizeof(param), "%c%cNAME%s%c%cREQUEST_URI%s", 4, (int)len, name,
	    (int)strlen("REQUEST_URI"), (int)len, name);
	put(fd, BEGIN, begin, sizeof(begin));
	put(fd, PARAMS, param, n);
	put(fd, PARAMS, "", 0);
}

static void
ask(int fd, const char *name, const char *body, bool keep)
{
	begin_to_ask(fd, name, keep);
	for (size_t left = strlen(body); left > 0;) {
		size_t part = left < RECORD_MOST ? left : RECORD_MOST;

		put(fd, STDIN, body, part);
		body += part;
		left -= part;
	}
	put(fd, STDIN, "", 0);
}

static struct fcgx *
next(struct room *r)
{
	struct fcgx *f = NULL;
	int why;

	for (int64_t end = clock_us() + SOON_MS * 1000; !f && clock_us() < end;)
		f = fcgx_next(r->gate, r->turn, &why);
	return f;
}

/* The gate looks at what there is, and finds no request. */
static void
look_in_vain(struct room *r)
{
	int why;

	fcgx_gate_wake(r->gate);
	do
		assert_null(fcgx_next(r->gate, r->turn, &why));
	while (fcgx_turn_has_more(r->turn));
}

static void
expect(struct fcgx *f, const char *name)
{
	assert_non_null(f);
	assert_string_equal(fcgx_param(f, "NAME"), name);
}

static void
say(struct fcgx *f, const char *text)
{
	assert_true(fcgx_answer(f, text, strlen(text)));
	fcgx_done(f);
}

static size_t
get(int fd, void *out, size_t len)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	size_t got = 0;

	while (got < len && poll(&wait, 1, SOON_MS) == 1) {
		ssize_t n = read(fd, (char *)out + got, len - got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

/* Reads one answer to its end. */
static void
hear(int fd, const char *text)
{
	char said[1024] = "";
	unsigned char head[8];
	size_t len = 0;

	for (;;) {
		char content[1024];
		size_t n;

		assert_int_equal(get(fd, head, sizeof(head)), sizeof(head));
		n = (size_t)head[4] << 8 | head[5];
		assert_true(n + head[6] <= sizeof(content));
		assert_int_equal(get(fd, content, n + head[6]), n + head[6]);
		if (head[1] == END)
			break;
		if (head[1] == STDOUT) {
			memcpy(said + len, content, n);
			len += n;
		}
	}
	said[len] = '\0';
	assert_string_equal(said, text);
}

/* A whole exchange; the connection is kept after it. */
static void
talk(struct room *r, int fd)
{
	ask(fd, "/a", "", true);
	say(next(r), "yes");
	hear(fd, "yes");
}

static void
expect_closed(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char byte;

	assert_int_equal(poll(&wait, 1, SOON_MS), 1);
	assert_true(read(fd, &byte, 1) <= 0);
}

static void
a_kept_connection_brings_one_request_after_the_other(void **state)
{
	struct room *r = *state;
	int fd = call_in(r);

	for (int i = 0; i < 3; i++) {
		char body[8], got[8] = "";
		struct fcgx *f;

		snprintf(body, sizeof(body), "body%d", i);
		ask(fd, "/a", body, true);
		f = next(r);
		expect(f, "/a");
		assert_int_equal(fcgx_read(f, got, sizeof(got)), strlen(body));
		assert_string_equal(got, body);
		say(f, body);
		hear(fd, body);
	}
	assert_int_equal(fcgx_gate_count(r->gate), 1);
	close(fd);
}

static void
one_that_is_not_to_be_kept_is_closed_after_its_answer(void **state)
{
	struct room *r = *state;
	int fd = call_in(r);

	ask(fd, "/once", "", false);
	say(next(r), "yes");
	hear(fd, "yes");
	expect_closed(fd);
	assert_int_equal(fcgx_gate_count(r->gate), 0);
	close(fd);
}

static void
idle_connections_keep_no_thread_from_the_others(void **state)
{
	struct room *r = *state;
	int idle[8], fd;

	for (size_t i = 0; i < COUNT(idle); i++) {
		idle[i] = call_in(r);
		talk(r, idle[i]);
	}
	fd = call_in(r);
	ask(fd, "/late", "", true);
	expect(next(r), "/late");
	assert_int_equal(fcgx_gate_count(r->gate), COUNT(idle) + 1);
	for (size_t i = 0; i < COUNT(idle); i++)
		close(idle[i]);
	close(fd);
}

static void
requests_are_answered_in_any_order(void **state)
{
	struct room *r = *state;
	int one = call_in(r), two = call_in(r);
	struct fcgx *first, *second;

	ask(one, "/1", "", true);
	first = next(r);
	ask(two, "/2", "", true);
	second = next(r);
	expect(first, "/1");
	expect(second, "/2");
	say(second, "two");
	hear(two, "two");
	ask(two, "/3", "", true);
	second = next(r);
	expect(second, "/3");
	say(first, "one");
	hear(one, "one");
	say(second, "three");
	hear(two, "three");
	close(one);
	close(two);
}

static void
a_body_that_nobody_read_is_not_taken_for_the_next_request(void **state)
{
	struct room *r = *state;
	int fd = call_in(r);
	static char body[40000]; /* more than libfcgi has read when it knows the parameters */

	memset(body, 'b', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	ask(fd, "/unread", body, true);
	say(next(r), "no");
	hear(fd, "no");
	ask(fd, "/after", "", true);
	expect(next(r), "/after");
	close(fd);
}

static char *
take_body(struct fcgx *f, size_t *len)
{
	char *body = fcgx_take_body(f, len);

	if (body)
		return body;
	body = malloc(BODY_MOST);
	*len = fcgx_read(f, body, BODY_MOST);
	return body;
}

static void
expect_body(struct fcgx *f, const char *want)
{
	size_t len;
	char *body = take_body(f, &len);

	assert_int_equal(len, strlen(want));
	assert_memory_equal(body, want, len);
	free(body);
}

static void
a_request_is_nobodys_before_it_is_whole(void **state)
{
	struct room *r = *state;
	int fd = call_in(r);
	struct fcgx *f;

	begin_to_ask(fd, "/a", true);
	look_in_vain(r);
	put(fd, STDIN, "late", 4);
	look_in_vain(r);
	put(fd, STDIN, "", 0);
	f = next(r);
	expect(f, "/a");
	expect_body(f, "late");
	say(f, "yes");
	hear(fd, "yes");
	talk(r, fd);
	close(fd);
}

/* The bytes of a request for /NAME, in the order in which they are sent. */
static size_t
write_down(unsigned char *out, size_t room, const char *name, const char *body)
{
	int ends[2];
	ssize_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ask(ends[0], name, body, true);
	close(ends[0]);
	n = read(ends[1], out, room);
	assert_true(n > 0);
	close(ends[1]);
	return (size_t)n;
}

static void
bytes_that_trickle_become_a_request(void **state)
{
	struct room *r = *state;
	unsigned char bytes[512];
	size_t len = write_down(bytes, sizeof(bytes), "/drop-by-drop", "body");
	int fd = call_in(r);
	struct fcgx *f;

	for (size_t i = 0; i + 1 < len; i++) {
		assert_int_equal(write(fd, bytes + i, 1), 1);
		if (i % 16 == 0)
			look_in_vain(r);
	}
	assert_int_equal(write(fd, bytes + len - 1, 1), 1);
	f = next(r);
	expect(f, "/drop-by-drop");
	expect_body(f, "body");
	say(f, "yes");
	hear(fd, "yes");
	close(fd);
}

static void
half_a_request_holds_up_nobody(void **state)
{
	struct room *r = *state;
	unsigned char bytes[512];
	size_t len = write_down(bytes, sizeof(bytes), "/half", "body");
	int half[16], fd;

	for (size_t i = 0; i < COUNT(half); i++) {
		half[i] = call_in(r);
		assert_int_equal(write(half[i], bytes, 1 + i * len / 20), 1 + i * len / 20);
	}
	look_in_vain(r);
	fd = call_in(r);
	talk(r, fd);
	for (size_t i = 0; i < COUNT(half); i++)
		close(half[i]);
	close(fd);
}

/* Sends a request whose end is there only when the gate has seen its beginning. */
static void
ask_in_pieces(struct room *r, int fd, const char *name, const char *body, bool keep)
{
	begin_to_ask(fd, name, keep);
	look_in_vain(r); /* it comes in */
	look_in_vain(r);
	if (*body)
		put(fd, STDIN, body, strlen(body));
	put(fd, STDIN, "", 0);
}

struct sender {
	int fd;
	const char *name, *body;
	pthread_t thread;
};

static void *
send_all(void *sender_)
{
	struct sender *sender = sender_;

	ask(sender->fd, sender->name, sender->body, true);
	return NULL;
}

static void
large_bodies_are_gathered_within_their_share_of_memory(void **state)
{
	struct room *r = *state;
	static char body[200 * 1024];
	struct sender sender[12];

	memset(body, 'b', sizeof(body) - 1);
	for (size_t i = 0; i < COUNT(sender); i++) {
		sender[i] = (struct sender){.fd = call_in(r), .name = "/large", .body = body};
		assert_int_equal(pthread_create(&sender[i].thread, NULL, send_all, &sender[i]), 0);
	}
	for (size_t i = 0; i < COUNT(sender); i++) {
		struct fcgx *f = next(r);

		expect(f, "/large");
		expect_body(f, body);
		say(f, "yes");
	}
	for (size_t i = 0; i < COUNT(sender); i++) {
		pthread_join(sender[i].thread, NULL);
		hear(sender[i].fd, "yes");
		close(sender[i].fd);
	}
}

/* Until nobody takes it any more. */
static void *
send_in_vain(void *sender_)
{
	struct sender *sender = sender_;
	unsigned char record[8 + RECORD_MOST] = {
	    1, STDIN, 0, 1, RECORD_MOST >> 8, RECORD_MOST & 0xff};

	for (size_t left = strlen(sender->body); left >= RECORD_MOST; left -= RECORD_MOST)
		if (send(sender->fd, record, sizeof(record), MSG_NOSIGNAL) != sizeof(record))
			return NULL;
	record[4] = record[5] = 0;
	(void)send(sender->fd, record, 8, MSG_NOSIGNAL);
	return NULL;
}

/* All that come through within a third of a second. */
static size_t
take_all(struct room *r, struct fcgx **taken)
{
	size_t n = 0;
	int why;

	fcgx_gate_wake(r->gate);
	for (int i = 0; i < 300; i++) {
		struct fcgx *f;

		while ((f = fcgx_next(r->gate, r->turn, &why)) || fcgx_turn_has_more(r->turn))
			if (f)
				taken[n++] = f;
		clock_sleep_ms(1);
	}
	return n;
}

#define LARGE_MOST (2 * 1024 * 1024) /* a turn of reading is short beside it */

/* The room again, for bodies of that length. */
static char *
make_room_for_large(struct room *r)
{
	static const struct fcgx_limits large = {LARGE_MOST, body_of};
	static char body[LARGE_MOST + 1];

	fcgx_turn_free(r->turn);
	fcgx_gate_free(r->gate);
	r->gate = fcgx_gate_new(r->listener, &large);
	r->turn = fcgx_turn_new(r->gate);
	memset(body, 'b', LARGE_MOST);
	return body;
}

static void
begin_to_send(struct room *r, struct sender *sender, const char *body)
{
	*sender = (struct sender){.fd = call_in(r), .name = "/large", .body = body};
	begin_to_ask(sender->fd, sender->name, true);
	assert_int_equal(pthread_create(&sender->thread, NULL, send_in_vain, sender), 0);
}

static void
bodies_that_nobody_answers_are_bounded_and_who_waits_for_them_is_hung_up_on_in_time(void **state)
{
	struct room *r = *state;
	const char *body = make_room_for_large(r);
	struct sender sender[12];
	struct fcgx *taken[COUNT(sender)];
	size_t n;

	for (size_t i = 0; i < COUNT(sender); i++)
		begin_to_send(r, &sender[i], body);
	n = take_all(r, taken);
	assert_in_range(n, 1, 4); /* so many may be held */
	ahead_us += 21 * INT64_C(1000000);
	assert_int_equal(take_all(r, taken + n), 0);
	assert_int_equal(fcgx_gate_count(r->gate), n);
	for (size_t i = 0; i < n; i++)
		say(taken[i], "yes");
	for (size_t i = 0; i < COUNT(sender); i++) {
		pthread_join(sender[i].thread, NULL);
		close(sender[i].fd);
	}
}

static void
who_waits_for_memory_gets_none_of_who_had_none(void **state)
{
	struct room *r = *state;
	const char *body = make_room_for_large(r);
	struct sender sender[5];
	struct fcgx *taken[COUNT(sender)], *f;
	int fd = call_in(r);

	for (size_t i = 0; i < 4; i++) {
		/* 64 KiB are left, which a turn of the next one takes, and its end does not fit into two. */
		begin_to_send(r, &sender[i], i == 3 ? body + 64 * 1024 : body);
		expect(taken[i] = next(r), "/large");
	}
	begin_to_send(r, &sender[4], body + LARGE_MOST - 194 * 1024);
	assert_int_equal(take_all(r, taken + 4), 0);
	ask(fd, "/a", body + LARGE_MOST - 20 * 1024, true); /* gathered, and whole at once */
	expect(f = next(r), "/a");
	assert_int_equal(take_all(r, taken + 4), 0);
	say(f, "yes");
	say(taken[0], "yes");
	expect(taken[4] = next(r), "/large");
	for (size_t i = 1; i < COUNT(sender); i++)
		say(taken[i], "yes");
	for (size_t i = 0; i < COUNT(sender); i++) {
		pthread_join(sender[i].thread, NULL);
		close(sender[i].fd);
	}
	close(fd);
}

/* Nine who are in the middle of a body when there is no memory any more. */
static void
use_up_memory(struct room *r, int fd[9], const char *body)
{
	for (int i = 0; i < 9; i++) {
		fd[i] = call_in(r);
		begin_to_ask(fd[i], i == 0 ? "/oldest" : "/younger", true);
		look_in_vain(r);
	}
	for (int kib = 0; kib < 960; kib++)
		for (int i = 0; i < 9; i++) {
			put(fd[i], STDIN, body, 1024);
			if (kib % 32 == 0)
				look_in_vain(r);
		}
}

static void
the_oldest_goes_on_when_nobody_has_memory_to_give_back(void **state)
{
	struct room *r = *state;
	const char *body = make_room_for_large(r);
	int asked = call_in(r), parked = call_in(r), fd[9];
	struct fcgx *waits, *f;

	ask(asked, "/a", body + LARGE_MOST - 20 * 1024, true); /* has had its body */
	expect(f = next(r), "/a");
	say(f, "yes");
	begin_to_ask(
	    parked, "/parked", true); /* came in pieces, is there for long, and has no body */
	look_in_vain(r);
	put(parked, STDIN, "", 0);
	expect(waits = next(r), "/parked");
	use_up_memory(r, fd, body);
	put(fd[1], STDIN, "", 0);
	look_in_vain(r);
	put(fd[0], STDIN, "", 0);
	expect(f = next(r), "/oldest");
	say(f, "yes");
	expect(f = next(r), "/younger");
	say(f, "yes");
	say(waits, "yes");
	close(asked);
	close(parked);
	for (int i = 0; i < 9; i++)
		close(fd[i]);
}

/* What it did wrong a sanitizer sees. */
static void
a_gate_goes_with_those_who_are_in_the_middle_of_a_body(void **state)
{
	struct room *r = *state;
	char body[RECORD_MOST] = "";
	int fd[3];

	for (size_t i = 0; i < COUNT(fd); i++) {
		fd[i] = call_in(r);
		begin_to_ask(fd[i], "/large", true);
		put(fd[i], STDIN, body, sizeof(body));
	}
	look_in_vain(r);
	look_in_vain(r);
	assert_int_equal(fcgx_gate_count(r->gate), COUNT(fd));
	fcgx_gate_free(r->gate);
	r->gate = fcgx_gate_new(r->listener, &limits);
	for (size_t i = 0; i < COUNT(fd); i++) {
		expect_closed(fd[i]);
		close(fd[i]);
	}
}

static void
when_the_oldest_hangs_up_the_next_one_goes_on(void **state)
{
	struct room *r = *state;
	const char *body = make_room_for_large(r);
	int older = call_in(r), fd[9];
	struct fcgx *f;

	begin_to_ask(older, "/holds-nothing", true);
	look_in_vain(r);
	look_in_vain(r);
	use_up_memory(r, fd, body);
	close(older);
	look_in_vain(r);
	put(fd[0], STDIN, "", 0);
	expect(f = next(r), "/oldest");
	say(f, "yes");
	for (int i = 0; i < 9; i++)
		close(fd[i]);
}

static void
who_takes_twenty_seconds_to_ask_is_hung_up_on(void **state)
{
	struct room *r = *state;
	int fd = call_in(r), other = call_in(r);

	begin_to_ask(fd, "/slow", true);
	talk(r, other);
	ahead_us += 19 * INT64_C(1000000);
	look_in_vain(r);
	look_in_vain(r);
	assert_int_equal(fcgx_gate_count(r->gate), 2);
	ahead_us += 2 * INT64_C(1000000);
	look_in_vain(r);
	look_in_vain(r);
	expect_closed(fd);
	assert_int_equal(fcgx_gate_count(r->gate), 1);
	talk(r, other); /* who says nothing may stay */
	close(fd);
	close(other);
}

static void
of_a_body_over_the_limit_no_more_is_kept(void **state)
{
	static const struct {
		const char *name;
		size_t most;
	} want[] = {{"/large", BODY_MOST}, {"/small?but=sent", 1024}};
	struct room *r = *state;
	static char body[BODY_MOST + 100000];

	memset(body, 'b', sizeof(body) - 1);
	for (size_t i = 0; i < COUNT(want); i++) {
		struct sender sender = {.fd = call_in(r), .name = want[i].name, .body = body};
		struct fcgx *f;
		size_t len;

		assert_int_equal(pthread_create(&sender.thread, NULL, send_all, &sender), 0);
		f = next(r);
		expect(f, want[i].name);
		free(take_body(f, &len));
		assert_int_equal(len, want[i].most);
		say(f, "no");
		pthread_join(sender.thread, NULL);
		hear(sender.fd, "no");
		talk(r, sender.fd);
		close(sender.fd);
	}
}

static void
what_comes_in_pieces_is_as_if_it_had_come_at_once(void **state)
{
	struct room *r = *state;
	int kept = call_in(r), closed = call_in(r), small = call_in(r);
	char piece[1000], *body;
	struct fcgx *f;
	size_t len;

	ask_in_pieces(r, kept, "/empty", "", true);
	expect(f = next(r), "/empty");
	body = fcgx_take_body(f, &len);
	assert_non_null(body);
	assert_string_equal(body, "");
	assert_int_equal(len, 0);
	free(body);
	say(f, "yes");
	hear(kept, "yes");
	talk(r, kept);

	ask_in_pieces(r, closed, "/a", "body", false);
	expect(f = next(r), "/a");
	say(f, "yes");
	hear(closed, "yes");
	expect_closed(closed);

	/* Of the piece that does not fit the beginning is kept. */
	memset(piece, 'p', sizeof(piece));
	begin_to_ask(small, "/small", true);
	put(small, STDIN, piece, sizeof(piece));
	look_in_vain(r);
	look_in_vain(r);
	put(small, STDIN, piece, sizeof(piece));
	put(small, STDIN, "", 0);
	expect(f = next(r), "/small");
	free(take_body(f, &len));
	assert_int_equal(len, 1024);
	say(f, "no");
	close(kept);
	close(closed);
	close(small);
}

static void
put_as(int fd, int id, int type, const void *content, size_t len)
{
	unsigned char record[8] = {1, (unsigned char)type, (unsigned char)(id >> 8),
	    (unsigned char)id, (unsigned char)(len >> 8), (unsigned char)len};

	assert_int_equal(write(fd, record, sizeof(record)), sizeof(record));
	assert_int_equal(write(fd, content, len), len);
}

static void
what_comes_in_pieces_has_its_own_number_and_address(void **state)
{
	static const char params[] = "\x07\x06REQUEST/small\x04\x02NAME/a\x0b\x02REQUEST_URI/a";
	static const unsigned char begin[8] = {0, 1, 1};
	struct room *r = *state;
	int fd = call_in(r);
	char piece[1000];
	unsigned char head[8];
	struct fcgx *f;
	size_t len;

	memset(piece, 'p', sizeof(piece));
	put_as(fd, 258, BEGIN, begin, sizeof(begin));
	put_as(fd, 258, PARAMS, params, sizeof(params) - 1);
	put_as(fd, 258, PARAMS, "", 0);
	look_in_vain(r);
	look_in_vain(r);
	put_as(fd, 258, STDIN, piece, sizeof(piece));
	put_as(fd, 258, STDIN, piece, sizeof(piece));
	put_as(fd, 258, STDIN, "", 0);
	expect(f = next(r), "/a");
	free(take_body(f, &len));
	assert_int_equal(len, 2 * sizeof(piece));
	say(f, "yes");
	assert_int_equal(get(fd, head, sizeof(head)), sizeof(head));
	assert_int_equal(head[2] << 8 | head[3], 258);
	close(fd);
}

static void
what_follows_unasked_what_came_in_pieces_ends_the_connection(void **state)
{
	struct room *r = *state;
	int fd = call_in(r);

	ask_in_pieces(r, fd, "/a", "", true);
	begin_to_ask(fd, "/b", true);
	look_in_vain(r);
	expect_closed(fd);
	assert_int_equal(fcgx_gate_count(r->gate), 0);
	close(fd);
}

static void
a_peer_that_hung_up_is_forgotten(void **state)
{
	struct room *r = *state;
	int fd = call_in(r);

	talk(r, fd);
	close(fd);
	look_in_vain(r);
	assert_int_equal(fcgx_gate_count(r->gate), 0);
}

/* ---- long answers ------------------------------------------------------------------------------ */

#define LONG 800000 /* more than a socket takes */

struct end {
	int told, lost;
};

static void
note_end(void *arg, bool told)
{
	struct end *end = arg;

	if (told)
		end->told++;
	else
		end->lost++;
}

/* Bytes that differ by where they are. */
static void
fill(struct buf *b, size_t len)
{
	buf_init(b, 0);
	for (size_t i = 0; i < len; i++)
		buf_putc(b, (char)(i % 251));
	assert_false(b->failed);
}

/* Asks, and is answered so many bytes, which it does not read yet. */
static int
be_answered(struct room *r, size_t len, bool keep, struct end *end)
{
	int fd = call_in(r);
	struct fcgx *f;
	struct buf answer;

	ask(fd, "/long", "", keep);
	f = next(r);
	expect(f, "/long");
	fill(&answer, len);
	assert_true(fcgx_tell(f, &answer));
	if (fcgx_is_telling(f))
		fcgx_when_told(f, note_end, end);
	fcgx_done(f);
	buf_fini(&answer);
	return fd;
}

/* Reads an answer to its end, while the gate goes on; how many bytes of it were as they were given. */
static size_t
hear_long(struct room *r, int fd)
{
	size_t good = 0;

	for (;;) {
		unsigned char head[8], content[65536];
		size_t n;

		look_in_vain(r);
		assert_int_equal(get(fd, head, sizeof(head)), sizeof(head));
		n = (size_t)head[4] << 8 | head[5];
		for (size_t got = 0; got < n + head[6];) {
			size_t some = get(fd, content + got, 1024 < n - got ? 1024 : n - got);

			assert_true(some > 0);
			got += some;
			look_in_vain(r);
		}
		if (head[1] == END)
			return good;
		assert_int_equal(head[1], STDOUT);
		for (size_t i = 0; i < n; i++)
			good += content[i] == (good % 251);
	}
}

static void
a_long_answer_is_told_as_its_peer_takes_it_and_holds_up_nobody(void **state)
{
	struct room *r = *state;
	struct end end = {0};
	int fd = be_answered(r, LONG, true, &end), other = call_in(r);

	talk(r, other);
	assert_int_equal(end.told + end.lost, 0);
	assert_int_equal(hear_long(r, fd), LONG);
	look_in_vain(r);
	assert_int_equal(end.told, 1);
	talk(r, fd);
	close(fd);
	close(other);
}

static void
a_long_answer_has_every_length(void **state)
{
	static const size_t lengths[] = {
	    1, 65527, 65528, 65529, 2 * 65528, 8 * 65528, 8 * 65528 + 1};
	struct room *r = *state;
	struct end end = {0};

	for (size_t i = 0; i < COUNT(lengths); i++) {
		int fd = be_answered(r, lengths[i], i % 2, &end);

		assert_int_equal(hear_long(r, fd), lengths[i]);
		look_in_vain(r);
		if (i % 2)
			talk(r, fd);
		else
			expect_closed(fd);
		close(fd);
	}
	assert_int_equal(end.lost, 0);
}

static void
who_hangs_up_in_the_middle_of_a_long_answer_is_known(void **state)
{
	struct room *r = *state;
	struct end end = {0};
	int fd = be_answered(r, LONG, true, &end);

	close(fd);
	look_in_vain(r);
	assert_int_equal(end.lost, 1);
	assert_int_equal(end.told, 0);
	look_in_vain(r);
	assert_int_equal(fcgx_gate_count(r->gate), 0);
}

static void
a_long_answer_to_who_has_hung_up_is_known_as_not_told(void **state)
{
	struct room *r = *state;
	int fd = call_in(r);
	struct fcgx *f;
	struct buf answer;

	ask(fd, "/long", "", true);
	f = next(r);
	close(fd);
	fill(&answer, LONG);
	assert_false(fcgx_tell(f, &answer));
	fcgx_done(f);
	buf_fini(&answer);
	assert_int_equal(fcgx_gate_count(r->gate), 0);
}

static void
answers_that_nobody_reads_are_bounded_and_who_reads_has_his(void **state)
{
	static struct end unread, read; /* of those still held it is told when the room is closed */
	struct room *r = *state;
	int fds[8], fd;

	/* Four of the longest body's length may be held. */
	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = be_answered(r, BODY_MOST, true, &unread);
	for (size_t i = 0; i < COUNT(fds); i++)
		look_in_vain(r);
	assert_int_equal(unread.lost, COUNT(fds) - 4);
	fd = be_answered(r, BODY_MOST, true, &read);
	assert_int_equal(hear_long(r, fd), BODY_MOST);
	assert_int_equal(read.lost, 0);
	close(fd);
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
}

static void
one_answer_that_is_longer_than_all_may_be_is_told_alone(void **state)
{
	struct room *r = *state;
	struct end end = {0};
	int fd = be_answered(r, 5 * BODY_MOST, true, &end);

	assert_int_equal(hear_long(r, fd), 5 * BODY_MOST);
	close(fd);
}

static void
at_the_end_of_the_process_answers_are_told_or_given_up(void **state)
{
	struct room *r = *state;
	struct end end = {0};
	int fd = be_answered(r, LONG, true, &end);

	close(fd);
	fcgx_gate_finish(r->gate);
	assert_int_equal(end.lost, 1);
	assert_int_equal(fcgx_gate_count(r->gate), 0);
}

static void
at_the_end_of_the_process_nobody_is_waited_for_who_does_not_read(void **state)
{
	struct room *r = *state;
	struct end end = {0};
	int fd = be_answered(r, LONG, true, &end);

	step_us = 1000000;
	fcgx_gate_finish(r->gate);
	step_us = 0;
	assert_int_equal(end.lost, 1);
	assert_int_equal(fcgx_gate_count(r->gate), 0);
	close(fd);
}

/* ---- long turns -------------------------------------------------------------------------------- */

/* By the long turn, and never by the ordinary one, which goes on meanwhile. */
static struct fcgx *
next_long(struct room *r, struct fcgx_turn *turn)
{
	struct fcgx *f = NULL;
	int why;

	fcgx_gate_wake(r->gate);
	for (int64_t end = clock_us() + SOON_MS * 1000; !f && clock_us() < end;) {
		assert_null(fcgx_next(r->gate, r->turn, &why));
		f = fcgx_next(r->gate, turn, &why);
	}
	return f;
}

static void
a_long_body_goes_by_long_turns_and_what_follows_it_does_not(void **state)
{
	struct room *r = *state;
	static char body[200 * 1024];
	struct fcgx_turn *turn = fcgx_turn_new_long(r->gate);
	struct sender sender = {.fd = call_in(r), .name = "/large", .body = body};
	int other = call_in(r);
	struct fcgx *f;

	memset(body, 'b', sizeof(body) - 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&sender.thread, NULL, send_all, &sender), 0);
		f = next_long(r, turn);
		expect(f, "/large");
		talk(r, other);
		expect_body(f, body);
		say(f, "yes");
		pthread_join(sender.thread, NULL);
		hear(sender.fd, "yes");
		talk(r, sender.fd);
	}
	close(sender.fd);
	close(other);
	fcgx_turn_free(turn);
}

static void
the_rest_of_a_long_answer_goes_by_long_turns_and_what_follows_it_does_not(void **state)
{
	struct room *r = *state;
	struct fcgx_turn *ordinary = r->turn, *turn = fcgx_turn_new_long(r->gate);
	struct end end = {0};
	int fd = be_answered(r, LONG, true, &end);

	look_in_vain(r);
	r->turn = turn;
	assert_int_equal(hear_long(r, fd), LONG);
	look_in_vain(r);
	assert_int_equal(end.told, 1);
	r->turn = ordinary;
	talk(r, fd);
	close(fd);
	fcgx_turn_free(turn);
}

static void
who_hangs_up_in_the_middle_of_what_is_long_is_forgotten(void **state)
{
	struct room *r = *state;
	struct fcgx_turn *ordinary = r->turn, *turn = fcgx_turn_new_long(r->gate);
	char body[RECORD_MOST] = "";
	int fd = call_in(r);

	begin_to_ask(fd, "/large", true);
	for (int i = 0; i < 100; i++) {
		put(fd, STDIN, body, sizeof(body));
		r->turn = i % 2 ? turn : ordinary;
		look_in_vain(r);
	}
	close(fd);
	r->turn = turn;
	look_in_vain(r);
	assert_int_equal(fcgx_gate_count(r->gate), 0);
	r->turn = ordinary;
	fcgx_turn_free(turn);
}

static void
what_a_peer_asked_before_it_hung_up_is_still_taken(void **state)
{
	struct room *r = *state;
	int fd = call_in(r);

	talk(r, fd);
	ask(fd, "/bye", "", true);
	close(fd);
	expect(next(r), "/bye");
}

static void
an_answer_to_a_peer_that_hung_up_is_known_as_not_sent(void **state)
{
	struct room *r = *state;
	int fd = call_in(r);
	struct fcgx *f;

	ask(fd, "/a", "", true);
	f = next(r);
	close(fd);
	assert_false(fcgx_answer(f, "lost", 4));
	fcgx_done(f);
	assert_int_equal(fcgx_gate_count(r->gate), 0);
}

static void
bytes_that_are_no_fastcgi_end_the_connection_only(void **state)
{
	static const char noise[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	struct room *r = *state;
	int noisy = call_in(r), fd;

	assert_int_equal(write(noisy, noise, sizeof(noise)), sizeof(noise));
	look_in_vain(r);
	look_in_vain(r);
	expect_closed(noisy);
	fd = call_in(r);
	ask(fd, "/well", "", true);
	expect(next(r), "/well");
	close(noisy);
	close(fd);
}

/* What must end its own connection, and no other. */
static const struct {
	const char *what;
	unsigned char bytes[48];
	size_t len;
} malformed[] = {
    {"version 0", {0, 1, 0, 1, 0, 8}, 16},
    {"version 2", {2, 1, 0, 1, 0, 8, 0, 0, 0, 1}, 16},
    {"no begin", {1, 4, 0, 1, 0, 0, 0, 0}, 8},
    {"standard input first", {1, 5, 0, 1, 0, 1, 0, 0, 'x'}, 9},
    {"an unknown type", {1, 77, 0, 1, 0, 8}, 16},
    {"a question of management", {1, 9, 0, 0, 0, 0}, 8},
    {"request 0", {1, 1, 0, 0, 0, 8, 0, 0, 0, 1}, 16},
    {"a short begin", {1, 1, 0, 1, 0, 7, 0, 0, 0, 1}, 15},
    {"a long begin", {1, 1, 0, 1, 0, 9, 0, 0, 0, 1}, 17},
    {"a filter", {1, 1, 0, 1, 0, 8, 0, 0, 0, 3}, 16},
    {"an authorizer", {1, 1, 0, 1, 0, 8, 0, 0, 0, 2}, 16},
    {"begun twice", {1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 8}, 32},
    {"aborted", {1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 0, 1}, 24},
    {"another request's parameters", {1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 2},
	24},
    {"standard input before the parameters' end",
	{1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 5, 0, 1, 0, 1, 0, 0, 'x'}, 25},
    {"a name of two gigabytes",
	{1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 1, 0, 8, 0, 0, 0xff, 0xff, 0xff,
	    0xff, 0, 'a', 'b', 'c'},
	32},
    {"a value of two gigabytes",
	{1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 1, 0, 8, 0, 0, 1, 0xff, 0xff,
	    0xff, 0xff, 'a', 'b', 'c'},
	32},
    {"two lengths that are too much together",
	{1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 1, 0, 8, 0, 0, 0x80, 0, 0xff,
	    0xff, 0x80, 0, 0xff, 0xff},
	32},
    {"parameters that end in a pair",
	{1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 1, 0, 3, 0, 0, 4, 4, 'N', 1, 4, 0,
	    1, 0, 0, 0, 0},
	35},
    {"parameters that end in a length",
	{1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 1, 0, 2, 0, 0, 0x80, 0, 1, 4, 0,
	    1, 0, 0, 0, 0},
	34},
};

static bool
is_ended(struct room *r, int fd)
{
	char byte;

	for (int i = 0; i < 10; i++) {
		look_in_vain(r);
		if (recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET)
			return true;
	}
	return false;
}

static void
a_malformed_record_ends_its_connection_only(void **state)
{
	struct room *r = *state;
	int well = call_in(r);

	for (size_t i = 0; i < COUNT(malformed); i++) {
		int fd = call_in(r);

		assert_int_equal(write(fd, malformed[i].bytes, malformed[i].len), malformed[i].len);
		if (!is_ended(r, fd))
			fail_msg("not ended: %s", malformed[i].what);
		close(fd);
		talk(r, well);
	}
	close(well);
}

static void
a_second_request_that_was_not_waited_for_ends_the_connection(void **state)
{
	struct room *r = *state;
	unsigned char bytes[1024];
	size_t len = write_down(bytes, sizeof(bytes) / 2, "/one", "");
	int fd = call_in(r);

	memcpy(bytes + len, bytes, len);
	assert_int_equal(write(fd, bytes, 2 * len), 2 * len);
	look_in_vain(r);
	look_in_vain(r);
	assert_int_equal(fcgx_gate_count(r->gate), 0);
	close(fd);
}

static void
padding_is_passed_over(void **state)
{
	static const unsigned char bytes[] = {1, 1, 0, 7, 0, 8, 3, 0, 0, 1, 1, 0, 0, 0, 0, 0, 'p',
	    'a', 'd', 1, 4, 0, 7, 0, 7, 1, 0, 4, 1, 'N', 'A', 'M', 'E', '/', 'p', 1, 4, 0, 7, 0, 0,
	    2, 0, 'p', 'a', 1, 5, 0, 7, 0, 2, 1, 0, 'h', 'i', 'p', 1, 5, 0, 7, 0, 0, 1, 0, 'p'};
	struct room *r = *state;
	int fd = call_in(r);
	struct fcgx *f;

	for (size_t pieces = 0; pieces < 2; pieces++) {
		size_t first = pieces * (sizeof(bytes) - 1);

		assert_int_equal(write(fd, bytes, first), first);
		if (pieces)
			look_in_vain(r);
		assert_int_equal(
		    write(fd, bytes + first, sizeof(bytes) - first), sizeof(bytes) - first);
		f = next(r);
		expect(f, "/");
		expect_body(f, "hi");
		say(f, "yes");
		hear(fd, "yes");
	}
	close(fd);
}

static void
a_cut_request_gets_no_answer(void **state)
{
	struct room *r = *state;
	int fd = call_in(r);
	struct fcgx *f;

	ask(fd, "/a", "", true);
	f = next(r);
	fcgx_cut(f);
	fcgx_done(f);
	expect_closed(fd);
	assert_int_equal(fcgx_gate_count(r->gate), 0);
	close(fd);
}

static void
the_bell_is_heard_by_everybody_once_it_is_rung(void **state)
{
	struct room *r = *state;
	int64_t began;
	int why;

	fcgx_gate_wake(r->gate);
	began = __real_clock_us();
	for (int i = 0; i < 20; i++)
		assert_null(fcgx_next(r->gate, r->turn, &why));
	assert_true(__real_clock_us() - began < 10 * FCGX_TICK_MS * 1000);
}

static void
a_gate_that_is_shut_goes_on_with_whom_it_has(void **state)
{
	struct room *r = *state;
	int old = call_in(r), new;

	talk(r, old);
	fcgx_gate_shut(r->gate);
	new = call_in(r);
	ask(new, "/new", "", true);
	ask(old, "/old", "", true);
	expect(next(r), "/old");
	look_in_vain(r);
	assert_int_equal(fcgx_gate_count(r->gate), 1);
	close(old);
	close(new);
}

static void *
answer_one(void *f)
{
	say(f, "from another thread");
	return NULL;
}

static void
a_request_may_be_answered_by_another_thread(void **state)
{
	struct room *r = *state;
	int fd = call_in(r);

	for (int i = 0; i < 50; i++) {
		pthread_t thread;

		ask(fd, "/a", "", true);
		assert_int_equal(pthread_create(&thread, NULL, answer_one, next(r)), 0);
		hear(fd, "from another thread");
		pthread_join(thread, NULL);
	}
	close(fd);
}

static void
what_is_not_there_may_be_freed(void **state)
{
	(void)state;
	gather_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_room, close_room)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_not_there_may_be_freed),
	    TEST(a_kept_connection_brings_one_request_after_the_other),
	    TEST(one_that_is_not_to_be_kept_is_closed_after_its_answer),
	    TEST(idle_connections_keep_no_thread_from_the_others),
	    TEST(requests_are_answered_in_any_order),
	    TEST(a_body_that_nobody_read_is_not_taken_for_the_next_request),
	    TEST(a_request_is_nobodys_before_it_is_whole),
	    TEST(bytes_that_trickle_become_a_request),
	    TEST(half_a_request_holds_up_nobody),
	    TEST(large_bodies_are_gathered_within_their_share_of_memory),
	    TEST(
		bodies_that_nobody_answers_are_bounded_and_who_waits_for_them_is_hung_up_on_in_time),
	    TEST(who_waits_for_memory_gets_none_of_who_had_none),
	    TEST(the_oldest_goes_on_when_nobody_has_memory_to_give_back),
	    TEST(a_gate_goes_with_those_who_are_in_the_middle_of_a_body),
	    TEST(when_the_oldest_hangs_up_the_next_one_goes_on),
	    TEST(who_takes_twenty_seconds_to_ask_is_hung_up_on),
	    TEST(of_a_body_over_the_limit_no_more_is_kept),
	    TEST(what_comes_in_pieces_is_as_if_it_had_come_at_once),
	    TEST(what_comes_in_pieces_has_its_own_number_and_address),
	    TEST(what_follows_unasked_what_came_in_pieces_ends_the_connection),
	    TEST(a_peer_that_hung_up_is_forgotten),
	    TEST(what_a_peer_asked_before_it_hung_up_is_still_taken),
	    TEST(an_answer_to_a_peer_that_hung_up_is_known_as_not_sent),
	    TEST(a_long_answer_is_told_as_its_peer_takes_it_and_holds_up_nobody),
	    TEST(a_long_answer_has_every_length),
	    TEST(who_hangs_up_in_the_middle_of_a_long_answer_is_known),
	    TEST(a_long_answer_to_who_has_hung_up_is_known_as_not_told),
	    TEST(answers_that_nobody_reads_are_bounded_and_who_reads_has_his),
	    TEST(one_answer_that_is_longer_than_all_may_be_is_told_alone),
	    TEST(at_the_end_of_the_process_answers_are_told_or_given_up),
	    TEST(at_the_end_of_the_process_nobody_is_waited_for_who_does_not_read),
	    TEST(a_long_body_goes_by_long_turns_and_what_follows_it_does_not),
	    TEST(the_rest_of_a_long_answer_goes_by_long_turns_and_what_follows_it_does_not),
	    TEST(who_hangs_up_in_the_middle_of_what_is_long_is_forgotten),
	    TEST(bytes_that_are_no_fastcgi_end_the_connection_only),
	    TEST(a_malformed_record_ends_its_connection_only),
	    TEST(a_second_request_that_was_not_waited_for_ends_the_connection),
	    TEST(padding_is_passed_over),
	    TEST(a_cut_request_gets_no_answer),
	    TEST(the_bell_is_heard_by_everybody_once_it_is_rung),
	    TEST(a_gate_that_is_shut_goes_on_with_whom_it_has),
	    TEST(a_request_may_be_answered_by_another_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
