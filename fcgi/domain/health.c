#include "domain/health.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

static const struct {
	const char *name;
	enum server server;
} parts[PARTS] = {
    [PART_CLAIM] = {"claim", SERVER_POSTGRES},
    [PART_COMPLETE] = {"complete", SERVER_POSTGRES},
    [PART_WORKERS] = {"workers", SERVER_POSTGRES},
    [PART_PROBE] = {"probe", SERVER_POSTGRES},
    [PART_KEEPER] = {"keeper", SERVER_POSTGRES},
    [PART_REDIS] = {"redis", SERVER_REDIS},
    [PART_NEWS] = {"redis_news", SERVER_REDIS},
    [PART_LISTEN] = {"redis_listen", SERVER_REDIS},
    [PART_PRESENCE] = {"redis_presence", SERVER_REDIS},
    [PART_PROGRESS] = {"redis_progress", SERVER_REDIS},
    [PART_COPIES] = {"redis_copies", SERVER_REDIS},
    [PART_COPYING] = {"redis_copying", SERVER_REDIS},
    [PART_TELL] = {"redis_tell", SERVER_REDIS},
    [PART_ERASE] = {"redis_erase", SERVER_REDIS},
};

static const struct {
	const char *away, *back;
} events[SERVERS] = {
    [SERVER_POSTGRES] = {"postgres_away", "postgres_back"},
    [SERVER_REDIS] = {"redis_away", "redis_back"},
};

bool
health_is_of_redis(enum health_part part)
{
	return parts[part].server == SERVER_REDIS;
}

const char *
health_part_name(enum health_part part)
{
	return parts[part].name;
}

/* Eight characters are written and read as one word, so nobody sees half of one and half of another. */
static uint64_t
pack(const char *code)
{
	uint64_t word = 0;

	memcpy(&word, code, strnlen(code, SHARED_WHY));
	return word;
}

static bool
any_is_ill(const struct shared *s, enum server server)
{
	for (int part = 0; part < PARTS; part++) {
		if (parts[part].server != server)
			continue;
		for (int i = 0; i < SHARED_PROCESSES; i++)
			if (atomic_load(&s->process[i].part[part].ill_us) != 0)
				return true;
	}
	return false;
}

void
health_ill(struct shared *s, enum health_part part, const struct err *why, const char *code)
{
	struct shared_part *mine = &shared_mine()->part[part];
	_Atomic int64_t *away_us = &s->away_us[parts[part].server];
	int64_t now = clock_us(), none = 0;

	/* While a back-off lasts there is nothing new to say. */
	if (*code || atomic_load(&mine->ill_us) == 0)
		atomic_store(&mine->why, pack(code));
	if (atomic_load(&mine->ill_us) == 0)
		atomic_store(&mine->ill_us, now);
	if (atomic_compare_exchange_strong(away_us, &none, now))
		log_err(LOG_WARN_, events[parts[part].server].away, why);
}

/*
 * Was this the last ill part of its server? One that falls ill between our look and our word meets the word of
 * before, and leaves it as it is: so we look again, and take ours back.
 */
static bool
is_over(struct shared *s, enum server server, int64_t since_us)
{
	_Atomic int64_t *away_us = &s->away_us[server];

	while (!any_is_ill(s, server)) {
		int64_t since = since_us, none = 0;

		if (!atomic_compare_exchange_strong(away_us, &since, 0))
			return false;
		if (!any_is_ill(s, server))
			return true;
		if (!atomic_compare_exchange_strong(away_us, &none, since_us))
			return false;
	}
	return false;
}

void
health_good(struct shared *s, enum health_part part)
{
	struct shared_part *mine = &shared_mine()->part[part];
	enum server server = parts[part].server;
	int64_t now = clock_us(), since;

	atomic_store(&mine->good_us, now);
	if (atomic_load(&mine->ill_us) != 0)
		atomic_store(&mine->ill_us, 0);
	since = atomic_load(&s->away_us[server]);
	if (since != 0 && is_over(s, server, since))
		log_event(
		    LOG_INFO_, events[server].back, "after_s=%.1f", (double)(now - since) / 1e6);
}

void
health_of_redis(
    struct shared *s, enum health_part part, const struct redis *r, bool good, const struct err *e)
{
	if (good)
		health_good(s, part);
	else if (redis_was_tried(r)) {
		stat_add(*redis_refusal(r) ? STAT_REDIS_REFUSED : STAT_REDIS_AWAY, 1);
		health_ill(s, part, e, redis_refusal(r));
	}
}

/* What a part asks of Redis, to no effect. The listener asks again by itself. */
static bool
put_question(struct redis *r, enum health_part part, const char *key, const char *channel)
{
	switch (part) {
	case PART_NEWS:
	case PART_TELL:
		redis_put_words(r, "PUBLISH", channel, "", NULL);
		return true;
	case PART_PRESENCE:
		redis_put_words(r, "HGET", key, "seen", NULL);
		return true;
	case PART_PROGRESS:
		redis_put_words(r, "HMGET", key, "seen", "progress", NULL);
		return true;
	case PART_COPIES:
		redis_put_words(r, "GET", key, NULL);
		return true;
	case PART_COPYING:
		redis_put_words(r, "SET", key, "1", "PX", "1000", NULL);
		redis_put_words(r, "DEL", key, NULL);
		return true;
	case PART_ERASE:
		redis_put_words(r, "PUBLISH", channel, "", NULL);
		redis_put_words(r, "HGET", key, "progress", NULL);
		redis_put_words(r, "DEL", key, NULL);
		redis_put_words(r, "SCAN", "0", "COUNT", "1", NULL);
		return true;
	default:
		return false;
	}
}

void
health_ask_redis(struct shared *s, struct redis *r, const char *prefix, const char *channel)
{
	char key[160];

	snprintf(key, sizeof(key), "%sask", prefix);
	for (int part = PART_REDIS; part < PARTS; part++) {
		struct err e = ERR_INIT;
		bool good;

		if (atomic_load(&shared_mine()->part[part].ill_us) == 0)
			continue;
		redis_begin(r);
		if (!put_question(r, (enum health_part)part, key, channel))
			continue;
		good = redis_flush(r, NULL, NULL, &e);
		health_of_redis(s, (enum health_part)part, r, good, &e);
	}
}

void
health_read(const struct shared *s, enum health_part part, struct health *out)
{
	*out = (struct health){0};
	for (int i = 0; i < SHARED_PROCESSES; i++) {
		const struct shared_part *p = &s->process[i].part[part];
		int64_t good_us = atomic_load(&p->good_us), ill_us = atomic_load(&p->ill_us);
		uint64_t why = atomic_load(&p->why);

		if (good_us > out->good_us)
			out->good_us = good_us;
		if (ill_us == 0 || (out->ill_us != 0 && out->ill_us <= ill_us))
			continue;
		out->ill_us = ill_us;
		memcpy(out->why, &why, SHARED_WHY);
	}
}

bool
health_is_away(const struct shared *s, enum server server)
{
	return atomic_load(&s->away_us[server]) != 0;
}

bool
health_hears(const struct shared *s)
{
	struct health health;

	if (!health_is_away(s, SERVER_POSTGRES))
		return true;
	for (int part = PART_CLAIM; part <= PART_WORKERS; part++) {
		health_read(s, (enum health_part)part, &health);
		if (health.ill_us != 0)
			return false;
	}
	return true;
}

bool
health_stores_results(const struct shared *s)
{
	struct health health;

	if (!health_is_away(s, SERVER_POSTGRES))
		return true;
	health_read(s, PART_COMPLETE, &health);
	return health.ill_us == 0;
}
