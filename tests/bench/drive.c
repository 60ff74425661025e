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
#include "histogram.h"
#include "watch.h"
#include "wire.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
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
	struct worker worker;
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

static struct {
	struct plan plan;
	char *mix, *host, *label;
	int port;
	bool tls, json, bye;
	unsigned connections;
	double seconds, warmup_s, ramp_s, drain_s, limit_s;
	uint64_t cycles;
	struct watch watch;
} options = {
    .plan =
	{.host = "127.0.0.1", .header = "", .stage = 'a', .nickname = "bench", .data_bytes = 64},
    .host = (char *)"127.0.0.1",
    .connections = 64,
    .seconds = 5,
    .warmup_s = 0.5,
    .drain_s = 5,
    .limit_s = 120,
};

static struct {
	struct histogram calls[CALL_KINDS];
	uint64_t bytes[CALL_KINDS];
	uint64_t statuses[600];
	uint64_t right, empty, gone, busy, wrong, dropped; /* in the measured window */
	uint64_t all_requests, all_wrong, all_dropped, all_done, cycles;
	uint64_t done; /* results acknowledged in the window */
} stats;

static struct client *clients;
static struct timer *timers;
static size_t timer_count;
static int poller;
static enum phase phase;
static unsigned waiting, over;
static uint64_t setup_us, began_us, ended_us;
static struct watch_sample before[WATCH_MAX], after[WATCH_MAX];
static struct rusage own_before, own_after;

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
	call_write(&options.plan, &step, &c->worker, &c->out);
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
	if (options.bye && c->worker.token[0] != '\0' && c->asked.call != CALL_BYE) {
		ask(c, (struct step){.call = CALL_BYE});
		return;
	}
	wire_close(&c->wire);
	c->state = STATE_OVER;
	over++;
}

