#include "web/page_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/gzip.h"
#include "base/log.h"
#include "base/text.h"
#include "base/turns.h"
#include "base/url.h"
#include "domain/health.h"
#include "domain/stages.h"
#include "web/facts.h"
#include "web/reply.h"
#include "web/routes.h"

#define RENDER_LOCK_MS "5000" /* a page takes milliseconds; longer means that its renderer died */
#define OTHERS_TURN_US INT64_C(1000000) /* how long to wait for another process's first rendering */
#define LOOK_AGAIN_US                                                                              \
	INT64_C(250000) /* a page that another process renders is asked for again after */
#define DATA_CACHE_S 5  /* at most, of application/json */
#define PAGE_BYTES (8 * 1024 * 1024)
/*
 * nginx keeps a page for a second. For half a minute more it shows it while one visitor's call fetches it anew, or we are
 * away: a restart is not seen, and what was erased is not shown for longer. What is no page any more takes the place of
 * what was one, and is never shown as old.
 */
#define FOR_A_SECOND "public, max-age=1"
#define STALE_WHILE_AWAY ", stale-while-revalidate=30, stale-if-error=30"
#define GZIP_FROM 512 /* bytes; a smaller page fits one packet either way */

/* A page as it travels one way or the other; a strong tag stands for bytes, so each has its own. */
struct form {
	const char *body;
	size_t len; /* of the gzip: 0 = there is none, it would gain nothing */
	char etag[48];
};

/* A rendered page; shared by the cache and the answers under way. */
struct copy {
	atomic_int refs;
	int64_t rendered_us; /* wall: when that began, so it knows nothing newer for sure */
	char type[64];
	struct form gzip, plain;
	size_t len;
	char bytes[]; /* the gzip and then the page itself, as in Redis */
};

struct waiter {
	struct waiter *next;
	struct request *rq;
};

struct entry {
	char *key;
	struct copy *copy; /* NULL until first rendered */
	int64_t looked_us; /* monotonic: when Redis was last asked */
	bool refreshing;
	struct waiter *waiters;
	UT_hash_handle hh;
};

struct page_cache {
	struct tracker *tracker;
	pthread_mutex_t lock;
	struct entry *entries; /* oldest use first */
	size_t bytes;
	_Atomic(int64_t) forgot_us; /* wall: what began to be rendered before is not to be shown */
};

/* One refresh on its way to the reader: a page request without a requester. */
struct refresh {
	struct op op;
	struct arena arena;
	struct page_cache *cache;
	const char *key;
	page_render *render;
	const char *path[3], *query;
	struct copy *copy; /* result */
};

/*
 * Parameters that a page looks at; others do not make another page. Not `page`, which the original
 * tracker's links have: its pages went by number, ours by key, so such a link shows the first.
 */
static const char *const known[] = {
    "after", "all", "from", "owner", "period", "q", "range", "stage", "state"};

