/*
 * page_cache -- each page is rendered once a period, whatever the crowd and however many processes.
 *
 * A page is kept here and in Redis, as it is and as gzip: compressed once when it is rendered, and by
 * us, for nginx would take its Content-Length away. Who finds it stale first refreshes it; others get
 * it as it was meanwhile; where there is none yet they wait for the one that renders. Among processes
 * a short lock in Redis chooses who renders; without Redis each process renders for itself.
 *
 * Threads	handle_page from acceptors; refreshing runs on the reader (OP_RENDER).
 * Ownership	page_cache_new/_free. Holds at most PAGE_CACHE_BYTES; the oldest go.
 */
#ifndef WEB_PAGE_CACHE_H
#define WEB_PAGE_CACHE_H

#include "domain/health.h"
#include "web/request.h"

#define PAGE_CACHE_BYTES (32 * 1024 * 1024)

struct page_cache;

struct page_cache *page_cache_new(struct tracker *t);
void page_cache_free(struct page_cache *c);

/* Nothing that was rendered, or began to be, before now is shown or kept any more. Any thread. */
void page_cache_forget(struct page_cache *c);

#define READER_PATIENCE_MS 10000 /* with PostgreSQL, for one statement */

/* What the reader has for rendering. */
struct reader {
	struct tracker *tracker;
	struct pg *pg;
	struct redis *redis;
	int64_t probed_us; /* web/api_ops's: when it last wrote for /readyz, and what came of it */
	struct health probe;
};

#endif
