/*
 * page -- what a page's renderer gets, and what it gives.
 *
 * One page = one page_*.c = one template. A renderer runs on the reader's thread, asks PostgreSQL by
 * read_* functions only (never job, output or ready whole) and writes the whole document into `out`.
 * It knows nothing of caches, sockets or headers: page_cache.c and reply.c do.
 *
 * Threads	one renderer at a time per struct pg.
 * Errors	ERR_INPUT 400, ERR_MISSING 404 with `said` as the plain text; ERR_AWAY when PostgreSQL is.
 */
#ifndef WEB_PAGE_H
#define WEB_PAGE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "domain/settings.h"
#include "store/pg.h"
#include "store/redis.h"

struct page {
	const struct settings *settings;
	const struct stage_names *stages;
	const char *redis_prefix; /* "tracker:ID:" */
	struct pg *pg;
	struct shared *shared; /* where it is noted how Redis is */
	struct redis *redis;   /* calls on it may fail: then the page does without */
	struct arena *arena;
	const char
	    *path[3]; /* decoded parts after the page's own name: /worker/{0}/{1}; NULL = absent */
	const char *query;        /* raw; use url_query */
	const char *content_type; /* preset "text/html; charset=utf-8" */
	struct buf *out;
};

typedef bool page_render(struct page *p, struct err *e);

page_render page_dashboard;   /* / */
page_render page_leaderboard; /* /leaderboard */
page_render page_worker;      /* /worker/{stage}/{name} */
page_render page_person;      /* /person/{nickname} */
page_render page_job;         /* /job/{number} */
page_render page_batch;       /* /batch/{name} */
page_render page_batches;     /* /batches */
page_render page_join;        /* /join */
page_render page_stats;       /* /api/stats.json */
page_render page_badge;       /* /badge.svg, /badge/{nickname}.svg */

#endif
