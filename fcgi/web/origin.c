#include "web/origin.h"

#include <string.h>
#include <strings.h>

/* The name in "name:port/…". A site is all ports of its host, for browsers too, and Host comes without. */
static size_t
host_len(const char *s)
{
	size_t len = *s == '[' ? strcspn(s, "]") : 0; /* an IPv6 address has colons of its own */

	return len + strcspn(s + len, ":/");
}

static bool
is_same_host(const char *a, const char *b)
{
	size_t len = host_len(a);

	return len > 0 && len == host_len(b) && strncasecmp(a, b, len) == 0;
}

/* localhost, 127.0.0.1, [::1]: no other site can make such a name mean us. */
static bool
is_number(const char *s)
{
	size_t len = host_len(s);

	return *s == '[' || is_same_host(s, "localhost") ||
	    (len > 0 && strspn(s, "0123456789.") >= len);
}

/*
 * Who knows their public name goes by it: another site may let its own name lead to us, and then Host,
 * Origin and Sec-Fetch-Site are all of one piece. A number cannot be made to do so.
 */
static bool
is_ours(const char *origin, const char *host, const char *base_url)
{
	const char *name = strstr(origin, "://"), *public_name = strstr(base_url, "://");

	if (!name) /* "null": a page that hides where it comes from */
		return false;
	name += 3;
	public_name = public_name ? public_name + 3 : "";
	if (*public_name && is_same_host(name, public_name))
		return true;
	return (*public_name == '\0' || is_number(name)) && is_same_host(name, host);
}

bool
origin_is_elsewhere(const struct origin_headers *h, const char *base_url)
{
	if (strcasecmp(h->fetch_site, "cross-site") == 0)
		return true;
	return *h->origin != '\0' && !is_ours(h->origin, h->host, base_url);
}
