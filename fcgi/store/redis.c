#include "store/redis.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "base/url.h"

#define PATIENCE_S 1
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define BACKOFF_SHARE 25                /* jitter, in percent */
#define PIPELINE_MAX ((size_t)64 << 20) /* bytes: far over any bundle */
#define WORDS_MAX 16
#define PORT 6379

struct address {
	const char *path; /* of a Unix socket; else host and port */
	const char *host;
	int port;
	const char *user, *password; /* NULL = none */
	int64_t db;
};

struct redis {
	redisContext *context; /* NULL = away */
	struct arena arena;    /* of the address */
	struct address address;
	bool absent; /* no address: always away */
	bool tried;  /* the last time that it was away */
	int64_t backoff_ms, retry_at_us;
	char refusal[16];    /* of the last time that it was away */
	struct buf pipeline; /* commands that wait for the flush, in RESP */
	size_t commands;
	struct arena values; /* of the last flush */
	redisReply **replies;
	size_t n_replies, size;
	redisReply *message; /* of redis_next */
};

/* ---- address ------------------------------------------------------------------------------------- */

#define BAD_ADDRESS "not unix:/path?db=N or redis://[[user]:password@]host:port/db"

static bool
parse_db(struct address *to, const char *s, struct err *e)
{
	if (!text_to_int(s, strlen(s), 0, 1000000, &to->db))
		return err_set(e, ERR_INPUT, NULL, "the database is not a number: '%.20s'", s);
	return true;
}

static bool
parse_unix(struct arena *a, struct address *to, const char *s, struct err *e)
{
	const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	size_t len = strcspn(s, "?");

	if (s[0] != '/')
		return err_set(e, ERR_INPUT, NULL, BAD_ADDRESS);
	if (len > most)
		return err_set(e, ERR_INPUT, NULL, "the socket's path is over %zu bytes", most);
	to->path = arena_dup(a, s, len);
	if (!s[len])
		return true;
	if (!text_starts(s + len, "?db="))
		return err_set(e, ERR_INPUT, NULL, BAD_ADDRESS);
	return parse_db(to, s + len + strlen("?db="), e);
}

/* "user:password" or ":password" */
static bool
parse_login(struct arena *a, struct address *to, const char *s, size_t len, struct err *e)
{
	const char *colon = memchr(s, ':', len);
	size_t ignored;

	if (!colon)
		return err_set(e, ERR_INPUT, NULL, BAD_ADDRESS);
	if (colon > s && !url_decode(a, s, (size_t)(colon - s), &to->user, &ignored, e))
		return false;
	return url_decode(a, colon + 1, len - (size_t)(colon + 1 - s), &to->password, &ignored, e);
}

/* "host", "host:port", "[::1]:port" */
static bool
parse_host(struct arena *a, struct address *to, const char *s, size_t len, struct err *e)
{
	const char *end = s + len, *close = len > 0 && *s == '[' ? memchr(s, ']', len) : NULL;
	const char *colon = close ? close + 1 : memchr(s, ':', len);
	int64_t port;

	if (close)
		to->host = arena_dup(a, s + 1, (size_t)(close - s - 1));
	else
		to->host = arena_dup(a, s, (size_t)((colon ? colon : end) - s));
	if (!*to->host)
		return err_set(e, ERR_INPUT, NULL, BAD_ADDRESS);
	if (!colon || colon == end)
		return true;
	if (*colon != ':' || !text_to_int(colon + 1, (size_t)(end - colon - 1), 1, 65535, &port))
		return err_set(e, ERR_INPUT, NULL, "the port is not a number from 1 to 65535");
	to->port = (int)port;
	return true;
}

static bool
parse_address(struct arena *a, struct address *to, const char *s, struct err *e)
{
	const char *at;
	size_t len;

	*to = (struct address){.port = PORT};
	if (text_starts(s, "unix:"))
		return parse_unix(a, to, s + strlen("unix:"), e);
	if (!text_starts(s, "redis://"))
		return err_set(e, ERR_INPUT, NULL, BAD_ADDRESS);
	s += strlen("redis://");
	len = strcspn(s, "/?#");
	at = memrchr(s, '@', len);
	if (at) {
		if (!parse_login(a, to, s, (size_t)(at - s), e))
			return false;
		len -= (size_t)(at + 1 - s);
		s = at + 1;
	}
	if (!parse_host(a, to, s, len, e))
		return false;
	s += len;
	if (*s == '/')
		s++;
	return !*s || parse_db(to, s, e);
}

