/*
 * drive -- a closed loop of HTTP workers, to see what the tracker can bear.
 *
 * Each of N keep-alive connections is one worker: it registers, then walks the steps of the mix
 * round and round, sending the next call when the answer to the last has come and was looked at.
 * Nothing is counted before all have registered and the warm-up is over.
 *
 * Threads	one; epoll, edge-triggered, about three system calls a request.
 * Units	microseconds inside, milliseconds and seconds on the command line.
 * Ends	0 when every answer was right (honest 503s are), 1 when some were not, 64 on misuse.
 */
#include "call.h"
#include "options.h"
#include "report.h"
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

enum {
	EVENTS_MAX = 512,
	ANSWER_MAX = 64 << 20,
	RETRY_US = 2500000, /* the published client waits as long after a lost connection */
	EMPTY_US = 100000,  /* after "no work now": not to spin on it */
	BUSY_US = 1000000,  /* after a 503, when it does not say how long */
	SHOWN_MAX = 3,      /* wrong answers that are printed */
};

enum state { STATE_NEW, STATE_OPENING, STATE_ASKING, STATE_RESTING, STATE_WAITING, STATE_OVER };
enum phase { PHASE_SETUP, PHASE_WARMUP, PHASE_MEASURE, PHASE_DRAIN };

struct client {
	struct wire wire;
	struct worker *workers; /* --workers: they take turns, a round of the mix each */
	struct worker *worker;  /* whose turn it is */
	enum state state;
	struct step asked; /* what is being asked now */
	size_t step;       /* of the plan */
	uint64_t cycles;
	uint64_t asked_us;
	uint64_t served; /* answers on this connection */
	bool again;      /* resting before the same request is sent again */
	struct text out, in;
	size_t sent;
};

struct timer {
	uint64_t due_us;
	unsigned client;
};

static struct client *clients;
static struct timer *timers;
static size_t timer_count;
static int poller;
static enum phase phase;
static unsigned waiting, over;
static uint64_t setup_us, began_us, ended_us;

static void go_on(struct client *c);

static void
die(const char *why)
{
	fprintf(stderr, "drive: %s: %s\n", why, strerror(errno));
	exit(1);
}

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* A heap, earliest first. A client has one timer at most, so `connections` bounds it. */
static void
set_timer(struct client *c, uint64_t due_us)
{
	size_t i = timer_count++;

	while (i > 0 && timers[(i - 1) / 2].due_us > due_us) {
		timers[i] = timers[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	timers[i] = (struct timer){due_us, (unsigned)(c - clients)};
}

static struct client *
take_timer(void)
{
	struct client *c = &clients[timers[0].client];
	struct timer last = timers[--timer_count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < timer_count) {
		if (child + 1 < timer_count && timers[child + 1].due_us < timers[child].due_us)
			child++;
		if (timers[child].due_us >= last.due_us)
			break;
		timers[i] = timers[child];
		i = child;
	}
	timers[i] = last;
	return c;
}

static void
rest(struct client *c, uint64_t us)
{
	c->state = STATE_RESTING;
	set_timer(c, now_us() + us);
}

static void
open_wire(struct client *c)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
	    .data.u32 = (uint32_t)(c - clients)};

	c->served = 0;
	c->in.len = c->sent = 0;
	if (!wire_open(&c->wire)) {
		c->again = true;
		rest(c, RETRY_US);
		return;
	}
	if (epoll_ctl(poller, EPOLL_CTL_ADD, c->wire.fd, &event) != 0)
		die("epoll_ctl");
	c->state = STATE_OPENING;
}

/* The connection ended before its answer: the same request again, on another one. */
static void
lose_wire(struct client *c)
{
	bool served = c->served > 0;

	wire_close(&c->wire);
	if (c->state != STATE_ASKING && c->state != STATE_OPENING)
		return;
	if (!served || c->in.len > 0) {
		stats.all_dropped++;
		if (phase == PHASE_MEASURE)
			stats.dropped++;
	}
	c->again = true;
	/* A server may end an idle connection at the moment it is used: that is nobody's fault. */
	if (served && c->in.len == 0)
		open_wire(c);
	else
		rest(c, RETRY_US);
}

