/*
 * news -- what processes, hosts and programs tell each other through Redis.
 *
 *	channel tracker:ID:wake		"wake STAGE COUNT [FROM]"	"gone TOKENHASH [FROM]"	"pages"
 *
 * Who tells something may name itself, so that it can pass over its own news. Nothing depends on
 * being heard: whoever was not told looks for itself, a second later.
 *
 * Ownership	all inside the struct.
 * Errors	text of any other form is no news: it comes from outside.
 */
#ifndef DOMAIN_NEWS_H
#define DOMAIN_NEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

#define NEWS_TEXT 128
#define NEWS_FROM 17 /* sixteen hexadecimal digits */

enum news_kind {
	NEWS_WAKE,  /* `count` jobs may have appeared in `stage` */
	NEWS_PAGES, /* people were renamed or erased: no page of before is to be shown */
	NEWS_GONE   /* the worker with this hash of its token is gone, or changed */
};

struct news {
	enum news_kind kind;
	int stage;
	int64_t count;
	struct uuid token;
	char from[NEWS_FROM]; /* "" = a program, which alone tells of pages */
};

/* "tracker:ID:": several projects may share a Redis, so all that one keeps there begins with it. */
void news_prefix(char *out, size_t size, const char *project_id);
void news_channel(char *out, size_t size, const char *project_id);
void news_write(char out[NEWS_TEXT], const struct news *news);
bool news_read(struct news *news, const char *text);

#endif