bool
redis_check_address(const char *address, struct err *e)
{
	struct address parsed;
	struct arena a;
	bool ok;

	if (!address || !*address)
		return true;
	arena_init(&a);
	ok = parse_address(&a, &parsed, address, e);
	arena_fini(&a);
	return ok;
}

/* ---- life ---------------------------------------------------------------------------------------- */

struct redis *
redis_new(const char *address)
{
	struct redis *r = calloc(1, sizeof(*r));
	struct err ignored = ERR_INIT;

	if (!r)
		abort();
	arena_init(&r->arena);
	arena_init(&r->values);
	buf_init(&r->pipeline, PIPELINE_MAX);
	r->absent =
	    !address || !*address || !parse_address(&r->arena, &r->address, address, &ignored);
	return r;
}

static void
forget_replies(struct redis *r)
{
	for (size_t i = 0; i < r->n_replies; i++)
		freeReplyObject(r->replies[i]);
	r->n_replies = 0;
	arena_fini(&r->values);
	if (r->message)
		freeReplyObject(r->message);
	r->message = NULL;
}

static void
disconnect(struct redis *r)
{
	if (r->context)
		redisFree(r->context);
	r->context = NULL;
}

void
redis_free(struct redis *r)
{
	if (!r)
		return;
	forget_replies(r);
	disconnect(r);
	buf_fini(&r->pipeline);
	arena_fini(&r->arena);
	free(r->replies);
	free(r);
}

const char *
redis_refusal(const struct redis *r)
{
	return r->refusal;
}

bool
redis_was_tried(const struct redis *r)
{
	return r->tried;
}

int64_t
redis_retry_in_ms(const struct redis *r)
{
	int64_t left_us = r->context ? 0 : r->retry_at_us - clock_us();

	if (r->absent)
		return BACKOFF_MAX_MS;
	return left_us <= 0 ? 0 : (left_us + 999) / 1000;
}

static bool
away(struct redis *r, const char *doing, const char *why, struct err *e)
{
	char copy[128]; /* `why` may be the context's */

	strncpy(copy, why, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	disconnect(r);
	r->refusal[0] = '\0';
	r->tried = true;
	r->backoff_ms *= 2;
	if (r->backoff_ms < BACKOFF_MIN_MS)
		r->backoff_ms = BACKOFF_MIN_MS;
	if (r->backoff_ms > BACKOFF_MAX_MS)
		r->backoff_ms = BACKOFF_MAX_MS;
	r->retry_at_us = clock_us() + random_jitter(r->backoff_ms, BACKOFF_SHARE) * 1000;
	err_set(e, ERR_AWAY, NULL, "Redis %s: %s", doing, copy);
	return false;
}

/*
 * An error that Redis answered with. Its first word is what it is about: READONLY, OOM, NOAUTH, LOADING,
 * MISCONF, MASTERDOWN, NOREPLICAS, CLUSTERDOWN, NOPERM, BUSY, or ERR for what it has no word for.
 */
static bool
refused(struct redis *r, const char *doing, const redisReply *reply, struct err *e)
{
	away(r, doing, reply->str, e);
	snprintf(r->refusal, sizeof(r->refusal), "%.*s", (int)strcspn(reply->str, " "), reply->str);
	return false;
}

static bool
away_context(struct redis *r, const char *doing, struct err *e)
{
	bool told = r->context && r->context->err != 0;

	return away(r, doing, told ? r->context->errstr : "connection lost", e);
}

/* ---- connecting ---------------------------------------------------------------------------------- */

/* One command of the greeting; an error (no such login, still loading) means away. */
static bool
greet(struct redis *r, int argc, const char **argv, struct err *e)
{
	redisReply *reply = redisCommandArgv(r->context, argc, argv, NULL);
	bool ok;

	if (!reply)
		return away_context(r, "connect", e);
	ok = reply->type != REDIS_REPLY_ERROR || refused(r, "connect", reply, e);
	freeReplyObject(reply);
	return ok;
}

static bool
greet_all(struct redis *r, struct err *e)
{
	const struct address *to = &r->address;
	const char *login[] = {"AUTH", to->user, to->password};
	const char *password[] = {"AUTH", to->password};
	char number[32];
	const char *select[] = {"SELECT", number};
	const char *ping[] = {"PING"};
	struct buf digits;
	bool ok;

	buf_init(&digits, sizeof(number) - 1);
	buf_put_int(&digits, to->db);
	ok = !digits.failed;
	if (ok)
		memcpy(number, digits.data, digits.len + 1);
	buf_fini(&digits);
	if (!ok)
		return away(r, "connect", "out of memory", e);
	if (to->password && !greet(r, to->user ? 3 : 2, to->user ? login : password, e))
		return false;
	if (to->db > 0 && !greet(r, 2, select, e))
		return false;
	return greet(r, 1, ping, e);
}

static bool
try_connect(struct redis *r, struct err *e)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};

	r->tried = false;
	if (r->absent)
		return err_set(e, ERR_AWAY, NULL, "no Redis is set");
	if (clock_us() < r->retry_at_us)
		return err_set(e, ERR_AWAY, NULL, "Redis is away, next try in %lld ms",
		    (long long)redis_retry_in_ms(r));
	r->context = r->address.path
	    ? redisConnectUnixWithTimeout(r->address.path, patience)
	    : redisConnectWithTimeout(r->address.host, r->address.port, patience);
	if (!r->context)
		return away(r, "connect", "out of memory", e);
	if (r->context->err)
		return away_context(r, "connect", e);
	if (redisSetTimeout(r->context, patience) != REDIS_OK)
		return away_context(r, "connect", e);
	if (!r->address.path)
		redisEnableKeepAlive(r->context);
	return greet_all(r, e);
}