static void
send_request(struct client *c)
{
	while (c->sent < c->out.len) {
		ssize_t put = wire_write(&c->wire, c->out.bytes + c->sent, c->out.len - c->sent);

		if (put == WIRE_GONE) {
			lose_wire(c);
			return;
		}
		if (put == WIRE_AGAIN)
			return;
		c->sent += (size_t)put;
	}
}

static void
ask(struct client *c, struct step step)
{
	c->asked = step;
	call_write(&options.plan, &step, c->worker, &c->out);
	c->sent = c->in.len = 0;
	c->asked_us = now_us();
	c->again = false;
	if (c->wire.fd < 0) {
		open_wire(c);
		return;
	}
	c->state = STATE_ASKING;
	send_request(c);
}

static bool
plan_needs_token(void)
{
	for (size_t i = 0; i < options.plan.count; i++) {
		enum call call = options.plan.steps[i].call;

		if (call != CALL_NEW && call != CALL_COUNT && call != CALL_PAGE &&
		    call < CALL_KINDS)
			return !options.plan.blind;
	}
	return false;
}

/* Everybody who waits goes on at once. */
static void
release_waiting(void)
{
	waiting = 0;
	for (unsigned i = 0; i < options.connections; i++)
		if (clients[i].state == STATE_WAITING)
			go_on(&clients[i]);
}

static void
wait_for_all(struct client *c)
{
	c->state = STATE_WAITING;
	waiting++;
	/* Released by the loop, when no client is in the middle of anything. */
}

static void
finish(struct client *c)
{
	for (unsigned i = 0; options.bye && i < options.workers_each; i++) {
		c->worker = &c->workers[i];
		if (c->worker->token[0] != '\0') {
			ask(c, (struct step){.call = CALL_BYE});
			return;
		}
	}
	wire_close(&c->wire);
	c->state = STATE_OVER;
	over++;
}

static void
next_worker(struct client *c)
{
	if (++c->worker == c->workers + options.workers_each)
		c->worker = c->workers;
}

/* Before anything is measured: all workers of this connection register, one after the other. */
static void
register_next(struct client *c)
{
	for (unsigned i = 0; plan_needs_token() && i < options.workers_each; i++, next_worker(c))
		if (c->worker->token[0] == '\0') {
			ask(c, (struct step){.call = CALL_NEW});
			return;
		}
	wait_for_all(c);
}

/* The client is free: what does it do next? */
static void
go_on(struct client *c)
{
	const struct step *s;

	if (phase == PHASE_SETUP) {
		register_next(c);
		return;
	}
	if ((c->step == 0 &&
		(phase == PHASE_DRAIN || (options.cycles > 0 && c->cycles >= options.cycles))) ||
	    (phase == PHASE_DRAIN && options.plan.steps[c->step].call >= CALL_KINDS)) {
		finish(c);
		return;
	}
	if (plan_needs_token() && c->worker->token[0] == '\0') {
		ask(c, (struct step){.call = CALL_NEW});
		return;
	}
	s = &options.plan.steps[c->step];
	if (s->call >= CALL_KINDS && ++c->step == options.plan.count) {
		c->step = 0;
		c->cycles++;
	}
	if (s->call == STEP_PAUSE)
		rest(c, (uint64_t)s->want * 1000);
	else if (s->call == STEP_BARRIER)
		wait_for_all(c);
	else
		ask(c, *s);
}

static void
count_answer(const struct client *c, enum verdict verdict, int status, size_t len)
{
	uint64_t us = now_us();

	stats.all_requests++;
	if (verdict == VERDICT_WRONG)
		stats.all_wrong++;
	stats.statuses[status]++;
	if (phase != PHASE_MEASURE && c->asked.call != CALL_NEW)
		return;
	if (verdict == VERDICT_RIGHT) {
		histogram_add(&stats.calls[c->asked.call], us - c->asked_us);
		stats.bytes[c->asked.call] += len;
	}
	if (phase != PHASE_MEASURE)
		return;
	switch (verdict) {
	case VERDICT_RIGHT:
		stats.right++;
		break;
	case VERDICT_EMPTY:
		stats.empty++;
		break;
	case VERDICT_GONE:
		stats.gone++;
		break;
	case VERDICT_BUSY:
		stats.busy++;
		break;
	case VERDICT_WRONG:
		stats.wrong++;
		break;
	}
}

static void
show_wrong(const struct client *c, int status, const char *body)
{
	if (stats.all_wrong <= SHOWN_MAX)
		fprintf(stderr, "drive: wrong answer to %s: %d %.300s\n", call_names[c->asked.call],
		    status, body);
}