struct page_cache *
page_cache_new(struct tracker *t)
{
	struct page_cache *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->tracker = t;
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

static struct copy *
copy_ref(struct copy *copy)
{
	if (copy)
		atomic_fetch_add(&copy->refs, 1);
	return copy;
}

static void
copy_unref(struct copy *copy)
{
	if (copy && atomic_fetch_sub(&copy->refs, 1) == 1)
		free(copy);
}

static struct copy *
copy_new(const char *type, int64_t rendered_us, const char *bytes, size_t len, size_t gzip_len)
{
	struct copy *copy = malloc(sizeof(*copy) + len);
	struct uuid hash = hash_128(bytes + gzip_len, len - gzip_len);
	char hex[UUID_TEXT];

	if (!copy)
		abort();
	uuid_text(hex, &hash);
	atomic_init(&copy->refs, 1);
	copy->rendered_us = rendered_us;
	snprintf(copy->type, sizeof(copy->type), "%s", type);
	copy->len = len;
	memcpy(copy->bytes, bytes, len);
	copy->gzip = (struct form){copy->bytes, gzip_len, ""};
	snprintf(copy->gzip.etag, sizeof(copy->gzip.etag), "\"%s-gzip\"", hex);
	copy->plain = (struct form){copy->bytes + gzip_len, len - gzip_len, ""};
	snprintf(copy->plain.etag, sizeof(copy->plain.etag), "\"%s\"", hex);
	return copy;
}

/* A page fresh from its renderer: compressed here, once, for all who will ask for it. */
static struct copy *
copy_of_page(const char *type, int64_t began_us, const struct buf *page)
{
	struct copy *copy;
	struct buf both;
	size_t gzip_len;

	buf_init(&both, 0);
	if (page->len >= GZIP_FROM &&
	    (!gzip_put(&both, page->data, page->len) || both.len >= page->len))
		buf_clear(&both); /* no memory, or nothing gained */
	gzip_len = both.len;
	buf_put(&both, page->len > 0 ? page->data : "", page->len);
	if (both.failed)
		abort();
	copy = copy_new(type, began_us, both.data, both.len, gzip_len);
	buf_fini(&both);
	return copy;
}

static size_t
weight(const struct entry *e)
{
	return sizeof(*e) + strlen(e->key) + (e->copy ? e->copy->len : 0);
}

static void
evict(struct page_cache *c, struct entry *e)
{
	c->bytes -= weight(e);
	HASH_DEL(c->entries, e);
	copy_unref(e->copy);
	free(e->key);
	free(e);
}

void
page_cache_free(struct page_cache *c)
{
	struct entry *e, *next;

	if (!c)
		return;
	HASH_ITER(hh, c->entries, e, next)
	evict(c, e);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void
page_cache_forget(struct page_cache *c)
{
	struct entry *e, *next;

	facts_forget();
	/* In Redis there are other hosts' copies, too, by their clocks: a second covers how these differ. */
	atomic_store(&c->forgot_us, clock_wall_us() + 1000000);
	pthread_mutex_lock(&c->lock);
	HASH_ITER(hh, c->entries, e, next)
	{
		if (!e->refreshing) {
			evict(c, e);
			continue;
		}
		c->bytes -= weight(e);
		copy_unref(e->copy);
		e->copy = NULL;
		c->bytes += weight(e);
	}
	pthread_mutex_unlock(&c->lock);
}

static void
make_room(struct page_cache *c)
{
	struct entry *e, *next;

	HASH_ITER(hh, c->entries, e, next)
	{
		if (c->bytes <= PAGE_CACHE_BYTES)
			return;
		if (!e->refreshing)
			evict(c, e);
	}
}

static struct entry *
find_or_add(struct page_cache *c, const char *key)
{
	struct entry *e;

	HASH_FIND_STR(c->entries, key, e);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e || !(e->key = strdup(key)))
		abort();
	HASH_ADD_KEYPTR(hh, c->entries, e->key, strlen(e->key), e);
	c->bytes += weight(e);
	return e;
}

/*
 * Path and known parameters, in one order, so that noise in a query is no other page. A path may hold "&all=1",
 * but never a question mark, so each parameter begins with one: no path is another one's query.
 */
static char *
key_of(struct request *rq)
{
	struct buf key;
	struct err e = ERR_INIT;
	const char *value;
	char *copy;
	size_t len;

	buf_init(&key, 0);
	buf_puts(&key, rq->path);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!url_query(&rq->arena, rq->query, known[i], &value, &len, &e) || !value)
			continue;
		buf_printf(&key, "?%s=", known[i]);
		url_encode(&key, value, len);
	}
	if (key.failed) /* another page's key would be no better */
		abort();
	copy = arena_dup(&rq->arena, key.data, key.len);
	buf_fini(&key);
	return copy;
}

static void
say_copy(struct request *rq, const struct copy *copy)
{
	bool cached = rq->tracker->settings->page_cache_s > 0;
	bool gzip = copy->gzip.len > 0 && gzip_is_wanted(request_param(rq, "HTTP_ACCEPT_ENCODING"));
	const struct form *form = gzip ? &copy->gzip : &copy->plain;
	/* A proxy may have weakened the tag, W/"...": what matters is between the quotes. */
	bool known_there = strstr(request_param(rq, "HTTP_IF_NONE_MATCH"), form->etag);
	struct reply reply = {.status = known_there ? 304 : 200,
	    .type = copy->type,
	    .body = form->body,
	    .len = form->len,
	    .etag = form->etag,
	    .encoding = gzip ? "gzip" : NULL,
	    .vary = "Accept-Encoding",
	    .cache = cached ? FOR_A_SECOND STALE_WHILE_AWAY : "no-cache"};

	reply_send(rq, &reply);
}