/* Nothing is expected, so what can be read is the end (Redis was started anew, or cut us off). */
static bool
left_while_idle(const struct redis *r)
{
	struct pollfd p = {.fd = r->context->fd, .events = POLLIN};

	return r->context->err != 0 || poll(&p, 1, 0) > 0;
}

static bool
connected(struct redis *r, struct err *e)
{
	if (r->context && left_while_idle(r))
		disconnect(r);
	return r->context || try_connect(r, e);
}

/* ---- pipeline ------------------------------------------------------------------------------------ */

void
redis_begin(struct redis *r)
{
	forget_replies(r);
	buf_clear(&r->pipeline);
	r->commands = 0;
}

static void
put_head(struct redis *r, char kind, size_t n)
{
	buf_putc(&r->pipeline, kind);
	buf_put_int(&r->pipeline, (int64_t)n);
	buf_put(&r->pipeline, "\r\n", 2);
}

void
redis_put(struct redis *r, int argc, const char *const *argv, const size_t *lens)
{
	if (r->commands == 0)
		redis_begin(r); /* a forgotten one would pair answers with the wrong commands */
	put_head(r, '*', (size_t)argc);
	for (int i = 0; i < argc; i++) {
		size_t len = lens ? lens[i] : strlen(argv[i]);

		put_head(r, '$', len);
		buf_put(&r->pipeline, argv[i], len);
		buf_put(&r->pipeline, "\r\n", 2);
	}
	r->commands++;
}

void
redis_put_words(struct redis *r, ...)
{
	const char *words[WORDS_MAX], *word;
	bool too_many = false;
	va_list args;
	int n = 0;

	va_start(args, r);
	while (!too_many && (word = va_arg(args, const char *))) {
		too_many = n == WORDS_MAX;
		if (!too_many)
			words[n++] = word;
	}
	va_end(args);
	redis_put(r, n, words, NULL);
	if (too_many)
		r->pipeline.failed = true;
}

static void
convert(struct redis *r, const redisReply *reply, struct redis_value *value)
{
	struct redis_value *items;

	*value = (struct redis_value){.kind = REDIS_NIL, .s = ""};
	switch (reply->type) {
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
	case REDIS_REPLY_ERROR:
		value->kind = reply->type == REDIS_REPLY_ERROR ? REDIS_ERROR : REDIS_TEXT;
		value->s = reply->str;
		value->len = reply->len;
		break;
	case REDIS_REPLY_INTEGER:
		value->kind = REDIS_INT;
		value->n = reply->integer;
		break;
	case REDIS_REPLY_ARRAY:
		items = arena_calloc(&r->values, reply->elements, sizeof(*items));
		for (size_t i = 0; i < reply->elements; i++)
			convert(r, reply->element[i], &items[i]);
		value->kind = REDIS_LIST;
		value->items = items;
		value->count = reply->elements;
		break;
	default:
		break;
	}
}

