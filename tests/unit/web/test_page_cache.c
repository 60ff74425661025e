/*
 * What is forgotten while it is being rendered: the reader, Redis, the clock and whoever is answered are the test's own, so a
 * page can be forgotten at any moment of its rendering, however long that takes.
 */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/stages.h"
#include "store/redis.h"
#include "web/facts.h"
#include "web/origin.h"
#include "web/page_cache.h"
#include "web/reply.h"
#include "web/route.h"
#include "web/routes.h"

#define SECOND_US INT64_C(1000000)

static struct settings settings;
static struct tracker tracker;
static int64_t now_us;
static int64_t rendering_us; /* how long a page takes */
static bool forgotten_meanwhile, away;
static const char *type;    /* of what is rendered; NULL = a page */
static const char *truth;   /* what a page that begins to be rendered now says */
static char said[64];       /* the last answer */
static char in_redis[4096]; /* the copy that is kept there; "" = none */
static size_t in_redis_len;
static struct redis_value answers[2];
static size_t commands;

/* ---- in the place of others ------------------------------------------------------------------------ */

int64_t __wrap_clock_us(void);
int64_t __wrap_clock_wall_us(void);

int64_t
__wrap_clock_us(void)
{
	return now_us;
}

int64_t
__wrap_clock_wall_us(void)
{
	return now_us;
}

void
op_submit(struct tracker *t, struct op *op)
{
	struct reader reader = {.tracker = t};

	op->render.render(op, &reader);
	op->answer(op);
}

void
redis_begin(struct redis *r)
{
	(void)r;
	commands = 0;
}

void
redis_put(struct redis *r, int argc, const char *const *argv, const size_t *lens)
{
	(void)r;
	assert_int_equal(argc, 5);
	assert_string_equal(argv[0], "SET");
	assert_true(lens[2] < sizeof(in_redis));
	memcpy(in_redis, argv[2], lens[2]);
	in_redis[lens[2]] = '\0';
	in_redis_len = lens[2];
	answers[commands++] = (struct redis_value){.kind = REDIS_TEXT, .s = "OK", .len = 2};
}

void
redis_put_words(struct redis *r, ...)
{
	const char *word;
	va_list words;

	(void)r;
	va_start(words, r);
	word = va_arg(words, const char *);
	va_end(words);
	answers[commands++] = strcmp(word, "GET") == 0 && in_redis_len > 0
	    ? (struct redis_value){.kind = REDIS_TEXT, .s = in_redis, .len = in_redis_len}
	    : (struct redis_value){.kind = strcmp(word, "GET") == 0 ? REDIS_NIL : REDIS_INT};
}

bool
redis_flush(struct redis *r, const struct redis_value **values, size_t *count, struct err *e)
{
	(void)r;
	(void)e;
	*values = answers;
	*count = commands;
	return true;
}

void
reply_send(struct request *rq, const struct reply *reply)
{
	snprintf(said, sizeof(said), "%.*s", (int)reply->len, reply->body);
	arena_fini(&rq->arena);
}

void
reply_error_kept(struct request *rq, const struct err *e, const char *cache)
{
	(void)cache;
	snprintf(said, sizeof(said), "%s", e->said ? e->said : "");
	arena_fini(&rq->arena);
}

bool
reply_is_later(const struct err *e)
{
	return e->kind == ERR_AWAY;
}

const char *
request_param(struct request *rq, const char *name)
{
	(void)rq;
	(void)name;
	return "";
}

uint32_t
request_from(struct request *rq)
{
	(void)rq;
	return 0;
}

void
facts_forget(void)
{
}

void
health_of_redis(struct shared *shared, enum health_part part, const struct redis *redis, bool good,
    const struct err *e)
{
	(void)shared, (void)part, (void)redis, (void)good, (void)e;
}

const struct stage_names *
stages_now(const struct stages *s)
{
	(void)s;
	return NULL;
}

/* ---- pages ----------------------------------------------------------------------------------------- */

static bool
render(struct page *p, struct err *e)
{
	if (away)
		return err_set(e, ERR_AWAY, "away", "PostgreSQL is away");
	if (type)
		p->content_type = type;
	buf_puts(p->out, truth);
	now_us += rendering_us / 2;
	if (forgotten_meanwhile) {
		truth = "nobody";
		page_cache_forget(tracker.pages);
	}
	now_us += rendering_us / 2;
	return true;
}

