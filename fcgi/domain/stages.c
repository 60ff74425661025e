#include "domain/stages.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

struct list {
	struct stage_names names;
	struct list *before;
};

struct stages {
	_Atomic(struct list *) last;
};

bool
stage_names_add(struct stage_names *names, const char *name)
{
	size_t len = strlen(name);

	if (names->n == STAGES_MAX)
		return false;
	if (len > STAGE_NAME_BYTES)
		len = text_cut(name, len, STAGE_NAME_BYTES / 4);
	memcpy(names->name[names->n], name, len);
	names->name[names->n++][len] = '\0';
	return true;
}

bool
stage_names_same(const struct stage_names *a, const struct stage_names *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (strcmp(a->name[i], b->name[i]) != 0)
			return false;
	return true;
}

const char *
stage_names_text(char *out, size_t size, const struct stage_names *names)
{
	size_t len = 0;

	*out = '\0';
	for (int i = 0; i < names->n && len + sizeof(", \"\"") < size; i++) {
		if (i > 0) {
			memcpy(out + len, ", ", sizeof(", "));
			len += 2;
		}
		log_quote(out + len, size - len, names->name[i], strlen(names->name[i]));
		len += strlen(out + len);
	}
	return out;
}

static struct list *
list_new(const struct stage_names *names, struct list *before)
{
	struct list *list = malloc(sizeof(*list));

	if (!list)
		abort();
	list->names = *names;
	list->before = before;
	return list;
}

struct stages *
stages_new(const struct stage_names *first)
{
	struct stages *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	atomic_init(&s->last, list_new(first, NULL));
	return s;
}

void
stages_free(struct stages *s)
{
	struct list *list, *before;

	if (!s)
		return;
	for (list = atomic_load(&s->last); list; list = before) {
		before = list->before;
		free(list);
	}
	free(s);
}

const struct stage_names *
stages_now(const struct stages *s)
{
	return &atomic_load(&s->last)->names;
}

bool
stages_take(struct stages *s, const struct stage_names *names)
{
	struct list *now = atomic_load(&s->last);

	if (stage_names_same(&now->names, names))
		return false;
	atomic_store(&s->last, list_new(names, now));
	return true;
}

bool
stages_read(struct pg *pg, struct stage_names *out, struct err *e)
{
	struct pg_rows *rows = NULL;

	*out = (struct stage_names){.n = 0};
	if (!pg_call(pg, "select s.name from tracker.stage s order by s.stage", NULL, 0, &rows, e))
		return false;
	for (int i = 0; i < pg_rows_count(rows); i++)
		(void)stage_names_add(out, pg_text(rows, i, 0, NULL));
	pg_rows_free(rows);
	return true;
}
