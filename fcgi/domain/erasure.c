#include "domain/erasure.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "domain/news.h"
#include "domain/stage.h"

#define AT_ONCE 500 /* commands to Redis in one go */
#define SCAN_COUNT "1000"
#define ANYWHERE_FROM 6 /* bytes of a name that is looked for in words, too */

enum { LINE, WORKER, TOKEN, STAGE, FREED, NAMES };

/* A row without a worker tells of a person who never had one. */
static bool
was_here(const struct pg_rows *rows, int i, int first)
{
	return !pg_is_null(rows, i, first + FREED);
}

int
erasure_gone(const struct pg_rows *rows, int first)
{
	int gone = 0;

	for (int i = 0; i < pg_rows_count(rows); i++)
		gone += was_here(rows, i, first);
	return gone;
}

static void
put_news(struct redis *r, const char *channel, const struct news *news)
{
	char text[NEWS_TEXT];

	news_write(text, news);
	redis_put_words(r, "PUBLISH", channel, text, NULL);
}

/* That they are gone, and what is kept of their presence and progress. */
static bool
tell_workers(struct redis *r, const char *prefix, const char *channel, const struct pg_rows *rows,
    int first, struct err *e)
{
	int n = pg_rows_count(rows);

	for (int from = 0; from < n; from += AT_ONCE) {
		redis_begin(r);
		for (int i = from; i < n && i < from + AT_ONCE; i++) {
			const struct news gone = {
			    .kind = NEWS_GONE, .token = pg_uuid(rows, i, first + TOKEN)};
			char key[160];

			if (was_here(rows, i, first))
				put_news(r, channel, &gone);
			snprintf(key, sizeof(key), "%sw:%lld", prefix,
			    (long long)pg_int(rows, i, first + WORKER));
			redis_put_words(r, "DEL", key, NULL);
		}
		if (!redis_flush(r, NULL, NULL, e))
			return false;
	}
	return true;
}

/* Work that they had in hand, and that no page of before is to be shown. */
static bool
tell_rest(
    struct redis *r, const char *channel, const struct pg_rows *rows, int first, struct err *e)
{
	const struct news pages = {.kind = NEWS_PAGES};
	int64_t freed[STAGES_MAX + 1] = {0};

	for (int i = 0; i < pg_rows_count(rows); i++) {
		int64_t stage = pg_int(rows, i, first + STAGE);

		if (was_here(rows, i, first) && stage >= 1 && stage <= STAGES_MAX)
			freed[stage] += pg_int(rows, i, first + FREED);
	}
	redis_begin(r);
	for (int stage = 1; stage <= STAGES_MAX; stage++) {
		const struct news wake = {.kind = NEWS_WAKE, .stage = stage, .count = freed[stage]};

		if (freed[stage] > 0)
			put_news(r, channel, &wake);
	}
	put_news(r, channel, &pages);
	return redis_flush(r, NULL, NULL, e);
}

/* One answer of SCAN: where to go on, and its keys, each with its NUL; they outlive the answer. */
static bool
scan_keys(struct redis *r, const char *match, char cursor[32], struct buf *keys, struct err *e)
{
	const struct redis_value *values;
	size_t n;

	redis_begin(r);
	redis_put_words(r, "SCAN", cursor, "MATCH", match, "COUNT", SCAN_COUNT, NULL);
	if (!redis_flush(r, &values, &n, e))
		return false;
	if (n != 1 || values[0].kind != REDIS_LIST || values[0].count != 2)
		return err_set(e, ERR_BUG, NULL, "SCAN was answered with something else");
	snprintf(cursor, 32, "%s", values[0].items[0].s);
	buf_clear(keys);
	for (size_t i = 0; i < values[0].items[1].count; i++)
		buf_put(keys, values[0].items[1].items[i].s, values[0].items[1].items[i].len + 1);
	return true;
}

static bool
delete_keys(struct redis *r, const struct buf *keys, struct err *e)
{
	redis_begin(r);
	for (size_t at = 0; at < keys->len; at += strlen(keys->data + at) + 1)
		redis_put_words(r, "DEL", keys->data + at, NULL);
	return keys->len == 0 || redis_flush(r, NULL, NULL, e);
}

/* Pages that were rendered before. */
static bool
forget_pages(struct redis *r, const char *prefix, struct err *e)
{
	char cursor[32] = "0", match[160];
	struct buf keys;
	bool ok;

	snprintf(match, sizeof(match), "%spage*", prefix);
	buf_init(&keys, 0);
	do
		ok = scan_keys(r, match, cursor, &keys, e) && delete_keys(r, &keys, e);
	while (ok && strcmp(cursor, "0") != 0);
	buf_fini(&keys);
	return ok;
}

