#include "run/herald.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/beats.h"
#include "domain/health.h"
#include "domain/news.h"
#include "run/parked.h"
#include "store/redis.h"
#include "web/page_cache.h"

#define BEATS_MS 100  /* how late a beat may reach Redis; the page that shows it is cached longer */
#define NEWS_MS 5     /* how late news goes out: another process is to hear it within 50 ms */
#define NEWS_MOST 256 /* changed workers told at once; more are found by PRESENCE_TRUST_US */
#define PIPELINE_MOST 512
#define LISTEN_MS 500
#define PROBE_US INT64_C(1000000) /* nothing was written for so long: a write of our own */

struct herald {
	struct tracker *tracker;
	pthread_t writer, listener;
	pthread_mutex_t lock;
	pthread_cond_t some;
	int64_t appeared[STAGES_MAX + 1];
	struct uuid changed[NEWS_MOST];
	int n_changed;
	bool news, stopping;
	int64_t written_us; /* the writer's: when Redis last took something */
	char me[NEWS_FROM]; /* so that our own news is not heard twice */
	char channel[128];
	char life_ms[24];
};

void
herald_work_appeared(struct tracker *t, int stage, int64_t count)
{
	struct herald *h = t->herald;

	parked_appeared(t->parked, stage, count, false);
	pthread_mutex_lock(&h->lock);
	h->appeared[stage] += count;
	if (!h->news)
		pthread_cond_signal(&h->some);
	h->news = true;
	pthread_mutex_unlock(&h->lock);
}

void
herald_worker_changed(struct tracker *t, const struct uuid *token)
{
	struct herald *h = t->herald;

	pthread_mutex_lock(&h->lock);
	if (h->n_changed < NEWS_MOST)
		h->changed[h->n_changed++] = *token;
	if (!h->news)
		pthread_cond_signal(&h->some);
	h->news = true;
	pthread_mutex_unlock(&h->lock);
}

static bool
is_stopping(struct herald *h)
{
	bool stopping;

	pthread_mutex_lock(&h->lock);
	stopping = h->stopping;
	pthread_mutex_unlock(&h->lock);
	return stopping;
}

/* ---- writing ----------------------------------------------------------------------------------- */

struct untold {
	int64_t appeared[STAGES_MAX + 1];
	struct uuid changed[NEWS_MOST];
	int n_changed;
};

static struct timespec
in_ms(int64_t ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += ms * 1000000;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	return at;
}

/* Waits for news or for the beats' turn; takes what there is. */
static bool
take_untold(struct herald *h, struct untold *u)
{
	struct timespec until = in_ms(BEATS_MS);
	bool some;

	pthread_mutex_lock(&h->lock);
	while (!h->news && !h->stopping)
		if (pthread_cond_timedwait(&h->some, &h->lock, &until) != 0)
			break;
	some = h->news;
	if (some) {
		memcpy(u->appeared, h->appeared, sizeof(u->appeared));
		memcpy(u->changed, h->changed, sizeof(u->changed));
		u->n_changed = h->n_changed;
		memset(h->appeared, 0, sizeof(h->appeared));
		h->n_changed = 0;
		h->news = false;
	}
	pthread_mutex_unlock(&h->lock);
	return some;
}

static void
put_one(struct herald *h, struct redis *redis, struct news *news)
{
	char text[NEWS_TEXT];

	memcpy(news->from, h->me, sizeof(news->from));
	news_write(text, news);
	redis_put_words(redis, "PUBLISH", h->channel, text, NULL);
}

static void
put_untold(struct herald *h, struct redis *redis, const struct untold *u)
{
	for (int stage = 1; stage <= STAGES_MAX; stage++) {
		struct news wake = {.kind = NEWS_WAKE, .stage = stage, .count = u->appeared[stage]};

		if (wake.count > 0)
			put_one(h, redis, &wake);
	}
	for (int i = 0; i < u->n_changed; i++) {
		struct news gone = {.kind = NEWS_GONE, .token = u->changed[i]};

		put_one(h, redis, &gone);
	}
}

static void
put_beat(struct herald *h, struct redis *redis, const struct beat *beat)
{
	char key[160], seen[24], at[24];
	const char *words[] = {
	    "HSET", key, "seen", seen, "progress", beat->progress, "progress_at", at};
	size_t lens[8];
	int n = beat->progress ? 8 : 4;

	snprintf(key, sizeof(key), "%sw:%lld", h->tracker->redis_prefix, (long long)beat->worker);
	snprintf(seen, sizeof(seen), "%lld", (long long)beat->seen_ms);
	snprintf(at, sizeof(at), "%lld", (long long)beat->progress_ms);
	for (int i = 0; i < n; i++)
		lens[i] = i == 5 ? beat->len : strlen(words[i]);
	redis_put(redis, n, words, lens);
	redis_put_words(redis, "PEXPIRE", key, h->life_ms, NULL);
}

/* Sends what was put; notes how Redis is to this use of it. A replica takes news, so they tell nothing of writes. */
static bool
flush(struct herald *h, struct redis *redis, enum health_part part)
{
	struct err e = ERR_INIT;
	bool good = redis_flush(redis, NULL, NULL, &e);

	health_of_redis(h->tracker->shared, part, redis, good, &e);
	if (good && part == PART_REDIS)
		h->written_us = clock_us();
	return good;
}

