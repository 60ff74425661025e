#include "worker/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "worker/say.h"

#define CONNECT_MS 15000L
#define HEAD_MAX ((size_t)256 << 10)
#define BYTES_A_MS 16 /* of a long body: slow lines take long, but do not take for ever */
#define HOPS_MAX 3

struct http {
	CURLM *multi;
	struct curl_slist *headers;
	struct curl_slist *keyed; /* the same, and the key */
	struct http_options options;
	char *url;   /* where the tracker is now */
	size_t held; /* bytes of answers, of all calls */
};

static char *
keep(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	return copy;
}

static void
add_key(struct http *h, const char *key)
{
	struct buf line;

	buf_init(&line, 0);
	buf_printf(&line, "Authorization: Bearer %s", key);
	if (line.failed)
		abort();
	for (const struct curl_slist *one = h->headers; one; one = one->next)
		h->keyed = curl_slist_append(h->keyed, one->data);
	h->keyed = curl_slist_append(h->keyed, line.data);
	buf_fini(&line);
}

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
	h->url = keep(o->url);
	h->headers = curl_slist_append(NULL, "Content-Type: application/json");
	/* No "Expect: 100-continue": it would cost a round trip for each big result. */
	h->headers = curl_slist_append(h->headers, "Expect:");
	if (o->key)
		add_key(h, o->key);
	return h;
}

void
http_close(struct http *h)
{
	if (!h)
		return;
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->keyed);
	curl_multi_cleanup(h->multi);
	free(h->url);
	free(h);
	curl_global_cleanup();
}

const char *
http_url(const struct http *h)
{
	return h->url;
}

void
http_call_init(struct http_call *c, size_t most, void (*ended)(struct http_call *), void *owner)
{
	memset(c, 0, sizeof(*c));
	buf_init(&c->body, 0);
	buf_init(&c->answer, most);
	c->ended = ended;
	c->owner = owner;
}

/* A long one is not kept room for. */
static void
free_answer(struct http_call *c)
{
	size_t most = c->answer.limit;

	if (c->http)
		c->http->held -= c->answer.len;
	buf_fini(&c->answer);
	buf_init(&c->answer, most);
}

void
http_call_fini(struct http *h, struct http_call *c)
{
	http_cancel(h, c);
	if (c->easy)
		curl_easy_cleanup(c->easy);
	c->easy = NULL;
	free(c->path);
	c->path = NULL;
	free_answer(c);
	buf_fini(&c->body);
}

void
http_cancel(struct http *h, struct http_call *c)
{
	if (!c->busy)
		return;
	curl_multi_remove_handle(h->multi, c->easy);
	c->busy = false;
	free_answer(c);
}

static size_t
take_answer(char *bytes, size_t one, size_t count, void *ctx)
{
	struct http_call *c = ctx;

	if (one * count > c->http->options.most - c->http->held)
		c->answer.failed = true;
	else
		buf_put(&c->answer, bytes, one * count);
	if (c->answer.failed)
		return 0;
	c->http->held += one * count;
	return one * count;
}

static size_t
take_head(char *bytes, size_t one, size_t count, void *ctx)
{
	struct http_call *c = ctx;

	(void)bytes;
	c->head += one * count;
	return c->head > HEAD_MAX ? 0 : one * count;
}

static size_t
give_body(char *room, size_t one, size_t count, void *ctx)
{
	struct http_call *c = ctx;
	size_t left = c->body.len - c->sent, n = one * count < left ? one * count : left;

	if (c->body.failed) /* half of what is to be said is nothing that may be heard */
		return CURL_READFUNC_ABORT;
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

/* Nobody on the way reads it. */
static bool
key_is_safe(const char *url)
{
	static const char *const here[] = {"http://localhost", "http://127.0.0.1", "http://[::1]"};

	if (text_starts(url, "https://"))
		return true;
	if (strchr(url, '@'))
		return false;
	for (size_t i = 0; i < sizeof(here) / sizeof(*here); i++)
		if (text_starts(url, here[i]) && strchr(":/", url[strlen(here[i])]))
			return true;
	return false;
}

static void
set_call(struct http *h, struct http_call *c, const char *url)
{
	CURL *easy = c->easy;
	int64_t timeout_ms = c->timeout_ms + (int64_t)(c->body.len / BYTES_A_MS);

	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_URL, url);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#endif
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "distcompute-worker/1.0");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
	    c->keyed && h->keyed && key_is_safe(h->url) ? h->keyed : h->headers);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	/* Wait for the first call's connection rather than open another, if it can carry both. */
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
	if (c->body.len > 0 || c->body.failed) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(easy, CURLOPT_READDATA, c);
		curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body);
		curl_easy_setopt(easy, CURLOPT_SEEKDATA, c);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.len);
	}
	set_trust(easy, &h->options);
}

static void
send_call(struct http *h, struct http_call *c)
{
	const char *to;
	struct buf url;

	free_answer(c);
	c->http = h;
	c->error[0] = '\0';
	c->sent = c->head = 0;
	c->status = 0;
	c->retry_after_s = 0;
	c->distrusted = c->cut = false;
	buf_init(&url, 0);
	buf_printf(&url, "%s%s", h->url, c->path);
	to = buf_text(&url);
	if (!to)
		abort();
	set_call(h, c, to);
	buf_fini(&url);
	say(SAY_DEBUG, "> %s %s (%zu bytes)", c->body.len > 0 ? "POST" : "GET", c->path,
	    c->body.len);
	c->busy = true;
	curl_multi_add_handle(h->multi, c->easy);
}