/* What it says of somebody is not to be said any more. */
static bool
is_forgotten(const struct page_cache *c, const struct copy *copy)
{
	return copy->rendered_us <= atomic_load(&c->forgot_us);
}

/* Numbers for machines are asked for every few seconds, to be seen moving: they are kept shorter. */
static bool
is_fresh(const struct page_cache *c, const struct copy *copy)
{
	int64_t keep_s = c->tracker->settings->page_cache_s;

	if (is_forgotten(c, copy))
		return false;
	if (keep_s > DATA_CACHE_S && strcmp(copy->type, "application/json") == 0)
		keep_s = DATA_CACHE_S;
	return clock_wall_us() - copy->rendered_us < keep_s * 1000000;
}

/* ---- on the reader ---------------------------------------------------------------------------- */

/*
 * In Redis: "rendered_us gzip_len type\n" and the bytes of a copy, so that no other process compresses
 * them again. Who changes this changes the key's word too: in an upgrade old and new processes run
 * side by side.
 */
#define KEY_WORD "page2"

static struct copy *
parse_copy(const struct redis_value *value)
{
	const char *line_end;
	long long rendered_us;
	size_t gzip_len, len;
	char type[64];

	if (value->kind != REDIS_TEXT)
		return NULL;
	line_end = memchr(value->s, '\n', value->len);
	if (!line_end || sscanf(value->s, "%lld %zu %63[^\n]", &rendered_us, &gzip_len, type) != 3)
		return NULL;
	line_end++;
	len = value->len - (size_t)(line_end - value->s);
	return gzip_len <= len ? copy_new(type, rendered_us, line_end, len, gzip_len) : NULL;
}

static const char *
redis_key(struct refresh *r, const char *what)
{
	return arena_printf(&r->arena, "%s%s:%s", r->cache->tracker->redis_prefix, what, r->key);
}

static bool
flush(struct refresh *r, struct redis *redis, enum health_part part,
    const struct redis_value **values, size_t *n)
{
	struct err e = ERR_INIT;
	bool good = redis_flush(redis, values, n, &e);

	health_of_redis(r->cache->tracker->shared, part, redis, good, &e);
	return good;
}

/* The copy in Redis, if any, and whether it is this process's turn to render. Redis away: it is. */
static struct copy *
look_in_redis(struct refresh *r, struct redis *redis, bool *turn)
{
	const struct redis_value *values;
	struct copy *copy = NULL;
	size_t n;

	*turn = true;
	redis_begin(redis);
	redis_put_words(redis, "GET", redis_key(r, KEY_WORD), NULL);
	if (!flush(r, redis, PART_COPIES, &values, &n) || n != 1)
		return NULL;
	copy = parse_copy(&values[0]);
	if (copy && is_forgotten(r->cache, copy)) {
		copy_unref(copy);
		copy = NULL;
	}
	if (copy && is_fresh(r->cache, copy)) {
		*turn = false;
		return copy;
	}
	redis_begin(redis);
	redis_put_words(
	    redis, "SET", redis_key(r, "page-lock"), "1", "NX", "PX", RENDER_LOCK_MS, NULL);
	if (flush(r, redis, PART_COPYING, &values, &n) && n == 1)
		*turn = values[0].kind != REDIS_NIL;
	return copy;
}

static void
keep_in_redis(struct refresh *r, struct redis *redis, const struct copy *copy)
{
	const struct redis_value *values;
	struct buf value;
	char life_s[24];
	const char *words[5];
	size_t lens[5], n;

	buf_init(&value, 0);
	buf_printf(
	    &value, "%lld %zu %s\n", (long long)copy->rendered_us, copy->gzip.len, copy->type);
	buf_put(&value, copy->bytes, copy->len);
	snprintf(life_s, sizeof(life_s), "%lld",
	    (long long)(10 * r->cache->tracker->settings->page_cache_s + 60));
	words[0] = "SET", words[1] = redis_key(r, KEY_WORD), words[2] = value.data, words[3] = "EX",
	words[4] = life_s;
	for (int i = 0; i < 5; i++)
		lens[i] = i == 2 ? value.len : strlen(words[i]);
	redis_begin(redis);
	if (!value.failed && !is_forgotten(r->cache, copy))
		redis_put(redis, 5, words, lens);
	redis_put_words(redis, "DEL", redis_key(r, "page-lock"), NULL);
	(void)flush(r, redis, PART_COPYING, &values, &n); /* else the next period renders again */
	buf_fini(&value);
}