static bool
make_room(struct redis *r, struct err *e)
{
	redisReply **more;

	if (r->commands <= r->size)
		return true;
	more = realloc(r->replies, r->commands * sizeof(*more));
	if (!more)
		return err_set(e, ERR_BUG, NULL, "no memory for %zu answers", r->commands);
	r->replies = more;
	r->size = r->commands;
	return true;
}

/* A key of the wrong type is that key's trouble; all else is everybody's. */
static bool
is_refusal(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR && !text_starts(reply->str, "WRONGTYPE");
}

static bool
read_replies(struct redis *r, struct err *e)
{
	void *reply;

	while (r->n_replies < r->commands) {
		if (redisGetReply(r->context, &reply) != REDIS_OK || !reply)
			return away_context(r, "answer", e);
		r->replies[r->n_replies++] = reply;
	}
	for (size_t i = 0; i < r->n_replies; i++)
		if (is_refusal(r->replies[i]))
			return refused(r, "refuses", r->replies[i], e);
	r->backoff_ms = 0;
	return true;
}

bool
redis_flush(struct redis *r, const struct redis_value **values, size_t *count, struct err *e)
{
	struct redis_value *list;

	if (values)
		*values = NULL;
	if (count)
		*count = 0;
	if (r->pipeline.failed)
		return err_set(e, ERR_BUG, NULL,
		    "the pipeline is over %zu bytes, or a command over %d words", PIPELINE_MAX,
		    WORDS_MAX);
	if (r->commands == 0)
		return true;
	if (!connected(r, e) || !make_room(r, e))
		return false;
	if (redisAppendFormattedCommand(r->context, r->pipeline.data, r->pipeline.len) != REDIS_OK)
		return away_context(r, "send", e);
	if (!read_replies(r, e))
		return false;
	list = arena_calloc(&r->values, r->n_replies, sizeof(*list));
	for (size_t i = 0; i < r->n_replies; i++)
		convert(r, r->replies[i], &list[i]);
	if (values)
		*values = list;
	if (count)
		*count = r->n_replies;
	buf_clear(&r->pipeline);
	r->commands = 0;
	return true;
}

/* ---- subscription -------------------------------------------------------------------------------- */

bool
redis_subscribe(struct redis *r, const char *channel, struct err *e)
{
	const char *words[] = {"SUBSCRIBE", channel};

	disconnect(r); /* an old subscription ends, and what it still holds with it */
	if (!try_connect(r, e) || !greet(r, 2, words, e))
		return false;
	r->backoff_ms = 0;
	return true;
}

/* A message that was read already, or else one that comes within wait_ms. */
static bool
next_reply(struct redis *r, int64_t wait_ms, struct err *e)
{
	struct pollfd p = {.fd = r->context->fd, .events = POLLIN};
	void *reply = NULL;
	int n;

	if (redisGetReplyFromReader(r->context, &reply) != REDIS_OK)
		return away_context(r, "listen", e);
	if (!reply) {
		n = poll(&p, 1, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms);
		if (n < 0 && errno != EINTR)
			return away(r, "listen", strerror(errno), e);
		if (n <= 0)
			return true;
		if (redisBufferRead(r->context) != REDIS_OK ||
		    redisGetReplyFromReader(r->context, &reply) != REDIS_OK)
			return away_context(r, "listen", e);
	}
	r->message = reply;
	return true;
}

bool
redis_next(struct redis *r, int64_t wait_ms, const char **message, size_t *len, struct err *e)
{
	const redisReply *list;

	*message = NULL;
	*len = 0;
	forget_replies(r);
	if (!r->context)
		return err_set(e, ERR_AWAY, NULL, "not subscribed");
	if (!next_reply(r, wait_ms, e))
		return false;
	/* "message", channel, text: anything else is none. */
	list = r->message;
	if (list && list->type == REDIS_REPLY_ARRAY && list->elements == 3 &&
	    list->element[2]->type == REDIS_REPLY_STRING) {
		*message = list->element[2]->str;
		*len = list->element[2]->len;
	}
	return true;
}
