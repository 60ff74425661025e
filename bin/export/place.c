#include "export/place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FORM "distcompute-export 1" /* first line of the file; a new form gets a new number */

bool
mark_take(struct mark *m, struct pg *pg, struct err *e)
{
	struct pg_rows *rows = NULL;
	const char *snapshot;
	size_t len;
	bool fits;

	if (!pg_call(
		pg, "select snapshot, since, till from tracker.mark_export()", NULL, 0, &rows, e))
		return false;
	snapshot = pg_text(rows, 0, 0, &len);
	fits = len < sizeof(m->snapshot);
	if (fits)
		memcpy(m->snapshot, snapshot, len + 1);
	m->since_us = pg_time_us(rows, 0, 1);
	m->till_us = pg_time_us(rows, 0, 2);
	pg_rows_free(rows);
	return fits || err_set(e, ERR_BUSY, NULL, "over a thousand transactions are open");
}

bool
place_begin(struct place *p, struct pg *pg, int stage, int64_t after, struct err *e)
{
	if (!schema_project_id(pg, p->project, e))
		return false;
	p->stage = stage;
	p->by_number = true;
	p->after = after;
	return mark_take(&p->mark, pg, e);
}

/* ---- the file -------------------------------------------------------------------------------- */

static bool
parse(struct place *p, FILE *in, const char *path, struct err *e)
{
	char form[32], project[64], stage, how[16];

	if (!fgets(form, sizeof(form), in) || strcmp(form, FORM "\n") != 0 ||
	    fscanf(in,
		"project %63s\nstage %c\n%15s %" SCNd64 "\nsince %" SCNd64 "\ntill %" SCNd64
		"\nsnapshot %16383s\n",
		project, &stage, how, &p->after, &p->mark.since_us, &p->mark.till_us,
		p->mark.snapshot) != 7)
		return err_set(e, ERR_INPUT, NULL, "%s: not a file of distcompute-export", path);
	if (strcmp(project, p->project) != 0 || stage_number(stage) != p->stage)
		return err_set(e, ERR_INPUT, NULL, "%s: belongs to another project or stage", path);
	p->by_number = strcmp(how, "after") == 0;
	return true;
}

bool
place_read(struct place *p, const char *path, bool *found, struct err *e)
{
	FILE *in = fopen(path, "re");
	bool ok;

	*found = in;
	if (!in)
		return errno == ENOENT ||
		    err_set(e, ERR_INPUT, NULL, "%s: %s", path, strerror(errno));
	ok = parse(p, in, path, e);
	fclose(in);
	return ok;
}

static bool
print(const struct place *p, const char *path)
{
	FILE *out = fopen(path, "we");
	bool ok;

	if (!out)
		return false;
	fprintf(out,
	    FORM "\nproject %s\nstage %c\n%s %" PRId64 "\nsince %" PRId64 "\ntill %" PRId64
		 "\nsnapshot %s\n",
	    p->project, stage_letter(p->stage), p->by_number ? "after" : "news", p->after,
	    p->mark.since_us, p->mark.till_us, p->mark.snapshot);
	ok = fflush(out) == 0 && fsync(fileno(out)) == 0;
	return fclose(out) == 0 && ok;
}

bool
place_write(const struct place *p, const char *path, struct err *e)
{
	char beside[4096];

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return err_set(e, ERR_INPUT, NULL, "%s: the name is too long", path);
	if (!print(p, beside) || rename(beside, path) != 0)
		return err_set(e, ERR_INPUT, NULL, "%s: %s", path, strerror(errno));
	return true;
}