/* There is no copy to keep: whoever asks next, here or elsewhere, is not to wait for one. */
static void
give_turn_back(struct refresh *r, struct redis *redis)
{
	const struct redis_value *values;
	size_t n;

	redis_begin(redis);
	redis_put_words(redis, "DEL", redis_key(r, "page-lock"), NULL);
	(void)flush(r, redis, PART_COPYING, &values, &n); /* else it ends by itself */
}

static struct copy *
render(struct refresh *r, struct reader *reader, struct err *e)
{
	struct buf out;
	struct copy *copy = NULL;
	int64_t began_us = clock_wall_us();
	struct page page = {.settings = reader->tracker->settings,
	    .stages = stages_now(reader->tracker->stages),
	    .redis_prefix = reader->tracker->redis_prefix,
	    .pg = reader->pg,
	    .shared = reader->tracker->shared,
	    .redis = reader->redis,
	    .arena = &r->arena,
	    .query = r->query,
	    .content_type = "text/html; charset=utf-8",
	    .out = &out};

	memcpy(page.path, r->path, sizeof(page.path));
	buf_init(&out, PAGE_BYTES);
	stat_add(STAT_PAGES_RENDERED, 1);
	if (r->render(&page, e)) {
		if (out.failed)
			err_set(e, ERR_BUG, NULL, "a page over %d bytes", PAGE_BYTES);
		else {
			/* Here no page can forget it; in an address everything is %-encoded. */
			out.len = text_clean(out.data, out.len, true);
			copy = copy_of_page(page.content_type, began_us, &out);
		}
	}
	buf_fini(&out);
	return copy;
}

/*
 * Whether other processes and hosts are likely to be asked for the same page. The way by Redis takes four
 * commands, a tenth of a millisecond beside two to four of rendering, and keeps a copy there for minutes: who
 * asks in words of their own is mostly alone with them, and ten thousand of such would fill Redis.
 */
static bool
is_for_many(const char *key)
{
	static const char *const own[] = {"?after=", "?from=", "?owner=", "?q="};

	/* No value in a key holds a question mark. */
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (strstr(key, own[i]))
			return false;
	return true;
}

static void
refresh_on_reader(struct op *op, struct reader *reader)
{
	struct refresh *r = op->render.page;
	bool shared = r->cache->tracker->settings->page_cache_s > 0 && is_for_many(r->key);
	bool turn = true;
	int64_t until = clock_us() + OTHERS_TURN_US;
	struct copy *copy = NULL;

	if (shared)
		copy = look_in_redis(r, reader->redis, &turn);
	while (!copy && !turn && clock_us() < until) {
		clock_sleep_ms(20);
		copy = look_in_redis(r, reader->redis, &turn);
	}
	if (turn || !copy) {
		struct copy *new = render(r, reader, &op->err);

		if (shared && turn && !new)
			give_turn_back(r, reader->redis);
		/* An old page is better than none, but not when there is no such page. */
		if (new || op->err.kind == ERR_MISSING) {
			copy_unref(copy);
			copy = new;
			if (shared && copy)
				keep_in_redis(r, reader->redis, copy);
		}
	}
	r->copy = copy;
}

/* ---- between ---------------------------------------------------------------------------------- */

/* Takes the result into the cache; the answer for those who waited is returned with a reference. */
static struct copy *
store(struct page_cache *c, struct refresh *r, struct waiter **waiters)
{
	struct copy *best;
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	e = find_or_add(c, r->key);
	*waiters = e->waiters;
	e->waiters = NULL;
	e->refreshing = false;
	e->looked_us = clock_us();
	if (r->copy && c->tracker->settings->page_cache_s > 0 && !is_forgotten(c, r->copy)) {
		c->bytes -= weight(e);
		copy_unref(e->copy);
		e->copy = copy_ref(r->copy);
		c->bytes += weight(e);
	}
	/* While PostgreSQL is away, or refuses everybody, an old page is better than none. */
	best = copy_ref(r->copy ? r->copy : reply_is_later(&r->op.err) ? e->copy : NULL);
	if (!e->copy || (!best && r->op.err.kind == ERR_MISSING))
		evict(c, e);
	make_room(c);
	pthread_mutex_unlock(&c->lock);
	return best;
}

