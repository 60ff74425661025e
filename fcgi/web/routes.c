#include "web/routes.h"

#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "web/origin.h"
#include "web/reply.h"

static const struct route routes[] = {
    /* The job API, version 1: what the published client speaks. */
    {GET, "/api/new", api_new, NO_BODY, AWAY_CUT, .allow = "GET"},
    {POST, "/api/validateWorker", api_validate_worker, WANT_JSON, AWAY_CUT, .allow = "POST"},
    {GET | HEAD, "/api/jobCount", api_job_count, NO_BODY, AWAY_CUT, .allow = "GET, HEAD"},
    {POST, "/api/newJob", api_new_job, WANT_JSON, AWAY_CUT, .allow = "POST"},
    {POST, "/api/updateProgress", api_update_progress, WANT_JSON, AWAY_CUT, .allow = "POST"},
    {POST, "/api/completeJob", api_complete_job, WANT_DATA, AWAY_CUT, .allow = "POST"},
    {POST, "/api/flagInvalidData", api_flag_invalid_data, WANT_JSON, AWAY_CUT, .allow = "POST"},
    {POST, "/api/bye", api_bye, WANT_JSON, AWAY_CUT, .allow = "POST"},

    /* One call for a fleet. */
    {POST, "/api/sync", api_sync, WANT_DATA, AWAY_503, .allow = "POST"},

    /* Pages. */
    {GET | HEAD, "/", handle_page, NO_BODY, AWAY_503, page_dashboard, "GET, HEAD"},
    {GET | HEAD, "/leaderboard", handle_page, NO_BODY, AWAY_503, page_leaderboard, "GET, HEAD"},
    {GET | HEAD, "/worker/", handle_page, NO_BODY, AWAY_503, page_worker, "GET, HEAD"},
    {GET | HEAD, "/person/", handle_page, NO_BODY, AWAY_503, page_person, "GET, HEAD"},
    {GET | HEAD, "/job/", handle_page, NO_BODY, AWAY_503, page_job, "GET, HEAD"},
    {GET | HEAD, "/batch/", handle_page, NO_BODY, AWAY_503, page_batch, "GET, HEAD"},
    {GET | HEAD, "/batches", handle_page, NO_BODY, AWAY_503, page_batches, "GET, HEAD"},
    {GET | HEAD, "/join", handle_page, NO_BODY, AWAY_503, page_join, "GET, HEAD, POST"},
    {POST, "/join", handle_join, WANT_FORM, AWAY_503, .allow = "GET, HEAD, POST"},
    {GET | HEAD, "/me", handle_own, NO_BODY, AWAY_503, .allow = "GET, HEAD, POST"},
    {POST, "/me", handle_own, WANT_FORM, AWAY_503, .allow = "GET, HEAD, POST"},
    {GET | HEAD, "/api/stats.json", handle_page, NO_BODY, AWAY_503, page_stats, "GET, HEAD"},
    {GET | HEAD, "/badge.svg", handle_page, NO_BODY, AWAY_503, page_badge, "GET, HEAD"},
    {GET | HEAD, "/badge/", handle_page, NO_BODY, AWAY_503, page_badge, "GET, HEAD"},

    /* For who runs it; nginx lets only loopback in. */
    {GET | HEAD, "/healthz", api_healthz, NO_BODY, AWAY_503, .allow = "GET, HEAD"},
    {GET | HEAD, "/readyz", api_readyz, NO_BODY, AWAY_503, .allow = "GET, HEAD"},
    {GET | HEAD, "/metrics", api_metrics, NO_BODY, AWAY_503, .allow = "GET, HEAD"},
};

#define PATH_PARTS (sizeof((struct request *)NULL)->path_part / sizeof(char *))

static bool
is_prefix(const struct route *route)
{
	size_t len = strlen(route->path);

	return len > 1 && route->path[len - 1] == '/';
}

static bool
matches(const struct route *route, const char *path, size_t len)
{
	size_t own = strlen(route->path);

	return (is_prefix(route) ? len >= own : len == own) && memcmp(path, route->path, own) == 0;
}

static const struct route *
find(const char *path, size_t len, int methods)
{
	const struct route *of_path = NULL;

	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (matches(&routes[i], path, len)) {
			if (routes[i].methods & methods)
				return &routes[i];
			of_path = &routes[i];
		}
	return of_path;
}

static size_t
body_of(const struct fcgx_limits *limits, const char *uri, size_t len)
{
	const char *query = memchr(uri, '?', len);
	const struct route *route = find(uri, query ? (size_t)(query - uri) : len, POST);

	return route ? route_body_most(route, limits->body_most) : 0;
}

struct fcgx_limits
route_limits(const struct settings *settings)
{
	return (struct fcgx_limits){(size_t)settings->body_limit, body_of};
}

/* What follows a prefix, split at slashes and decoded; more parts than there is room for: no such path. */
static bool
split_path(struct request *rq, struct err *e)
{
	const char *s = rq->path + strlen(rq->route->path);
	size_t ignored;

	for (size_t i = 0; *s != '\0'; i++) {
		size_t len = strcspn(s, "/");

		if (i == PATH_PARTS)
			return err_set(e, ERR_MISSING, "Not Found", "too many parts");
		if (!url_decode(&rq->arena, s, len, &rq->path_part[i], &ignored, e))
			return err_set(e, ERR_MISSING, "Not Found", "path does not decode");
		s += len;
		s += *s == '/';
	}
	return true;
}

static bool
prepare(struct request *rq, struct err *e)
{
	if ((rq->route->methods & (int)rq->method) == 0)
		return err_set(e, ERR_METHOD, "Method Not Allowed", "method");
	if (is_prefix(rq->route) && !split_path(rq, e))
		return false;
	return rq->route->body == NO_BODY ||
	    (request_read_body(rq, e) &&
		(rq->route->body == WANT_FORM ? request_check_form(rq, e)
					      : request_scan_json(rq, e)));
}

/* Pages may be linked to from anywhere; what a worker says may not be said through a visitor. */
static bool
is_of_another_site(struct request *rq)
{
	const struct origin_headers headers = {
	    .fetch_site = request_param(rq, "HTTP_SEC_FETCH_SITE"),
	    .origin = request_param(rq, "HTTP_ORIGIN"),
	    .host = request_param(rq, "HTTP_HOST")};

	return (text_starts(rq->path, "/api/") || rq->method == POST) &&
	    origin_is_elsewhere(&headers, rq->tracker->settings->base_url);
}

void
route_request(struct request *rq)
{
	struct err e = ERR_INIT;

	if (is_of_another_site(rq)) {
		err_set(
		    &e, ERR_REFUSED, "Pages of other sites may not speak to this one.", "origin");
		reply_error(rq, &e);
		return;
	}
	rq->route = find(rq->path, strlen(rq->path), (int)rq->method);
	if (!rq->route) {
		err_set(&e, ERR_MISSING, "Not Found", "no such path");
		reply_error(rq, &e);
		return;
	}
	if (!prepare(rq, &e) || !rq->route->handle(rq, &e))
		reply_error(rq, &e);
}
