#include "../test.h"

#include "played.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/scan.h"
#include "worker/say.h"

#define CALLS_MOST 64

int64_t __wrap_clock_us(void);

struct worker played;
int64_t played_now_us;

static struct http_call *calls[CALLS_MOST]; /* under way */
static int n_calls;
static int64_t begun_us[CALLS_MOST];
static char dir[64];
static int heard = -1, standard_error = -1;

int64_t
__wrap_clock_us(void)
{
	return played_now_us;
}

/* ---- in http.c's place -------------------------------------------------------------------------- */

struct http *
http_open(const struct http_options *o, struct err *e)
{
	(void)o;
	(void)e;
	return NULL;
}

void
http_close(struct http *h)
{
	(void)h;
}

const char *
http_url(const struct http *h)
{
	(void)h;
	return played.o.url;
}

void
http_call_init(struct http_call *c, size_t most, void (*ended)(struct http_call *), void *owner)
{
	memset(c, 0, sizeof(*c));
	buf_init(&c->body, 0);
	buf_init(&c->answer, most);
	c->ended = ended;
	c->owner = owner;
}

void
http_call_fini(struct http *h, struct http_call *c)
{
	http_cancel(h, c);
	buf_fini(&c->body);
	buf_fini(&c->answer);
}

void
http_start(struct http *h, struct http_call *c, const char *path, int64_t timeout_ms)
{
	(void)h;
	assert_false(c->busy);
	assert_in_range(n_calls, 0, CALLS_MOST - 1);
	c->busy = true;
	c->keyed = false;
	c->timeout_ms = timeout_ms;
	c->path = strdup(path);
	begun_us[n_calls] = played_now_us;
	calls[n_calls++] = c;
}

void
http_start_keyed(struct http *h, struct http_call *c, const char *path, int64_t timeout_ms)
{
	http_start(h, c, path, timeout_ms);
	c->keyed = true;
}

void
http_cancel(struct http *h, struct http_call *c)
{
	(void)h;
	for (int i = 0; i < n_calls; i++) {
		if (calls[i] != c)
			continue;
		n_calls--;
		memmove(calls + i, calls + i + 1, (size_t)(n_calls - i) * sizeof(calls[0]));
		memmove(
		    begun_us + i, begun_us + i + 1, (size_t)(n_calls - i) * sizeof(begun_us[0]));
		free(c->path);
		c->path = NULL;
		c->busy = false;
		return;
	}
}

void
http_wait(struct http *h, int fd, int64_t timeout_ms)
{
	(void)h;
	(void)fd;
	(void)timeout_ms;
}

/* ---- the tracker's part ------------------------------------------------------------------------- */

static bool
is_to(const struct http_call *c, const char *path)
{
	return strcspn(c->path, "?") == strlen(path) && strncmp(c->path, path, strlen(path)) == 0;
}

struct http_call *
played_call(const char *path)
{
	for (int i = 0; i < n_calls; i++)
		if (is_to(calls[i], path))
			return calls[i];
	fail_msg("no call to %s is under way", path);
	return NULL;
}

struct http_call *
played_call_of(const char *path, const char *token)
{
	char quoted[64];

	snprintf(quoted, sizeof(quoted), "\"%s\"", token);
	for (int i = 0; i < n_calls; i++)
		if (is_to(calls[i], path) && strcmp(played_says(calls[i], "token"), quoted) == 0)
			return calls[i];
	fail_msg("%s says nothing to %s", token, path);
	return NULL;
}

struct http_call *
played_only_call(const char *path)
{
	assert_int_equal(n_calls, 1);
	return played_call(path);
}

int
played_calls(void)
{
	return n_calls;
}

static void
end_call(struct http_call *c, long status, const char *text, bool cut)
{
	for (int i = 0; i < n_calls; i++)
		if (calls[i] == c)
			c->took_ms = (played_now_us - begun_us[i]) / 1000;
	http_cancel(NULL, c);
	c->status = status;
	c->cut = cut;
	c->error[0] = '\0';
	if (status == 0)
		snprintf(c->error, sizeof(c->error), "nobody answers");
	buf_clear(&c->answer);
	buf_puts(&c->answer, text);
	c->ended(c);
	c->retry_after_s = 0;
}

void
played_answer(struct http_call *c, long status, const char *text)
{
	end_call(c, status, text, false);
}

void
played_welcome(const char *token)
{
	char text[300];

	snprintf(text, sizeof(text),
	    "{\"token\":\"%s\",\"display_name\":\"able-acorn-1\",\"project\":\"P\","
	    "\"stage_name\":\"Filter\",\"idle_timeout\":7200}",
	    token);
	played_answer(played_call("/api/new"), 200, text);
}

