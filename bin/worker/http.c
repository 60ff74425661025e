#include "worker/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "worker/say.h"

#define HTTP_CONNECT_MS 15000L
#define HTTP_ANSWER_MAX                                                                            \
	((size_t)512 << 20) /* 1,000 jobs; the tracker's own bundles end at 16 MiB */

struct http {
	CURLM *multi;
	struct curl_slist *headers;
	struct http_options options;
};

struct http *
http_open(const struct http_options *o, struct err *e)
{
	struct http *h;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(e, ERR_BUG, NULL, "libcurl cannot start");
		return NULL;
	}
	h = calloc(1, sizeof(*h));
	if (!h || !(h->multi = curl_multi_init())) {
		free(h);
		err_set(e, ERR_BUG, NULL, "out of memory");
		return NULL;
	}
	h->options = *o;
	h->headers = curl_slist_append(NULL, "Content-Type: application/json");
	/* No "Expect: 100-continue": it would cost a round trip for each big result. */
	h->headers = curl_slist_append(h->headers, "Expect:");
	return h;
}

void
http_close(struct http *h)
{
	if (!h)
		return;
	curl_slist_free_all(h->headers);
	curl_multi_cleanup(h->multi);
	free(h);
	curl_global_cleanup();
}

void
http_call_init(struct http_call *c, void (*ended)(struct http_call *), void *owner)
{
	memset(c, 0, sizeof(*c));
	buf_init(&c->body, 0);
	buf_init(&c->answer, HTTP_ANSWER_MAX);
	c->ended = ended;
	c->owner = owner;
}

void
http_call_fini(struct http *h, struct http_call *c)
{
	http_cancel(h, c);
	if (c->easy)
		curl_easy_cleanup(c->easy);
	c->easy = NULL;
	buf_fini(&c->body);
	buf_fini(&c->answer);
}

void
http_cancel(struct http *h, struct http_call *c)
{
	if (!c->busy)
		return;
	curl_multi_remove_handle(h->multi, c->easy);
	c->busy = false;
}

static size_t
take_answer(char *bytes, size_t one, size_t count, void *ctx)
{
	struct http_call *c = ctx;

	buf_put(&c->answer, bytes, one * count);
	return c->answer.failed ? 0 : one * count;
}

static size_t
give_body(char *room, size_t one, size_t count, void *ctx)
{
	struct http_call *c = ctx;
	size_t left = c->body.len - c->sent, n = one * count < left ? one * count : left;

	memcpy(room, c->body.data + c->sent, n);
	c->sent += n;
	return n;
}

/*
 * When a kept connection dies before the answer, libcurl would send the request again by itself; the
 * first one may have been heard, and its answer held jobs. Refused, so that the caller knows.
 */
static int
rewind_body(void *ctx, curl_off_t offset, int origin)
{
	struct http_call *c = ctx;

	(void)origin;
	return offset == 0 && c->sent == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static void
set_trust(CURL *easy, const struct http_options *o)
{
	if (o->cacert)
		curl_easy_setopt(easy, CURLOPT_CAINFO, o->cacert);
	if (o->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void
set_call(struct http *h, struct http_call *c, const char *url, int64_t timeout_ms)
{
	CURL *easy = c->easy;

	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_URL, url);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#endif
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "distcompute-worker/1.0");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, HTTP_CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	/* Wait for the first call's connection rather than open another, if it can carry both. */
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
	if (c->body.len > 0) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(easy, CURLOPT_READDATA, c);
		curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body);
		curl_easy_setopt(easy, CURLOPT_SEEKDATA, c);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.len);
	}
	set_trust(easy, &h->options);
}

void
http_start(struct http *h, struct http_call *c, const char *path, int64_t timeout_ms)
{
	struct buf url;

	if (!c->easy)
		c->easy = curl_easy_init();
	if (!c->easy)
		abort();
	buf_clear(&c->answer);
	c->error[0] = '\0';
	c->sent = 0;
	c->status = 0;
	c->retry_after_s = 0;
	c->distrusted = false;
	buf_init(&url, 0);
	buf_printf(&url, "%s%s", h->options.url, path);
	set_call(h, c, url.data, timeout_ms);
	buf_fini(&url);
	say(SAY_DEBUG, "> %s %s (%zu bytes)", c->body.len > 0 ? "POST" : "GET", path, c->body.len);
	c->busy = true;
	curl_multi_add_handle(h->multi, c->easy);
}

static bool
is_distrust(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
	    code == CURLE_SSL_ISSUER_ERROR;
}

static void
end_call(struct http *h, CURL *easy, CURLcode code)
{
	struct http_call *c = NULL;
	curl_off_t after = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&c);
	curl_multi_remove_handle(h->multi, easy);
	c->busy = false;
	if (code == CURLE_OK) {
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &c->status);
		if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK)
			c->retry_after_s = (int64_t)after;
	} else {
		c->distrusted = is_distrust(code);
		if (c->error[0] == '\0')
			strncpy(c->error, curl_easy_strerror(code), sizeof(c->error) - 1);
	}
	say(SAY_DEBUG, "< %ld %s(%zu bytes)", c->status, c->error, c->answer.len);
	c->ended(c);
}

static bool
end_calls(struct http *h)
{
	bool any = false;
	CURLMsg *m;
	int n;

	curl_multi_perform(h->multi, &n);
	while ((m = curl_multi_info_read(h->multi, &n))) {
		if (m->msg != CURLMSG_DONE)
			continue;
		end_call(h, m->easy_handle, m->data.result);
		any = true;
	}
	return any;
}

void
http_wait(struct http *h, int fd, int64_t timeout_ms)
{
	struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};

	if (end_calls(h))
		return;
	curl_multi_poll(h->multi, &extra, 1, (int)(timeout_ms > 60000 ? 60000 : timeout_ms), NULL);
	end_calls(h);
}