/* All, or they wait for the next time: what was written twice is what was written once. */
static void
write_beats(struct herald *h, struct redis *redis)
{
	struct beat *chain = beats_take(h->tracker->beats);
	bool good = true;
	int n = 0;

	if (!chain)
		return;
	redis_begin(redis);
	for (const struct beat *beat = chain; beat && good; beat = beat->next) {
		put_beat(h, redis, beat);
		if (++n % PIPELINE_MOST == 0) {
			good = flush(h, redis, PART_REDIS);
			redis_begin(redis);
		}
	}
	if (good && n % PIPELINE_MOST != 0)
		good = flush(h, redis, PART_REDIS);
	if (good)
		beats_done(chain);
	else
		beats_put_back(h->tracker->beats, chain);
}

/*
 * Nobody said anything for a while: does Redis take beats? A replica, or a full one, answers a PING. What a beat uses is
 * asked for and nothing else, or one of them would tell that Redis is back and the other that it is away.
 */
static void
write_probe(struct herald *h, struct redis *redis)
{
	char key[160];

	snprintf(key, sizeof(key), "%sprobed", h->tracker->redis_prefix);
	redis_begin(redis);
	redis_put_words(redis, "HSET", key, "seen", h->me, NULL);
	redis_put_words(redis, "PEXPIRE", key, "60000", NULL);
	(void)flush(h, redis, PART_REDIS);
}

static void
write_untold(struct herald *h, struct redis *redis, const struct untold *untold)
{
	redis_begin(redis);
	put_untold(h, redis, untold);
	(void)flush(h, redis, PART_NEWS); /* lost, it is found by looking */
	clock_sleep_ms(NEWS_MS);          /* what comes meanwhile goes together */
}

/* Without Redis nobody else is to be told, and nothing kept. */
static void
do_without(struct herald *h)
{
	struct untold untold;

	while (!is_stopping(h)) {
		(void)take_untold(h, &untold);
		beats_done(beats_take(h->tracker->beats));
	}
}

static void *
write_out(void *arg)
{
	struct herald *h = arg;
	struct redis *redis = redis_new(h->tracker->settings->redis);
	struct redis *asker = redis_new(h->tracker->settings->redis);
	int64_t beats_us = 0, asked_us = 0;
	struct untold untold;

	if (*h->tracker->settings->redis == '\0')
		do_without(h);
	while (!is_stopping(h)) {
		if (take_untold(h, &untold))
			write_untold(h, redis, &untold);
		if (clock_us() - beats_us >= BEATS_MS * 1000) {
			beats_us = clock_us();
			write_beats(h, redis);
		}
		if (clock_us() - h->written_us >= PROBE_US && redis_retry_in_ms(redis) == 0)
			write_probe(h, redis);
		if (clock_us() - asked_us >= PROBE_US && redis_retry_in_ms(asker) == 0) {
			asked_us = clock_us();
			health_ask_redis(
			    h->tracker->shared, asker, h->tracker->redis_prefix, h->channel);
		}
	}
	write_beats(h, redis);
	redis_free(redis);
	redis_free(asker);
	return NULL;
}

/* ---- listening --------------------------------------------------------------------------------- */

static void
take_in(struct herald *h, const char *text)
{
	struct news news;

	if (!news_read(&news, text) || strcmp(news.from, h->me) == 0)
		return;
	if (news.kind == NEWS_GONE) {
		shared_bump(h->tracker->shared, &news.token);
		return;
	}
	if (news.kind == NEWS_PAGES) {
		page_cache_forget(h->tracker->pages);
		return;
	}
	/* The loader and other hosts do not share our memory: their commits make our counts old. */
	tracker_counts_changed(h->tracker);
	parked_appeared(h->tracker->parked, news.stage, news.count, *news.from == '\0');
}

static void *
listen_in(void *arg)
{
	struct herald *h = arg;
	struct redis *redis = redis_new(h->tracker->settings->redis);
	bool subscribed = false;

	while (!is_stopping(h)) {
		const char *message = NULL;
		struct err e = ERR_INIT;
		size_t len;

		if (!subscribed) {
			subscribed = redis_subscribe(redis, h->channel, &e);
			health_of_redis(h->tracker->shared, PART_LISTEN, redis, subscribed, &e);
		}
		if (subscribed && !redis_next(redis, LISTEN_MS, &message, &len, &e))
			subscribed = false;
		if (!subscribed)
			clock_sleep_ms(200);
		else if (message)
			take_in(h, message);
	}
	redis_free(redis);
	return NULL;
}

struct herald *
herald_start(struct tracker *t)
{
	struct herald *h = calloc(1, sizeof(*h));
	pthread_condattr_t monotonic;
	uint64_t id;

	if (!h)
		abort();
	h->tracker = t;
	random_bytes(&id, sizeof(id));
	snprintf(h->me, sizeof(h->me), "%016llx", (unsigned long long)id);
	news_channel(h->channel, sizeof(h->channel), t->project_id);
	snprintf(h->life_ms, sizeof(h->life_ms), "%lld",
	    (long long)(t->settings->idle_timeout_s * 2000 + 60000));
	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&h->some, &monotonic);
	pthread_condattr_destroy(&monotonic);
	t->herald = h;
	if (pthread_create(&h->writer, NULL, write_out, h) != 0 ||
	    pthread_create(&h->listener, NULL, listen_in, h) != 0)
		abort();
	return h;
}

void
herald_stop(struct herald *h)
{
	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_cond_signal(&h->some);
	pthread_mutex_unlock(&h->lock);
}

void
herald_join(struct herald *h)
{
	pthread_join(h->writer, NULL);
	pthread_join(h->listener, NULL);
	pthread_cond_destroy(&h->some);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
