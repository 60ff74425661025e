#include "domain/news.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "domain/stage.h"

#define PREFIX "tracker:%s:"

void
news_prefix(char *out, size_t size, const char *project_id)
{
	snprintf(out, size, PREFIX, project_id);
}

void
news_channel(char *out, size_t size, const char *project_id)
{
	snprintf(out, size, PREFIX "wake", project_id);
}

void
news_write(char out[NEWS_TEXT], const struct news *news)
{
	const char *blank = *news->from ? " " : "";
	char hash[UUID_TEXT];

	if (news->kind == NEWS_WAKE) {
		snprintf(out, NEWS_TEXT, "wake %d %" PRId64 "%s%s", news->stage, news->count, blank,
		    news->from);
		return;
	}
	if (news->kind == NEWS_PAGES) {
		snprintf(out, NEWS_TEXT, "pages");
		return;
	}
	uuid_text(hash, &news->token);
	snprintf(out, NEWS_TEXT, "gone %s%s%s", hash, blank, news->from);
}

bool
news_read(struct news *news, const char *text)
{
	char hash[UUID_TEXT];

	*news = (struct news){.kind = NEWS_WAKE};
	if (sscanf(text, "wake %d %" SCNd64 " %16s", &news->stage, &news->count, news->from) >= 2)
		return news->stage >= 1 && news->stage <= STAGES_MAX && news->count >= 0;
	if (strcmp(text, "pages") == 0) {
		news->kind = NEWS_PAGES;
		return true;
	}
	news->kind = NEWS_GONE;
	return sscanf(text, "gone %36s %16s", hash, news->from) >= 1 &&
	    uuid_parse(&news->token, hash, strlen(hash));
}