/* The client is free: what does it do next? */
static void
go_on(struct client *c)
{
	const struct step *s;

	if (phase == PHASE_SETUP) {
		if (plan_needs_token() && c->worker.token[0] == '\0')
			ask(c, (struct step){.call = CALL_NEW});
		else
			wait_for_all(c);
		return;
	}
	if ((c->step == 0 &&
		(phase == PHASE_DRAIN || (options.cycles > 0 && c->cycles >= options.cycles))) ||
	    (phase == PHASE_DRAIN && options.plan.steps[c->step].call >= CALL_KINDS)) {
		finish(c);
		return;
	}
	if (plan_needs_token() && c->worker.token[0] == '\0') {
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
	if (c->asked.call == CALL_BYE && phase == PHASE_DRAIN)
		c->worker.token[0] = '\0';
	else if (c->asked.call == options.plan.steps[c->step].call &&
		 ++c->step == options.plan.count) {
		c->step = 0;
		c->cycles++;
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
	    call_judge(&options.plan, &c->asked, &c->worker, status, body, len, &done);

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

	return found == NULL ? NULL : found + strlen(field);
}

/* Looks whether the whole answer is there; false when the connection cannot be used any more. */
static bool
parse_answer(struct client *c)
{
	char *head = c->in.bytes, *body = memmem(head, c->in.len, "\r\n\r\n", 4);
	const char *length, *retry, *connection;
	unsigned long len;
	int status;

	if (body == NULL)
		return c->in.len < 65536;
	*body = '\0';
	body += 4;
	if (sscanf(head, "HTTP/1.%*d %d", &status) != 1 || status < 100 || status > 599)
		return false;
	if ((length = find_field(head, "\r\nContent-Length:")) == NULL) {
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
	take_answer(c, status, body, len, retry != NULL ? strtoul(retry, NULL, 10) * 1000000 : 0,
	    connection == NULL || strncasecmp(connection + 1, "close", 5) != 0);
	return true;
}

static void
receive(struct client *c)
{
	while (c->state == STATE_ASKING) {
		ssize_t got;

		if (c->in.size - c->in.len < 4096) {
			c->in.size = c->in.size * 2 + 8192;
			if ((c->in.bytes = realloc(c->in.bytes, c->in.size)) == NULL)
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
	watch_read(&options.watch, before);
	getrusage(RUSAGE_SELF, &own_before);
	began_us = now_us();
}

static void
end_measure(void)
{
	phase = PHASE_DRAIN;
	ended_us = now_us();
	getrusage(RUSAGE_SELF, &own_after);
	watch_read(&options.watch, after);
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

static double
own_cpu_s(const struct rusage *r)
{
	return (double)r->ru_utime.tv_sec + (double)r->ru_stime.tv_sec +
	       ((double)r->ru_utime.tv_usec + (double)r->ru_stime.tv_usec) / 1e6;
}

static void
report_json(double seconds)
{
	const char *comma = "";

	printf("{\"label\": \"%s\", \"mix\": \"%s\", \"connections\": %u, \"tls\": %s,\n",
	    options.label != NULL ? options.label : "", options.mix, options.connections,
	    options.tls ? "true" : "false");
	printf(" \"seconds\": %.3f, \"setup_s\": %.3f, \"requests\": %" PRIu64
	       ", \"rate\": %.1f,\n",
	    seconds, (double)setup_us / 1e6, stats.right, (double)stats.right / seconds);
	printf(" \"done\": %" PRIu64 ", \"done_rate\": %.1f, \"cycles\": %" PRIu64
	       ", \"all_requests\": %" PRIu64 ", \"all_done\": %" PRIu64 ",\n",
	    stats.done, (double)stats.done / seconds, stats.cycles, stats.all_requests,
	    stats.all_done);
	printf(" \"empty\": %" PRIu64 ", \"gone\": %" PRIu64 ", \"busy\": %" PRIu64
	       ", \"wrong\": %" PRIu64 ", \"dropped\": %" PRIu64 ",\n \"calls\": {",
	    stats.empty, stats.gone, stats.busy, stats.all_wrong, stats.all_dropped);
	for (int i = 0; i < CALL_KINDS; i++) {
		const struct histogram *h = &stats.calls[i];

		if (h->count == 0)
			continue;
		printf("%s\n  \"%s\": {\"count\": %" PRIu64 ", \"p50_us\": %" PRIu64
		       ", \"p99_us\": %" PRIu64 ", \"max_us\": %" PRIu64
		       ", \"mean_us\": %.1f, \"bytes\": %" PRIu64 "}",
		    comma, call_names[i], h->count, histogram_at(h, 0.5), histogram_at(h, 0.99),
		    h->max_us, histogram_mean(h), stats.bytes[i] / h->count);
		comma = ",";
	}
	printf("},\n \"statuses\": {");
	comma = "";
	for (int i = 0; i < 600; i++)
		if (stats.statuses[i] > 0) {
			printf("%s\"%d\": %" PRIu64, comma, i, stats.statuses[i]);
			comma = ", ";
		}
	printf("},\n \"cpu\": {\"drive\": {\"s\": %.3f}",
	    own_cpu_s(&own_after) - own_cpu_s(&own_before));
	for (size_t i = 0; i < options.watch.count; i++)
		printf(",\n  \"%s\": {\"s\": %.3f, \"switches\": %" PRId64 ", \"rss_kib\": %" PRIu64
		       "}",
		    options.watch.of[i].name, after[i].cpu_s - before[i].cpu_s,
		    (int64_t)(after[i].switches - before[i].switches), after[i].rss_kib);
	printf("}}\n");
}

static void
report_text(double seconds)
{
	printf("%-16s %10s %9s %9s %9s %9s %8s\n", options.mix, "count", "p50 ms", "p99 ms",
	    "max ms", "mean ms", "bytes");
	for (int i = 0; i < CALL_KINDS; i++) {
		const struct histogram *h = &stats.calls[i];

		if (h->count > 0)
			printf("%-16s %10" PRIu64 " %9.2f %9.2f %9.2f %9.2f %8" PRIu64 "\n",
			    call_names[i], h->count, (double)histogram_at(h, 0.5) / 1e3,
			    (double)histogram_at(h, 0.99) / 1e3, (double)h->max_us / 1e3,
			    histogram_mean(h) / 1e3, stats.bytes[i] / h->count);
	}
	printf("%u connections, %.1f s: %.0f requests/s, %.0f results/s; registering took %.2f s\n",
	    options.connections, seconds, (double)stats.right / seconds,
	    (double)stats.done / seconds, (double)setup_us / 1e6);
	printf("no work %" PRIu64 ", worker gone %" PRIu64 ", told to wait %" PRIu64
	       ", wrong %" PRIu64 ", connections lost %" PRIu64 "\n",
	    stats.empty, stats.gone, stats.busy, stats.all_wrong, stats.all_dropped);
	for (size_t i = 0; i < options.watch.count; i++)
		printf(
		    "%-12s %8.3f s CPU a 1,000 requests, %.2f context switches a request, %" PRIu64
		    " KiB\n",
		    options.watch.of[i].name,
		    (after[i].cpu_s - before[i].cpu_s) * 1e3 / (double)(stats.right + 1),
		    (double)(after[i].switches - before[i].switches) / (double)(stats.right + 1),
		    after[i].rss_kib);
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
	clients = calloc(options.connections, sizeof *clients);
	timers = calloc(options.connections, sizeof *timers);
	if (clients == NULL || timers == NULL)
		die("memory");
	for (unsigned i = 0; i < options.connections; i++) {
		struct client *c = &clients[i];

		c->wire.fd = -1;
		c->worker.id = i;
		c->worker.job = -1;
		if (options.plan.blind)
			snprintf(c->worker.token, sizeof c->worker.token,
			    "00000000-0000-4000-8000-%012u", i);
		set_timer(c, now_us() + (uint64_t)(options.ramp_s * 1e6 * i / options.connections));
	}
}

enum {
	KEY_HOST = 256,
	KEY_HOST_NAME,
	KEY_HEADER,
	KEY_STAGE,
	KEY_SECONDS,
	KEY_CYCLES,
	KEY_WARMUP,
	KEY_RAMP,
	KEY_DRAIN,
	KEY_LIMIT,
	KEY_DATA,
	KEY_BLIND,
	KEY_JOURNAL,
	KEY_JSON,
	KEY_BYE,
	KEY_WATCH,
	KEY_LABEL,
	KEY_TLS,
	KEY_NICKNAME
};

static const struct argp_option argp_options[] = {
    {"host", KEY_HOST, "ADDRESS", 0, "Address to connect to (127.0.0.1)", 0},
    {"port", 'p', "PORT", 0, "Port to connect to", 0},
    {"tls", KEY_TLS, NULL, 0, "HTTPS", 0},
    {"host-name", KEY_HOST_NAME, "NAME", 0, "What the Host field says", 0},
    {"header", KEY_HEADER, "LINE", 0, "One more header field, as \"Name: value\"", 0},
    {"connections", 'c', "N", 0, "Workers, each on its own connection (64)", 0},
    {"mix", 'm', "MIX", 0,
	"cycle, cycle+progress, or steps joined by commas: new newJob completeJob progress "
	"validate count sync:WANT[:WAIT_S] page:/PATH bye pause:MS barrier",
	0},
    {"stage", KEY_STAGE, "LETTER", 0, "Stage to work at (a)", 0},
    {"nickname", KEY_NICKNAME, "NAME", 0, "Nickname of all workers (bench)", 0},
    {"seconds", KEY_SECONDS, "S", 0, "How long to measure (5)", 0},
    {"cycles", KEY_CYCLES, "N", 0, "Instead: this many rounds of the mix for each worker", 0},
    {"warmup", KEY_WARMUP, "S", 0, "Not counted, before (0.5)", 0},
    {"ramp", KEY_RAMP, "S", 0, "Spread the first connections over this time (0)", 0},
    {"drain", KEY_DRAIN, "S", 0, "Wait so long for the last answers (5)", 0},
    {"limit", KEY_LIMIT, "S", 0, "Give up when registering takes longer (120)", 0},
    {"data-bytes", KEY_DATA, "N", 0, "Length of a result (64)", 0},
    {"blind", KEY_BLIND, NULL, 0, "For a no-op: do not register, any 200 with a body is right", 0},
    {"bye", KEY_BYE, NULL, 0, "Each worker says goodbye at the end", 0},
    {"journal", KEY_JOURNAL, "FILE", 0, "Write every acknowledged result: stage, job, data", 0},
    {"watch", KEY_WATCH, "NAME=PID", 0, "Count the CPU time of this tree of processes", 0},
    {"label", KEY_LABEL, "TEXT", 0, "Put into the JSON report", 0},
    {"json", KEY_JSON, NULL, 0, "Report as JSON", 0},
    {0},
};

static error_t
parse_option(int key, char *value, struct argp_state *state)
{
	char *header;

	switch (key) {
	case KEY_HOST:
		options.host = value;
		break;
	case KEY_HOST_NAME:
		options.plan.host = value;
		break;
	case KEY_HEADER:
		if (asprintf(&header, "%s\r\n", value) < 0)
			die("memory");
		options.plan.header = header;
		break;
	case 'p':
		options.port = atoi(value);
		break;
	case KEY_TLS:
		options.tls = true;
		break;
	case 'c':
		options.connections = (unsigned)atoi(value);
		break;
	case 'm':
		options.mix = value;
		break;
	case KEY_STAGE:
		options.plan.stage = *value;
		break;
	case KEY_NICKNAME:
		options.plan.nickname = value;
		break;
	case KEY_SECONDS:
		options.seconds = atof(value);
		break;
	case KEY_CYCLES:
		options.cycles = strtoull(value, NULL, 10);
		break;
	case KEY_WARMUP:
		options.warmup_s = atof(value);
		break;
	case KEY_RAMP:
		options.ramp_s = atof(value);
		break;
	case KEY_DRAIN:
		options.drain_s = atof(value);
		break;
	case KEY_LIMIT:
		options.limit_s = atof(value);
		break;
	case KEY_DATA:
		options.plan.data_bytes = strtoul(value, NULL, 10);
		break;
	case KEY_BLIND:
		options.plan.blind = true;
		break;
	case KEY_BYE:
		options.bye = true;
		break;
	case KEY_JOURNAL:
		if ((options.plan.journal = fopen(value, "w")) == NULL)
			argp_failure(state, 1, errno, "%s", value);
		break;
	case KEY_WATCH:
		if (!watch_add(&options.watch, value))
			argp_error(state, "--watch wants NAME=PID, %d at most", WATCH_MAX);
		break;
	case KEY_LABEL:
		options.label = value;
		break;
	case KEY_JSON:
		options.json = true;
		break;
	case ARGP_KEY_END:
		if (options.port <= 0 || options.mix == NULL || options.connections == 0)
			argp_error(state, "--port, --mix and at least one connection are needed");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct argp parser = {.options = argp_options,
	    .parser = parse_option,
	    .doc = "Drives a tracker over HTTP with a closed loop of workers and measures it."};
	char *mix;
	double seconds;

	argp_err_exit_status = 64;
	argp_parse(&parser, argc, argv, 0, NULL, NULL);
	if ((mix = strdup(options.mix)) == NULL || !plan_parse(&options.plan, mix)) {
		fprintf(stderr, "drive: no such mix: %s\n", options.mix);
		return 64;
	}
	if (!wire_setup(options.host, options.port, options.tls)) {
		fprintf(stderr, "drive: no such address, or this build has no TLS\n");
		return 64;
	}
	set_up();
	loop();
	seconds = (double)(ended_us - began_us) / 1e6;
	if (options.json)
		report_json(seconds);
	else
		report_text(seconds);
	if (options.plan.journal != NULL && fclose(options.plan.journal) != 0)
		die("journal");
	return stats.all_wrong > 0 ? 1 : 0;
}