static void
say_none(struct request *rq, const struct err *e)
{
	bool cached = rq->tracker->settings->page_cache_s > 0 && e->kind == ERR_MISSING;

	reply_error_kept(rq, e, cached ? FOR_A_SECOND : NULL);
}

static void
answer_refresh(struct op *op)
{
	struct refresh *r = op->owner;
	struct waiter *waiters, *next;
	struct copy *copy = store(r->cache, r, &waiters);

	for (; waiters; waiters = next) {
		next = waiters->next; /* in the request's arena: gone with the reply */
		if (copy)
			say_copy(waiters->rq, copy);
		else
			say_none(waiters->rq, &op->err);
	}
	copy_unref(copy);
	copy_unref(r->copy);
	arena_fini(&r->arena);
	free(r);
}

static const char *
dup_or_null(struct arena *a, const char *s)
{
	return s ? arena_dup(a, s, strlen(s)) : NULL;
}

/*
 * Whose turn it takes to render a page: that of who asks first. The few pages that everybody asks for, with no more
 * than their name, are nobody's, so that they never stand behind what one of those who ask has ordered besides.
 */
static uint32_t
whose(struct request *rq, const char *key)
{
	bool is_everybodys = !rq->path_part[0] && !strchr(key, '?');

	return is_everybodys ? TURNS_NOBODY : request_from(rq);
}

static void
start_refresh(struct page_cache *c, struct request *rq, const char *key)
{
	struct refresh *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	arena_init(&r->arena);
	r->cache = c;
	r->key = dup_or_null(&r->arena, key);
	r->render = rq->route->page;
	r->query = dup_or_null(&r->arena, rq->query);
	for (int i = 0; i < 3; i++)
		r->path[i] = dup_or_null(&r->arena, rq->path_part[i]);
	r->op.kind = OP_RENDER;
	r->op.arrived_us = r->op.give_up_us = clock_us();
	r->op.owner = r;
	r->op.answer = answer_refresh;
	r->op.arena = &r->arena;
	r->op.render.render = refresh_on_reader;
	r->op.render.page = r;
	r->op.render.from = whose(rq, key);
	op_submit(c->tracker, &r->op);
}

/* A copy to answer with at once, or NULL: the request waits, and *refresh says who asks the reader. */
static struct copy *
enter(struct page_cache *c, struct request *rq, const char *key, bool *refresh)
{
	struct waiter *waiter = arena_alloc(&rq->arena, sizeof(*waiter));
	struct copy *copy = NULL;
	struct entry *e;

	*refresh = false;
	pthread_mutex_lock(&c->lock);
	e = find_or_add(c, key);
	if (e->copy &&
	    (e->refreshing || is_fresh(c, e->copy) ||
		(clock_us() - e->looked_us < LOOK_AGAIN_US &&
		    e->copy->rendered_us > atomic_load(&c->forgot_us))))
		copy = copy_ref(e->copy);
	else {
		*refresh = !e->refreshing;
		e->refreshing = true;
		*waiter = (struct waiter){e->waiters, rq};
		e->waiters = waiter;
	}
	pthread_mutex_unlock(&c->lock);
	return copy;
}

/* Answers the request with its page, now or when it is rendered. Takes the request over. */
static void
ask(struct page_cache *c, struct request *rq)
{
	const char *key = key_of(rq);
	bool refresh;
	struct copy *copy = enter(c, rq, key, &refresh);

	if (copy) {
		say_copy(rq, copy);
		copy_unref(copy);
	} else if (refresh)
		/* rq is in the list of waiters: only this refresh, not begun yet, can answer it. */
		start_refresh(c, rq, key);
}

bool
handle_page(struct request *rq, struct err *e)
{
	(void)e;
	ask(rq->tracker->pages, rq);
	return true;
}
