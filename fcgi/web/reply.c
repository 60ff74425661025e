#include "web/reply.h"

#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "store/sqlstate.h"
#include "web/route.h"

#define RETRY_AFTER_S 5
#define ID_HEAD "X-Request-Id: "
#define CHALLENGE                                                                                  \
	"WWW-Authenticate: Basic realm=\"the key of this name\", charset=\"UTF-8\"\r\n"            \
	"WWW-Authenticate: Bearer\r\n"

static const char *
reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 303:
		return "See Other";
	case 304:
		return "Not Modified";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 413:
		return "Content Too Large";
	case 422:
		return "Unprocessable Content";
	case 429:
		return "Too Many Requests";
	case 503:
		return "Service Unavailable";
	default:
		return "Internal Server Error";
	}
}

static void
count_status(int status)
{
	stat_add(status < 300  ? STAT_REPLIES_2XX
		: status < 400 ? STAT_REPLIES_3XX
		: status < 500 ? STAT_REPLIES_4XX
			       : STAT_REPLIES_5XX,
	    1);
}

/* `name` with its colon and blank. Without printf, which would be a twentieth of a short call. */
static void
put_header(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_puts(out, name);
	buf_puts(out, value);
	buf_puts(out, "\r\n");
}

static void
put_number(struct buf *out, const char *name, int64_t n, const char *after)
{
	buf_puts(out, name);
	buf_put_int(out, n);
	buf_puts(out, after);
}

static void
put_head(struct buf *out, struct request *rq, const struct reply *r, size_t len)
{
	put_number(out, "Status: ", r->status, " ");
	put_header(out, "", reason_of(r->status));
	put_header(out, "Content-Type: ", r->type ? r->type : "text/plain; charset=utf-8");
	put_number(out, "Content-Length: ", (int64_t)len, "\r\n");
	put_header(out, "Cache-Control: ", r->cache ? r->cache : "no-store");
	put_header(out, ID_HEAD, request_id(rq));
	put_header(out, "ETag: ", r->etag);
	put_header(out, "Content-Encoding: ", r->encoding);
	put_header(out, "Vary: ", r->vary);
	put_header(out, "Allow: ", r->allow);
	if (r->status == 401)
		buf_puts(out, CHALLENGE);
	if (r->retry_after_s > 0)
		put_number(out, "Retry-After: ", r->retry_after_s, "\r\n");
	put_header(out, "Location: ", r->location);
	put_header(out, "Set-Cookie: ", r->cookie);
	if (r->file)
		buf_printf(out, "Content-Disposition: attachment; filename=\"%s\"\r\n", r->file);
	buf_puts(out, "\r\n");
}

bool
reply_keep(struct request *rq, const struct reply *r)
{
	size_t len = r->out ? r->out->len : r->len;
	struct buf out;
	bool sent, failed;

	buf_init(&out, 0);
	put_head(&out, rq, r, len);
	if (rq->method != HEAD && r->status != 304)
		buf_put(&out, r->out ? r->out->data : r->body, len);
	/* Half an answer would look like a whole one. */
	failed = out.failed || (r->out && r->out->failed);
	if (failed) {
		stat_add(STAT_CUT, 1);
		fcgx_cut(rq->fcgx);
	} else
		count_status(r->status);
	sent = !failed &&
	    (out.len > FCGX_LONG ? fcgx_tell(rq->fcgx, &out)
				 : fcgx_answer(rq->fcgx, out.data, out.len));
	buf_fini(&out);
	return sent;
}

void
reply_send(struct request *rq, const struct reply *r)
{
	(void)reply_keep(rq, r);
	request_free(rq);
}

void
reply_text(struct request *rq, int status, const char *text)
{
	reply_send(rq, &(struct reply){.status = status, .body = text, .len = strlen(text)});
}

static int
status_of(const struct err *e)
{
	switch (e->kind) {
	case ERR_INPUT:
		return 400;
	case ERR_FIELD:
		return 422;
	case ERR_TOO_LARGE:
		return 413;
	case ERR_METHOD:
		return 405;
	case ERR_MISSING:
		return 404;
	case ERR_KEY:
		return 401;
	case ERR_REFUSED:
		return 403;
	case ERR_AWAY:
	case ERR_BUSY:
		return 503;
	case ERR_SQL:
		return sqlstate_blame(e->sqlstate) == BLAME_CALL ? 500 : 503;
	default:
		return 500;
	}
}

bool
reply_is_later(const struct err *e)
{
	return status_of(e) == 503;
}

static const char *
said_of(int status)
{
	switch (status) {
	case 503:
		return "The tracker cannot reach its database at the moment. Please try again.";
	case 500:
		return "Internal Server Error";
	default:
		return "Bad Request";
	}
}

static void
log_failure(struct request *rq, const struct err *e)
{
	char path[160], why[4 * sizeof(e->why) + 4];

	log_event(LOG_ERROR_, "request_failed", "request=%s path=%s kind=%s at=%s:%d why=%s",
	    request_id(rq), log_quote(path, sizeof(path), rq->path, strlen(rq->path)),
	    err_kind_name(e->kind), e->file ? e->file : "", e->line,
	    log_quote(why, sizeof(why), e->why, strlen(e->why)));
}

/*
 * A cut that the log has a line of: nginx hears the id, for its own line, and then nothing more, so that
 * what its client hears is nothing.
 */
static void
tell_id(struct request *rq)
{
	struct buf head;

	buf_init(&head, 0);
	put_header(&head, ID_HEAD, request_id(rq));
	if (!head.failed)
		fcgx_begin(rq->fcgx, head.data, head.len);
	buf_fini(&head);
}

void
reply_cut(struct request *rq)
{
	stat_add(STAT_CUT, 1);
	fcgx_cut(rq->fcgx);
	request_free(rq);
}

void
reply_error(struct request *rq, const struct err *e)
{
	reply_error_kept(rq, e, NULL);
}

void
reply_error_kept(struct request *rq, const struct err *e, const char *cache)
{
	int status = status_of(e);
	const char *said = e->said ? e->said : said_of(status);

	if (status == 500)
		log_failure(rq, e);
	if (status >= 500 && rq->route && rq->route->away == AWAY_CUT) {
		if (status == 500)
			tell_id(rq);
		reply_cut(rq);
		return;
	}
	reply_send(rq,
	    &(struct reply){.status = status,
		.body = said,
		.len = strlen(said),
		.cache = cache,
		.allow = e->kind == ERR_METHOD && rq->route ? rq->route->allow : NULL,
		.retry_after_s =
		    status == 503 ? RETRY_AFTER_S + (int)random_below(RETRY_AFTER_S) : 0});
}