static const struct route route = {.path = "/person/", .page = render};

static const char *
look(void)
{
	struct request *rq = calloc(1, sizeof(*rq));
	struct err e = ERR_INIT;

	assert_non_null(rq);
	rq->tracker = &tracker;
	rq->route = &route;
	rq->path = "/person/Ann";
	rq->query = "";
	arena_init(&rq->arena);
	*said = '\0';
	assert_true(handle_page(rq, &e));
	free(rq);
	return said;
}

static int
begin(void **state)
{
	(void)state;
	settings = (struct settings){.page_cache_s = 30};
	tracker = (struct tracker){.settings = &settings, .redis_prefix = "tracker:1:"};
	tracker.pages = page_cache_new(&tracker);
	now_us = 1000 * SECOND_US;
	rendering_us = 2000;
	forgotten_meanwhile = away = false;
	type = NULL;
	truth = "Ann";
	in_redis_len = 0;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	page_cache_free(tracker.pages);
	return 0;
}

static void
a_page_is_kept_here_and_in_redis(void **state)
{
	(void)state;
	assert_string_equal(look(), "Ann");
	truth = "nobody";
	assert_string_equal(look(), "Ann");
	page_cache_free(tracker.pages);
	tracker.pages = page_cache_new(&tracker);
	assert_string_equal(look(), "Ann"); /* another process */
	now_us += 30 * SECOND_US;
	assert_string_equal(look(), "nobody");
}

static void
what_is_forgotten_is_shown_no_more_wherever_it_was_kept(void **state)
{
	(void)state;
	look();
	truth = "nobody";
	now_us += SECOND_US;
	page_cache_forget(tracker.pages);
	now_us += SECOND_US;
	assert_true(in_redis_len > 0);
	assert_string_equal(look(), "nobody");
}

static void
what_began_to_be_rendered_before_it_was_forgotten_is_kept_nowhere(void **state)
{
	static const int64_t takes_us[] = {
	    2000, SECOND_US, 2 * SECOND_US, 3 * SECOND_US, 9 * SECOND_US};

	(void)state;
	for (size_t i = 0; i < COUNT(takes_us); i++) {
		truth = "Ann";
		rendering_us = takes_us[i];
		forgotten_meanwhile = true;
		look(); /* who asked before may be told as it was before */
		assert_int_equal(in_redis_len, 0);
		forgotten_meanwhile = false;
		assert_string_equal(look(), "nobody");
		now_us += 60 * SECOND_US;
		in_redis_len = 0;
	}
}

static void
an_old_page_is_better_than_none_unless_it_was_forgotten(void **state)
{
	static const int64_t later_us[] = {0, SECOND_US, 31 * SECOND_US};

	for (size_t i = 0; i < COUNT(later_us); i++) {
		begin(state);
		look();
		in_redis_len = 0;
		away = true;
		now_us += 31 * SECOND_US;
		assert_string_equal(look(), "Ann");
		end(state);
		begin(state);
		forgotten_meanwhile = true;
		look();
		away = true;
		now_us += later_us[i];
		assert_string_equal(look(), "away");
		end(state);
	}
}

static void
numbers_for_machines_are_kept_for_five_seconds_and_no_longer_than_pages(void **state)
{
	static const struct {
		const char *type;
		int64_t page_cache_s, keep_s;
	} kinds[] = {{"text/html", 30, 30}, {"application/json", 30, 5}, {"application/json", 6, 5},
	    {"application/json", 2, 2}};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		begin(state);
		settings.page_cache_s = kinds[i].page_cache_s;
		type = kinds[i].type;
		rendering_us = 0;
		look();
		truth = "nobody";
		now_us += kinds[i].keep_s * SECOND_US - 1;
		assert_string_equal(look(), "Ann");
		now_us++;
		assert_string_equal(look(), "nobody");
		end(state);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_page_is_kept_here_and_in_redis, begin, end),
	    cmocka_unit_test_setup_teardown(
		what_is_forgotten_is_shown_no_more_wherever_it_was_kept, begin, end),
	    cmocka_unit_test_setup_teardown(
		what_began_to_be_rendered_before_it_was_forgotten_is_kept_nowhere, begin, end),
	    cmocka_unit_test(an_old_page_is_better_than_none_unless_it_was_forgotten),
	    cmocka_unit_test(
		numbers_for_machines_are_kept_for_five_seconds_and_no_longer_than_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