/* The next step after a right answer; the steps of one cycle go together. */
static void
advance(struct client *c)
{
	if (c->asked.call == CALL_BYE)
		c->worker->token[0] = '\0';
	if (c->asked.call == options.plan.steps[c->step].call && ++c->step == options.plan.count) {
		c->step = 0;
		c->cycles++;
		next_worker(c);
		if (phase == PHASE_MEASURE)
			stats.cycles++;
	}
	go_on(c);
}

static void
take_answer(
    struct client *c, int status, const char *body, size_t len, uint64_t retry_us, bool keep)
{
	uint64_t done = 0;
	enum verdict verdict =
	    call_judge(&options.plan, &c->asked, c->worker, status, body, len, &done);

	stats.all_done += done;
	if (phase == PHASE_MEASURE)
		stats.done += done;
	count_answer(c, verdict, status, len);
	c->served++;
	if (!keep)
		wire_close(&c->wire);
	switch (verdict) {
	case VERDICT_RIGHT:
		advance(c);
		return;
	case VERDICT_BUSY:
		c->again = true;
		rest(c, retry_us > 0 ? retry_us : BUSY_US);
		return;
	case VERDICT_WRONG:
		show_wrong(c, status, body);
		break;
	default:
		break;
	}
	/* No work, no worker, or nonsense: from the first step, after a breath. */
	c->step = 0;
	rest(c, EMPTY_US);
}

/* The value of a header field in the NUL-terminated head, or NULL. */
static const char *
find_field(const char *head, const char *field)
{
	const char *found = strcasestr(head, field);

	return !found ? NULL : found + strlen(field);
}

/* Looks whether the whole answer is there; false when the connection cannot be used any more. */
static bool
parse_answer(struct client *c)
{
	char *head = c->in.bytes, *body = memmem(head, c->in.len, "\r\n\r\n", 4);
	const char *length, *retry, *connection;
	unsigned long len;
	int status;

	if (!body)
		return c->in.len < 65536;
	*body = '\0';
	body += 4;
	if (sscanf(head, "HTTP/1.%*d %d", &status) != 1 || status < 100 || status > 599)
		return false;
	if (!(length = find_field(head, "\r\nContent-Length:"))) {
		fprintf(stderr, "drive: an answer without Content-Length:\n%s\n", head);
		return false;
	}
	len = strtoul(length, NULL, 10);
	if (c->in.len - (size_t)(body - head) < len) {
		body[-4] = '\r';
		return len < ANSWER_MAX;
	}
	retry = find_field(head, "\r\nRetry-After:");
	connection = find_field(head, "\r\nConnection:");
	take_answer(c, status, body, len, retry ? strtoul(retry, NULL, 10) * 1000000 : 0,
	    !connection || strncasecmp(connection + 1, "close", 5) != 0);
	return true;
}

static void
receive(struct client *c)
{
	while (c->state == STATE_ASKING) {
		ssize_t got;

		if (c->in.size - c->in.len < 4096) {
			c->in.size = c->in.size * 2 + 8192;
			if (!(c->in.bytes = realloc(c->in.bytes, c->in.size)))
				die("memory");
		}
		got = wire_read(&c->wire, c->in.bytes + c->in.len, c->in.size - c->in.len - 1);
		if (got == WIRE_AGAIN)
			return;
		if (got == WIRE_GONE) {
			lose_wire(c);
			return;
		}
		c->in.len += (size_t)got;
		c->in.bytes[c->in.len] = '\0';
		if (!parse_answer(c)) {
			stats.all_wrong++;
			if (phase == PHASE_MEASURE)
				stats.wrong++;
			wire_close(&c->wire);
			c->again = true;
			rest(c, RETRY_US);
			return;
		}
		/* A new request is on its way, and what it waits for raises an event of its own. */
		if (c->in.len == 0)
			return;
	}
}

static void
handle(struct client *c, uint32_t events)
{
	if (c->wire.fd < 0)
		return;
	if (c->state == STATE_OPENING) {
		int connected = wire_connect(&c->wire);

		if (connected == WIRE_GONE)
			lose_wire(c);
		if (connected != 1)
			return;
		c->state = STATE_ASKING;
		send_request(c);
	}
	if (c->state == STATE_ASKING) {
		if (c->sent < c->out.len)
			send_request(c);
		if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
			receive(c);
	} else if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
		wire_close(&c->wire);
	}
}

