#include "export/place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORM "distcompute-export"
#define FORM_NUMBER 2 /* a file of form 1 does not say whose it is */
#define FORM_BATCH 3  /* of a batch alone: a program of before would go on with all */

/* A standby does not know which transactions its primary has open, so it cannot tell a mark. */
static bool
take_cluster(struct mark *m, const struct pg_rows *rows, struct err *e)
{
	if (pg_is_null(rows, 0, 3))
		return err_set(e, ERR_REFUSED, NULL,
		    "this PostgreSQL is a standby: export from its primary, which alone knows "
		    "what is under way");
	snprintf(m->cluster, sizeof(m->cluster), "%s", pg_text(rows, 0, 3, NULL));
	return true;
}

static bool
take_snapshot(struct mark *m, const struct pg_rows *rows, struct err *e)
{
	size_t len;
	const char *snapshot = pg_text(rows, 0, 0, &len);

	if (len >= sizeof(m->snapshot))
		return err_set(e, ERR_BUSY, NULL, "over a thousand transactions are open");
	memcpy(m->snapshot, snapshot, len + 1);
	m->since_us = pg_time_us(rows, 0, 1);
	m->till_us = pg_time_us(rows, 0, 2);
	return true;
}

bool
mark_take(struct mark *m, struct pg *pg, struct err *e)
{
	struct pg_rows *rows = NULL;
	bool ok;

	if (!pg_call(pg,
		"select m.snapshot, m.since, m.till, case when not pg_is_in_recovery() then"
		" (select system_identifier from pg_control_system())"
		" || '-' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
		" || '-' || (select oid from pg_database where datname = current_database())"
		" || '-' || 'tracker.output'::regclass::oid end"
		" from tracker.mark_export() m",
		NULL, 0, &rows, e))
		return false;
	ok = take_cluster(m, rows, e) && take_snapshot(m, rows, e);
	pg_rows_free(rows);
	return ok;
}

/* The first transaction that had not begun: "xmin:XMAX:open,...". */
static int64_t
horizon(const struct mark *m)
{
	int64_t xmax = 0;

	(void)!sscanf(m->snapshot, "%*[0-9]:%" SCNd64, &xmax);
	return xmax;
}

bool
mark_is_followed_by(const struct mark *a, const struct mark *b)
{
	return strcmp(a->cluster, b->cluster) == 0 && horizon(a) <= horizon(b);
}

void
mark_move(struct mark *m, const struct mark *now)
{
	int64_t since_us = m->since_us;

	*m = *now;
	m->since_us = since_us;
	m->till_us = since_us - 1; /* nothing is left for the snapshot to tell */
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
parse_cluster(struct place *p, int form, FILE *in)
{
	p->mark.cluster[0] = '\0';
	return form == 1 || fscanf(in, "cluster %95s\n", p->mark.cluster) == 1;
}

static bool
parse(struct place *p, FILE *in, const char *path, struct err *e)
{
	char project[64], stage, how[16];
	int form;
	int64_t first = 0, last = 0;

	if (fscanf(in, FORM " %d\nproject %63s\nstage %c\n%15s %" SCNd64 "\n", &form, project,
		&stage, how, &p->after) != 5 ||
	    form < 1 || form > FORM_BATCH || !parse_cluster(p, form, in) ||
	    fscanf(in, "since %" SCNd64 "\ntill %" SCNd64 "\nsnapshot %16383s\n", &p->mark.since_us,
		&p->mark.till_us, p->mark.snapshot) != 3)
		return err_set(e, ERR_INPUT, NULL, "%s: not a file of distcompute-export", path);
	(void)!fscanf(in, "jobs %" SCNd64 " %" SCNd64 "\n", &first, &last);
	if (strcmp(project, p->project) != 0 || stage_number(stage) != p->stage ||
	    first != p->first || last != p->last)
		return err_set(
		    e, ERR_INPUT, NULL, "%s: belongs to another project, stage or batch", path);
	p->by_number = strcmp(how, "after") == 0;
	return true;
}

bool
place_parse(struct place *p, const char *text, const char *origin, bool *moved, struct err *e)
{
	const struct mark now = p->mark;
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text) + 1, "r");
	bool ok;

	*moved = false;
	if (!in)
		return err_set(e, ERR_BUG, NULL, "out of memory");
	ok = parse(p, in, origin, e);
	fclose(in);
	*moved = ok && !mark_is_followed_by(&p->mark, &now);
	if (*moved)
		mark_move(&p->mark, &now);
	return ok;
}

bool
place_read(struct place *p, const char *path, bool *found, bool *moved, struct err *e)
{
	FILE *in = fopen(path, "re");
	char text[PLACE_TEXT + 1];
	size_t len;

	*found = in;
	*moved = false;
	if (!in)
		return errno == ENOENT ||
		    err_set(e, ERR_INPUT, NULL, "%s: %s", path, strerror(errno));
	len = fread(text, 1, PLACE_TEXT, in);
	fclose(in);
	text[len] = '\0';
	return place_parse(p, text, path, moved, e);
}

char *
place_text(const struct place *p)
{
	char *text, jobs[64] = "";

	if (p->last > 0)
		snprintf(jobs, sizeof(jobs), "jobs %" PRId64 " %" PRId64 "\n", p->first, p->last);
	if (asprintf(&text,
		FORM " %d\nproject %s\nstage %c\n%s %" PRId64 "\ncluster %s\nsince %" PRId64
		     "\ntill %" PRId64 "\nsnapshot %s\n%s",
		p->last > 0 ? FORM_BATCH : FORM_NUMBER, p->project, stage_letter(p->stage),
		p->by_number ? "after" : "news", p->after, p->mark.cluster, p->mark.since_us,
		p->mark.till_us, p->mark.snapshot, jobs) < 0)
		abort();
	return text;
}

static bool
print(const struct place *p, const char *path)
{
	FILE *out = fopen(path, "we");
	char *text;
	bool ok;

	if (!out)
		return false;
	text = place_text(p);
	ok = fputs(text, out) >= 0 && fflush(out) == 0 && fsync(fileno(out)) == 0;
	free(text);
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
