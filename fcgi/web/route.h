/*
 * route -- what the table of routes says of one address: who answers, and what is checked before.
 *
 * Ownership	the table's, for the life of the process.
 */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "web/page.h"

struct request;

#define ROUTE_SMALL_BODY (64 * 1024) /* of a call that brings no data */

/* While PostgreSQL is away: say so, or close (v1's client retries). */
enum away { AWAY_503, AWAY_CUT };
enum body {
	NO_BODY,
	WANT_FORM, /* of a page of ours: ROUTE_SMALL_BODY at most */
	WANT_JSON, /* without data: ROUTE_SMALL_BODY at most */
	WANT_DATA  /* body_limit at most */
};

struct route {
	int methods;      /* GET, POST, HEAD */
	const char *path; /* ends in "/": a prefix, what follows is path_part[] */
	bool (*handle)(struct request *rq, struct err *e);
	enum body body;
	enum away away;
	page_render *page; /* of handle_page */
	const char *allow; /* for a 405 */
};

/* The longest body that it takes. */
static inline size_t
route_body_most(const struct route *route, size_t body_limit)
{
	if (route->body == NO_BODY)
		return 0;
	return route->body != WANT_DATA && body_limit > ROUTE_SMALL_BODY ? ROUTE_SMALL_BODY
									 : body_limit;
}

#endif