static void
wake(struct client *c)
{
	if (c->state == STATE_NEW || !c->again) {
		go_on(c);
		return;
	}
	c->again = false;
	if (c->wire.fd < 0) {
		open_wire(c);
		return;
	}
	c->sent = c->in.len = 0;
	c->state = STATE_ASKING;
	send_request(c);
}

static void
begin_measure(void)
{
	phase = PHASE_MEASURE;
	report_begin();
	began_us = now_us();
}

static void
end_measure(void)
{
	phase = PHASE_DRAIN;
	ended_us = now_us();
	report_end();
}

/* Moves from one phase to the next when its time has come; the time of the next such move. */
static uint64_t
turn_phase(uint64_t now, uint64_t start)
{
	static uint64_t turn;

	switch (phase) {
	case PHASE_SETUP:
		if (waiting < options.connections) {
			if (now - start > (uint64_t)(options.limit_s * 1e6)) {
				errno = ETIMEDOUT;
				die("not all workers could register");
			}
			return now + 100000;
		}
		setup_us = now - start;
		phase = PHASE_WARMUP;
		turn = now + (options.cycles > 0 ? 0 : (uint64_t)(options.warmup_s * 1e6));
		if (options.cycles > 0)
			begin_measure();
		release_waiting();
		break;
	case PHASE_WARMUP:
		if (now < turn)
			return turn;
		begin_measure();
		break;
	case PHASE_MEASURE:
		turn = began_us + (uint64_t)(options.seconds * 1e6);
		if (options.cycles > 0 ? over == options.connections : now >= turn)
			end_measure();
		if (waiting + over >= options.connections && waiting > 0)
			release_waiting();
		return options.cycles > 0 ? now + 100000 : turn;
	case PHASE_DRAIN:
		if (waiting > 0)
			release_waiting();
		return ended_us + (uint64_t)(options.drain_s * 1e6);
	}
	return now;
}

static void
loop(void)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t start = now_us();

	while (over < options.connections || phase == PHASE_MEASURE) {
		uint64_t now = now_us(), turn = turn_phase(now, start);
		int timeout_ms, count;

		if (phase == PHASE_DRAIN && now > ended_us + (uint64_t)(options.drain_s * 1e6))
			break;
		while (timer_count > 0 && timers[0].due_us <= now)
			wake(take_timer());
		if (timer_count > 0 && timers[0].due_us < turn)
			turn = timers[0].due_us;
		timeout_ms = turn <= now ? 0 : (int)((turn - now + 999) / 1000);
		count = epoll_wait(poller, events, EVENTS_MAX, timeout_ms);
		if (count < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < count; i++)
			handle(&clients[events[i].data.u32], events[i].events);
	}
	if (phase == PHASE_MEASURE)
		end_measure();
}

static void
set_up(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if ((poller = epoll_create1(EPOLL_CLOEXEC)) < 0)
		die("epoll_create1");
	clients = calloc(options.connections, sizeof(*clients));
	timers = calloc(options.connections, sizeof(*timers));
	if (!clients || !timers)
		die("memory");
	for (unsigned i = 0; i < options.connections; i++) {
		struct client *c = &clients[i];

		c->wire.fd = -1;
		c->workers = c->worker = calloc(options.workers_each, sizeof(*c->workers));
		if (!c->workers)
			die("memory");
		for (unsigned k = 0; k < options.workers_each; k++) {
			struct worker *w = &c->workers[k];

			w->id = i * options.workers_each + k;
			w->job = -1;
			if (options.plan.blind)
				snprintf(w->token, sizeof(w->token),
				    "00000000-0000-4000-8000-%012u", w->id);
		}
		set_timer(c, now_us() + (uint64_t)(options.ramp_s * 1e6 * i / options.connections));
	}
}

int
main(int argc, char **argv)
{
	options_parse(argc, argv);
	if (!wire_setup(options.host, options.port, options.tls)) {
		fprintf(stderr, "drive: no such address, or this build has no TLS\n");
		return 64;
	}
	set_up();
	loop();
	report_print(setup_us, ended_us - began_us);
	if (options.plan.journal && fclose(options.plan.journal) != 0)
		die("journal");
	return stats.all_wrong > 0 ? 1 : 0;
}