void
played_cut(struct http_call *c)
{
	end_call(c, 0, "", true);
}

const char *
played_says(const struct http_call *c, const char *member)
{
	static char text[8192];
	struct scan_field f = {.name = member};
	struct err e = ERR_INIT;
	char *body = strndup(c->body.data, c->body.len);

	if (!scan_fields(body, c->body.len, &f, 1, &e))
		fail_msg("no JSON: %s", body);
	snprintf(text, sizeof(text), "%.*s", (int)f.value.len, f.value.s ? f.value.s : "");
	free(body);
	return text;
}

double
played_speaks_after_s(int64_t (*tick)(void))
{
	int64_t from_us = played_now_us, next_us = tick();

	while (n_calls == 0) {
		assert_true(next_us > played_now_us && next_us < INT64_MAX);
		played_now_us = next_us;
		next_us = tick();
	}
	return (double)(played_now_us - from_us) / 1e6;
}

bool
played_is_about(double seconds, double wanted)
{
	return seconds >= wanted * 0.74 && seconds <= wanted * 1.26;
}

const char *
played_said(void)
{
	static char text[16384];
	ssize_t n = pread(heard, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(heard, 0), 0);
	assert_int_equal(lseek(heard, 0, SEEK_SET), 0);
	return text;
}

/* ---- the commands' part ------------------------------------------------------------------------- */

static int *
count_of(enum item_state state)
{
	struct hand *h = &played.hand;

	return state == ITEM_QUEUED ? &h->queued : state == ITEM_RUNNING ? &h->running : &h->ended;
}

static void
set_state(struct item *i, enum item_state state)
{
	--*count_of(i->state);
	i->state = state;
	++*count_of(state);
}

void
played_begin(struct item *i)
{
	set_state(i, ITEM_RUNNING);
}

static void
set_outcome(struct item *i, enum outcome outcome, const char *text)
{
	i->outcome = outcome;
	i->ended_us = played_now_us;
	if (outcome == OUT_DONE)
		buf_puts(&i->result, text);
	else
		snprintf(i->reason, sizeof(i->reason), "%s", text);
}

void
played_end(struct item *i, enum outcome outcome, const char *text)
{
	set_state(i, ITEM_ENDED);
	set_outcome(i, outcome, text);
}

struct item *
played_ended(struct identity *who, int64_t job, const char *lease, enum outcome outcome)
{
	struct item *i = item_new(who, job, lease);

	i->state = ITEM_ENDED;
	set_outcome(i, outcome, outcome == OUT_DONE ? "\"r\"" : "r");
	assert_true(hand_add(&played.hand, i));
	return i;
}

struct item *
played_item(int64_t job)
{
	for (struct item *i = played.hand.items; i; i = i->next)
		if (i->job == job)
			return i;
	return NULL;
}

int
played_items(void)
{
	int n = 0;

	for (struct item *i = played.hand.items; i; i = i->next)
		n++;
	return n;
}

/* ---- life --------------------------------------------------------------------------------------- */

int
played_open(int slots)
{
	static char program[] = "/bin/false", *command[] = {program, NULL};
	struct err e = ERR_INIT;

	strcpy(dir, "/tmp/test-played-XXXXXX");
	memset(&played, 0, sizeof(played));
	played_now_us = 10 * SECOND_US; /* a machine that has just started */
	played.o = (struct options){.url = "https://tracker.example",
	    .nickname = "Ada & Co",
	    .has = "gpu",
	    .label = "",
	    .wait_s = 30,
	    .max_input = 1 << 20,
	    .hand = {.command = command, .slots = slots, .max_result = 1000}};
	played.idle_timeout_s = 7200;
	strcpy(played.stage, "b");
	say_open(SAY_INFO);
	heard = memfd_create("said", MFD_CLOEXEC);
	standard_error = dup(STDERR_FILENO);
	if (heard < 0 || dup2(heard, STDERR_FILENO) < 0 || !mkdtemp(dir) ||
	    !loop_open(&played.loop, &e) || !spool_open(&played.spool, dir, played.o.url, &e))
		return -1;
	hand_init(&played.hand, &played.o.hand, &played.loop, &played.spool, &played.guard);
	return 0;
}

int
played_close(void)
{
	char remove[128];

	hand_fini(&played.hand);
	spool_fini(&played.spool);
	loop_fini(&played.loop);
	while (played.identities) {
		struct identity *who = played.identities;

		played.identities = who->next;
		free(who->token);
		free(who);
	}
	dup2(standard_error, STDERR_FILENO);
	close(standard_error);
	close(heard);
	snprintf(remove, sizeof(remove), "rm -r %s", dir);
	return system(remove);
}
