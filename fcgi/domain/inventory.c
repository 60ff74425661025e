#include "domain/inventory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * An index that is not valid is being built, or failed to be: it is of no use. Types are named with their
 * schemas always: what PostgreSQL calls by its own words depends on the search_path of who asks.
 */
#define THINGS                                                                                     \
	"select 'table ' || c.relname as name from pg_class c"                                     \
	" where c.relnamespace = 'tracker'::regnamespace and c.relkind in ('r', 'p')"              \
	" union all select 'column ' || c.relname || '.' || a.attname"                             \
	" from pg_class c join pg_attribute a on a.attrelid = c.oid"                               \
	" where c.relnamespace = 'tracker'::regnamespace and c.relkind in ('r', 'p')"              \
	" and a.attnum > 0 and not a.attisdropped"                                                 \
	" union all select 'index ' || c.relname from pg_index i"                                  \
	" join pg_class c on c.oid = i.indexrelid"                                                 \
	" where c.relnamespace = 'tracker'::regnamespace and i.indisvalid"                         \
	" union all select 'constraint ' || c.relname || '.' || k.conname"                         \
	" from pg_constraint k join pg_class c on c.oid = k.conrelid"                              \
	" where c.relnamespace = 'tracker'::regnamespace and k.convalidated"                       \
	" union all select 'function ' || p.proname || '('"                                        \
	" || array_to_string(array(select y.typnamespace::regnamespace || '.' || y.typname"        \
	" from unnest(p.proargtypes) with ordinality as a (type, nth)"                             \
	" join pg_type y on y.oid = a.type order by a.nth), ', ') || ')'"                          \
	" from pg_proc p where p.pronamespace = 'tracker'::regnamespace"

/*
 * Versions of before wrote a function with the names of its parameters and with types in PostgreSQL's own words, as
 * "f(persons bigint[])". Of such a line only the function's name is asked for; the next migrate writes it anew.
 */
#define IS_THERE_AS_BEFORE                                                                         \
	" i.name like 'function %' and i.name !~"                                                  \
	" '^function \\w+[(]((\\w+[.]\\w+, )*\\w+[.]\\w+)?[)]$'"                                   \
	" and exists (select from pg_proc p where p.pronamespace = 'tracker'::regnamespace"        \
	" and p.proname = split_part(substr(i.name, 10), '(', 1))"

bool
inventory_prepare(struct pg *pg, struct err *e)
{
	return pg_run(
	    pg, "create table if not exists tracker.inventory (name text primary key)", e);
}

bool
inventory_record(struct pg *pg, struct err *e)
{
	return pg_run(pg,
	    "delete from tracker.inventory;"
	    " insert into tracker.inventory (name) select distinct t.name from (" THINGS ") t",
	    e);
}

/* The first rows' names, and how many there are in all. */
static bool
refuse(const struct pg_rows *rows, struct err *e)
{
	int n = pg_rows_count(rows);

	return err_set(e, ERR_REFUSED, NULL,
	    "the database is not whole: %d of what was put in place %s missing, %.60s%s; restore "
	    "all of a backup, into an empty database",
	    n, n == 1 ? "is" : "are", pg_text(rows, 0, 0, NULL), n > 1 ? " for one" : "");
}

static bool
is_listed(struct pg *pg, bool *listed, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_call(pg, "select to_regclass('tracker.inventory') is not null", NULL, 0, &rows, e))
		return false;
	*listed = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	rows = NULL;
	if (!*listed)
		return true;
	if (!pg_call(pg, "select exists (select from tracker.inventory)", NULL, 0, &rows, e))
		return false;
	*listed = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	return true;
}

bool
inventory_check(struct pg *pg, bool *listed, struct err *e)
{
	struct pg_rows *rows = NULL;
	bool ok;

	if (!is_listed(pg, listed, e))
		return false;
	if (!*listed)
		return true;
	if (!pg_call(pg,
		"select i.name from tracker.inventory i where i.name not in (" THINGS ")"
		" and not (" IS_THERE_AS_BEFORE ") order by i.name not like 'table %', i.name",
		NULL, 0, &rows, e))
		return false;
	ok = pg_rows_count(rows) == 0 || refuse(rows, e);
	pg_rows_free(rows);
	return ok;
}

bool
inventory_check_tables(struct pg *pg, struct pg_array *names, struct err *e)
{
	struct pg_param param = pg_array_param(names);
	struct pg_rows *rows = NULL;
	bool ok;

	if (!pg_call(pg,
		"select 'table ' || t.name from unnest($1) as t (name)"
		" where to_regclass('tracker.' || quote_ident(t.name)) is null",
		&param, 1, &rows, e))
		return false;
	ok = pg_rows_count(rows) == 0 || refuse(rows, e);
	pg_rows_free(rows);
	return ok;
}