/* Letters and digits; whatever is not ASCII is taken for one. */
static bool
is_of_word(char c)
{
	return isalnum((unsigned char)c) || ((unsigned char)c & 0x80) != 0;
}

/* Whether no word goes on over this place of a text. */
static bool
is_border(const char *text, size_t len, size_t at)
{
	return at == 0 || at == len || !is_of_word(text[at - 1]) || !is_of_word(text[at]);
}

static bool
quotes_one(const char *text, size_t len, const char *name, size_t size, bool anywhere)
{
	for (size_t from = 0; from < len; from++) {
		const char *found = memmem(text + from, len - from, name, size);

		if (!found)
			return false;
		from = (size_t)(found - text);
		if (anywhere || (is_border(text, len, from) && is_border(text, len, from + size)))
			return true;
	}
	return false;
}

static bool
is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] & 0x80)
			return false;
	return true;
}

/* As a word, in whatever case its letters are. Of letters beyond ASCII the case is not known: each may be one of them. */
static bool
quotes_word(const char *text, size_t len, const char *name, size_t size)
{
	struct buf low;
	bool found;

	if (!is_ascii(name, size))
		return !is_ascii(text, len);
	buf_init(&low, 0);
	buf_put(&low, text, len);
	buf_put(&low, name, size);
	if (low.failed) { /* rather gone than told */
		buf_fini(&low);
		return true;
	}
	text_lower(low.data, low.data, low.len);
	found = quotes_one(low.data, len, low.data + len, size, false);
	buf_fini(&low);
	return found;
}

/* Does a text quote one of these names, a line each? See tracker.without_name; what is short goes as with `words`. */
static bool
quotes(const char *text, size_t len, const char *names)
{
	while (*names) {
		size_t size = strcspn(names, "\n");

		if (size > 0 &&
		    (quotes_word(text, len, names, size) ||
			(size >= ANYWHERE_FROM && quotes_one(text, len, names, size, true))))
			return true;
		names += size + (names[size] == '\n');
	}
	return false;
}

/* The progress of these workers, where it quotes a name. */
static bool
forget_quotes(struct redis *r, const struct buf *keys, const char *names, struct err *e)
{
	const struct redis_value *values;
	struct buf quoting;
	size_t n, i = 0;
	bool ok;

	if (keys->len == 0)
		return true;
	redis_begin(r);
	for (size_t at = 0; at < keys->len; at += strlen(keys->data + at) + 1)
		redis_put_words(r, "HGET", keys->data + at, "progress", NULL);
	if (!redis_flush(r, &values, &n, e))
		return false;
	buf_init(&quoting, 0);
	for (size_t at = 0; at < keys->len && i < n; at += strlen(keys->data + at) + 1, i++)
		if (values[i].kind == REDIS_TEXT && quotes(values[i].s, values[i].len, names))
			buf_put(&quoting, keys->data + at, strlen(keys->data + at) + 1);
	redis_begin(r);
	for (size_t at = 0; at < quoting.len; at += strlen(quoting.data + at) + 1)
		redis_put_words(r, "HDEL", quoting.data + at, "progress", "progress_at", NULL);
	if (quoting.failed)
		ok = err_set(
		    e, ERR_BUG, NULL, "no memory for the keys of progress that quotes a name");
	else
		ok = quoting.len == 0 || redis_flush(r, NULL, NULL, e);
	buf_fini(&quoting);
	return ok;
}

/* What others said of their progress and quoted the name in; they say it anew in a moment. */
static bool
forget_progress(struct redis *r, const char *prefix, const char *names, struct err *e)
{
	char cursor[32] = "0", match[160];
	struct buf keys;
	bool ok;

	snprintf(match, sizeof(match), "%sw:*", prefix);
	buf_init(&keys, 0);
	do
		ok = scan_keys(r, match, cursor, &keys, e) && forget_quotes(r, &keys, names, e);
	while (ok && strcmp(cursor, "0") != 0);
	buf_fini(&keys);
	return ok;
}

bool
erasure_tell(
    struct redis *r, const char *project_id, const struct pg_rows *rows, int first, struct err *e)
{
	char prefix[128], channel[128];

	news_prefix(prefix, sizeof(prefix), project_id);
	news_channel(channel, sizeof(channel), project_id);
	return tell_workers(r, prefix, channel, rows, first, e) &&
	    tell_rest(r, channel, rows, first, e) &&
	    forget_progress(r, prefix, pg_text(rows, 0, first + NAMES, NULL), e) &&
	    forget_pages(r, prefix, e);
}

bool
erasure_forget_statistics(struct pg *pg, struct err *e)
{
	return pg_run(pg,
	    "analyze tracker.person, tracker.worker, tracker.strike, tracker.failed,"
	    " tracker.refused_output, tracker.ban, tracker.audit",
	    e);
}
