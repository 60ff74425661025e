/*
 * origin -- whether a browser speaks to us on behalf of another site.
 *
 * A page of another site can make a visitor's browser send whatever it likes; browsers say so, and
 * nothing else sends these headers. A page of ours that asks for /api/stats.json is of this site.
 *
 * Source	Fetch standard, "Origin" and "Sec-Fetch-Site"; DNS rebinding.
 */
#ifndef WEB_ORIGIN_H
#define WEB_ORIGIN_H

#include <stdbool.h>

struct origin_headers {
	const char *fetch_site, *origin, *host; /* "" when absent */
};

/*
 * `base_url` is the public address of the tracker, where it is known: then it decides, and Host only for who
 * came by a number or to localhost.
 */
bool origin_is_elsewhere(const struct origin_headers *h, const char *base_url);

#endif
