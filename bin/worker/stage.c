#include "worker/stage.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "worker/talk.h"

#define ANSWER_MS 60000
#define STATS_MAX ((size_t)4 << 20)
#define STAGES_MOST 64 /* of an answer that are looked at */

struct stage {
	struct worker *w;
	struct http_call call;
};

/* Sets the worker's stage when its name is the one; in any case adds the name to those that there are. */
static void
take_stage(struct stage *s, struct json_span item, struct buf *names)
{
	struct scan_field f[] = {{.name = "stage"}, {.name = "name"}};
	struct json_text letter, name;

	if (!scan_members(item, f, 2) || !talk_text(&s->call, f[0].value, 1, &letter) ||
	    !talk_text(&s->call, f[1].value, 128, &name))
		return;
	if (strcasecmp(name.s, s->w->o.stage) == 0)
		s->w->stage[0] = letter.s[0];
	buf_printf(names, "%s%s", names->len > 0 ? ", " : "", name.s);
}

static void
on_stats(struct http_call *c)
{
	struct scan_field stages = {.name = "stages"};
	struct stage *s = c->owner;
	enum meaning meaning = talk_meaning(c);
	struct json_span rest, item;
	char said[300];
	const char *all;
	struct buf names;

	if (meaning == MEANS_AWAY || meaning == MEANS_DISTRUSTED) {
		talk_take_away(s->w, c, meaning);
		return;
	}
	buf_init(&names, 0);
	if (meaning == MEANS_ANSWER && talk_read(c, &stages, 1)) {
		rest = stages.value;
		for (int n = 0; n < STAGES_MOST && scan_next(&rest, &item); n++)
			take_stage(s, item, &names);
	}
	all = buf_text(&names);
	if (all && *all)
		snprintf(said, sizeof(said), "there is no stage '%s' here: it has %s",
		    s->w->o.stage, all);
	else
		snprintf(said, sizeof(said),
		    "%s does not tell what its stages are called: give --stage a letter",
		    s->w->o.url);
	if (s->w->stage[0] == '\0')
		worker_note_trouble(s->w, TROUBLE_STAGE, said);
	else
		worker_reached(s->w);
	buf_fini(&names);
}

int64_t
stage_tick(struct stage *s, int64_t now_us)
{
	if (s->call.busy || s->w->trouble != TROUBLE_NONE)
		return INT64_MAX;
	if (backoff_holds(&s->w->backoff, now_us))
		return s->w->backoff.until_us;
	http_start(s->w->http, &s->call, "/api/stats.json", ANSWER_MS);
	return INT64_MAX;
}

struct stage *
stage_new(struct worker *w)
{
	struct stage *s = calloc(1, sizeof(*s));
	const char *text = w->o.stage;
	char letter = (char)tolower((unsigned char)text[0]);

	if (!s)
		abort();
	s->w = w;
	http_call_init(&s->call, STATS_MAX, on_stats, s);
	if (text[1] == '\0' && letter >= 'a' && letter <= 'e')
		w->stage[0] = letter;
	return s;
}

void
stage_free(struct stage *s)
{
	if (!s)
		return;
	http_call_fini(s->w->http, &s->call);
	free(s);
}