static void
start(struct http *h, struct http_call *c, const char *path, int64_t timeout_ms)
{
	if (!c->easy)
		c->easy = curl_easy_init();
	if (!c->easy || !path)
		abort();
	free(c->path);
	c->path = keep(path);
	c->timeout_ms = timeout_ms;
	c->hops = 0;
	send_call(h, c);
}

void
http_start(struct http *h, struct http_call *c, const char *path, int64_t timeout_ms)
{
	c->keyed = false;
	start(h, c, path, timeout_ms);
}

void
http_start_keyed(struct http *h, struct http_call *c, const char *path, int64_t timeout_ms)
{
	c->keyed = true;
	start(h, c, path, timeout_ms);
	if (h->keyed && !key_is_safe(h->url))
		say(SAY_WARN, "the key stays here: %s is not https", h->url);
}

/* ---- a tracker that has moved ----------------------------------------------------------------- */

/* A part of an address, "" when it has none; free() it. */
static char *
part_of(CURLU *url, CURLUPart part)
{
	char *text = NULL, *copy;

	copy = keep(curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK ? text : "");
	curl_free(text);
	return copy;
}

static bool
same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	char *of_a = part_of(a, part), *of_b = part_of(b, part);
	bool same = strcasecmp(of_a, of_b) == 0;

	free(of_a);
	free(of_b);
	return same;
}

/* The same host, over TLS from now on or by the same door as before. */
static bool
may_follow(CURLU *from, CURLU *to)
{
	char *scheme = part_of(to, CURLUPART_SCHEME);
	bool ok = strcmp(scheme, "https") == 0 ||
	    (same_part(from, to, CURLUPART_SCHEME) && same_part(from, to, CURLUPART_PORT));

	free(scheme);
	return ok && same_part(from, to, CURLUPART_HOST) && same_part(from, to, CURLUPART_USER) &&
	    same_part(from, to, CURLUPART_PASSWORD);
}

/* The address of the tracker by where it sends us; NULL when that is not the path that we asked for. */
static char *
base_of(const char *target, const char *path)
{
	size_t len = strlen(target), tail = strlen(path);
	char *base;

	if (len <= tail || strcmp(target + len - tail, path) != 0)
		return NULL;
	base = keep(target);
	base[len - tail] = '\0';
	return base;
}

/* True: the call is under way once more. */
static bool
follow(struct http *h, struct http_call *c, const char *target)
{
	CURLU *from = curl_url(), *to = curl_url();
	char *base = base_of(target, c->path);
	bool ok = from && to && base && c->hops < HOPS_MAX && c->status != 303 &&
	    curl_url_set(from, CURLUPART_URL, h->url, 0) == CURLUE_OK &&
	    curl_url_set(to, CURLUPART_URL, target, 0) == CURLUE_OK && may_follow(from, to);

	curl_url_cleanup(from);
	curl_url_cleanup(to);
	if (!ok) {
		snprintf(c->error, sizeof(c->error), "it sends us to %.150s (see --url)", target);
		free(base);
		return false;
	}
	if (strcmp(base, h->url) != 0)
		say(SAY_INFO, "the tracker is at %s now (--url %s is out of date)", base, h->url);
	free(h->url);
	h->url = base;
	c->hops++;
	send_call(h, c);
	return true;
}

/* ---- the end of a call ------------------------------------------------------------------------ */

static bool
is_distrust(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
	    code == CURLE_SSL_ISSUER_ERROR;
}

/* Once sent, it was not answered by as much as a byte. */
static bool
is_cut(CURLcode code)
{
	return code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_HTTP2 ||
	    code == CURLE_HTTP2_STREAM;
}

static void
note_end(struct http_call *c, CURLcode code)
{
	curl_off_t after = 0, took_us = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &c->status);
	curl_easy_getinfo(c->easy, CURLINFO_TOTAL_TIME_T, &took_us);
	c->took_ms = (int64_t)took_us / 1000;
	if (curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
		c->retry_after_s = (int64_t)after;
	if (code == CURLE_OK)
		return;
	c->cut = is_cut(code) && c->status == 0;
	c->status = 0;
	c->distrusted = is_distrust(code);
	if (c->body.failed)
		snprintf(c->error, sizeof(c->error), "no memory for what is to be said");
	else if (c->answer.failed)
		snprintf(
		    c->error, sizeof(c->error), "its answer is over %zu bytes", c->answer.limit);
	else if (c->error[0] == '\0')
		snprintf(c->error, sizeof(c->error), "%s", curl_easy_strerror(code));
}

static void
end_call(struct http *h, CURL *easy, CURLcode code)
{
	struct http_call *c = NULL;
	char *target = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&c);
	curl_multi_remove_handle(h->multi, easy);
	c->busy = false;
	note_end(c, code);
	say(SAY_DEBUG, "< %ld %s(%zu bytes)", c->status, c->error, c->answer.len);
	if (c->status >= 300 && c->status < 400 &&
	    curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &target) == CURLE_OK && target &&
	    follow(h, c, target))
		return;
	c->ended(c);
	if (!c->busy)
		free_answer(c);
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
