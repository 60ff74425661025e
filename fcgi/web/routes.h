/*
 * routes -- the one table of what can be asked.
 *
 * A handler finds its preconditions checked: method, body read and within the limit, JSON parsed,
 * path parts decoded. It either replies, or makes an op whose answer will reply; when it answers
 * false nothing was replied, and the router says the error.
 */
#ifndef WEB_ROUTES_H
#define WEB_ROUTES_H

#include <stdbool.h>

#include "base/err.h"
#include "web/request.h"
#include "web/route.h"

/* What of a body is of use, by its address. */
struct fcgx_limits route_limits(const struct settings *settings);
/* Answers the request, now or later. Takes it over. */
void route_request(struct request *rq);

/* The handlers, each in the file of its name. */
bool api_new(struct request *rq, struct err *e);
bool api_validate_worker(struct request *rq, struct err *e);
bool api_job_count(struct request *rq, struct err *e);
bool api_new_job(struct request *rq, struct err *e);
bool api_update_progress(struct request *rq, struct err *e);
bool api_complete_job(struct request *rq, struct err *e);
bool api_flag_invalid_data(struct request *rq, struct err *e);
bool api_bye(struct request *rq, struct err *e);
bool api_sync(struct request *rq, struct err *e);
bool handle_join(struct request *rq, struct err *e);
bool handle_own(struct request *rq, struct err *e);
bool handle_page(struct request *rq, struct err *e);
bool api_healthz(struct request *rq, struct err *e);
bool api_readyz(struct request *rq, struct err *e);
bool api_metrics(struct request *rq, struct err *e);

#endif
