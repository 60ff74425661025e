#include "web/routes.h"

#include <string.h>

#include "base/url.h"
#include "web/reply.h"

static const struct route routes[] = {
    /* The job API, version 1: what the published client speaks. */
    {GET, "/api/new", api_new, NO_BODY, AWAY_CUT, .allow = "GET, HEAD"},
    {POST, "/api/validateWorker", api_validate_worker, WANT_JSON, AWAY_CUT, .allow = "POST"},
    {GET, "/api/jobCount", api_job_count, NO_BODY, AWAY_CUT, .allow = "GET, HEAD"},
    {POST, "/api/newJob", api_new_job, WANT_JSON, AWAY_CUT, .allow = "POST"},
    {POST, "/api/updateProgress", api_update_progress, WANT_JSON, AWAY_CUT, .allow = "POST"},
    {POST, "/api/completeJob", api_complete_job, WANT_JSON, AWAY_CUT, .allow = "POST"},
    {POST, "/api/flagInvalidData", api_flag_invalid_data, WANT_JSON, AWAY_CUT, .allow = "POST"},
    {POST, "/api/bye", api_bye, WANT_JSON, AWAY_CUT, .allow = "POST"},

    /* One call for a fleet. */
    {POST, "/api/sync", api_sync, WANT_JSON, AWAY_503, .allow = "POST"},

    /* Pages. */
    {GET, "/", handle_page, NO_BODY, AWAY_503, page_dashboard, "GET, HEAD"},
    {GET, "/leaderboard", handle_page, NO_BODY, AWAY_503, page_leaderboard, "GET, HEAD"},
    {GET, "/worker/", handle_page, NO_BODY, AWAY_503, page_worker, "GET, HEAD"},
    {GET, "/person/", handle_page, NO_BODY, AWAY_503, page_person, "GET, HEAD"},
    {GET, "/job/", handle_page, NO_BODY, AWAY_503, page_job, "GET, HEAD"},
    {GET, "/api/stats.json", handle_page, NO_BODY, AWAY_503, page_stats, "GET, HEAD"},
    {GET, "/badge.svg", handle_page, NO_BODY, AWAY_503, page_badge, "GET, HEAD"},
    {GET, "/badge/", handle_page, NO_BODY, AWAY_503, page_badge, "GET, HEAD"},

    /* For who runs it; nginx lets only loopback in. */
    {GET, "/healthz", api_healthz, NO_BODY, AWAY_503, .allow = "GET, HEAD"},
    {GET, "/readyz", api_readyz, NO_BODY, AWAY_503, .allow = "GET, HEAD"},
    {GET, "/metrics", api_metrics, NO_BODY, AWAY_503, .allow = "GET, HEAD"},
};

#define PARTS (sizeof((struct request *)NULL)->path_part / sizeof(char *))

static bool
is_prefix(const struct route *route)
{
	size_t len = strlen(route->path);

	return len > 1 && route->path[len - 1] == '/';
}

static bool
matches(const struct route *route, const char *path)
{
	return is_prefix(route) ? strncmp(path, route->path, strlen(route->path)) == 0
				: strcmp(path, route->path) == 0;
}

static const struct route *
find(const char *path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (matches(&routes[i], path))
			return &routes[i];
	return NULL;
}

/* What follows a prefix, split at slashes and decoded; more parts than there is room for: no such path. */
static bool
split_path(struct request *rq, struct err *e)
{
	const char *s = rq->path + strlen(rq->route->path);
	size_t ignored;

	for (size_t i = 0; *s != '\0'; i++) {
		size_t len = strcspn(s, "/");

		if (i == PARTS)
			return err_set(e, ERR_MISSING, "Not Found", "too many parts");
		if (!url_decode(&rq->arena, s, len, &rq->path_part[i], &ignored, e))
			return err_set(e, ERR_MISSING, "Not Found", "path does not decode");
		s += len;
		s += *s == '/';
	}
	return true;
}

static bool
method_fits(const struct route *route, enum method method)
{
	return (route->methods & (int)method) != 0 ||
	    (method == HEAD && (route->methods & GET) != 0);
}

static bool
prepare(struct request *rq, struct err *e)
{
	if (!method_fits(rq->route, rq->method))
		return err_set(e, ERR_METHOD, "Method Not Allowed", "method");
	if (is_prefix(rq->route) && !split_path(rq, e))
		return false;
	if (rq->route->body == WANT_JSON)
		return request_read_body(rq, e) && request_parse_json(rq, e);
	return true;
}

void
route_request(struct request *rq)
{
	struct err e = ERR_INIT;

	rq->route = find(rq->path);
	if (!rq->route) {
		err_set(&e, ERR_MISSING, "Not Found", "no such path");
		reply_error(rq, &e);
		return;
	}
	if (!prepare(rq, &e) || !rq->route->handle(rq, &e))
		reply_error(rq, &e);
}
