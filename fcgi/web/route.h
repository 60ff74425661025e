/*
 * route -- what the table of routes says of one address: who answers, and what is checked before.
 *
 * Ownership	the table's, for the life of the process.
 */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include <stdbool.h>

#include "base/err.h"
#include "web/page.h"

struct request;

/* While PostgreSQL is away: say so, or close (v1's client retries). */
enum away { AWAY_503, AWAY_CUT };
enum body {
	NO_BODY,
	WANT_JSON, /* without data: REQUEST_SMALL_BODY at most */
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

#endif
