"""
What all migrations together come to stands in schema.txt: a migration that forgets an index, a check or a trigger, or changes
more than it meant to, is seen there, and so is what it does. After one that is meant: TEST_SQL_SCHEMA=write.
"""

import os

TEXT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema.txt")

# Of a table its storage, then its columns, constraints (NOT NULL stands with its column), indexes that are no constraint's, and triggers.
# Words of a server's build, as what it compresses with, are left out.
WHAT_THERE_IS = r"""
    with t as (
        select c.oid, c.relname, c.relkind, c.relpersistence, c.reloptions, c.relispartition from pg_class c
        where c.relnamespace = 'tracker'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'inventory')
    select line from (
        select t.relname, 0 as part, 0 as n, '' as name, format('%s%s%s%s', case t.relpersistence when 'u' then 'unlogged ' else '' end,
            t.relname, case when t.relispartition then ' of a partitioned table' when t.relkind = 'p' then ' partition by ' || pg_get_partkeydef(t.oid)
                else '' end, ' with (' || array_to_string(array(select unnest(t.reloptions) order by 1), ', ') || ')') as line
        from t
        union all
        select t.relname, 1, a.attnum, '', format(E'\t%s %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
            case when a.attnotnull then ' not null' else '' end,
            case a.attidentity when 'a' then ' identity' when 'd' then ' identity unless given' else '' end,
            case when a.attgenerated <> '' then ' generated ' else ' default ' end || pg_get_expr(d.adbin, d.adrelid))
        from t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
        union all
        select t.relname, 2, 0, pg_get_constraintdef(k.oid), format(E'\t%s', pg_get_constraintdef(k.oid))
        from t join pg_constraint k on k.conrelid = t.oid and k.contype <> 'n'
        union all
        select t.relname, 3, 0, i.relname, format(E'\t%s', replace(pg_get_indexdef(x.indexrelid), 'tracker.', ''))
        from t join pg_index x on x.indrelid = t.oid join pg_class i on i.oid = x.indexrelid
        where not exists (select from pg_constraint k where k.conindid = x.indexrelid)
        union all
        select t.relname, 4, 0, g.tgname, format(E'\t%s', replace(pg_get_triggerdef(g.oid), 'tracker.', ''))
        from t join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal) x
    order by relname collate "C", part, n, name collate "C" """


def test_the_migrations_come_to_what_schema_txt_says(server):
    with server.connect() as c, c.cursor() as cursor:
        cursor.execute("set search_path = pg_catalog")
        cursor.execute(WHAT_THERE_IS)
        found = ["\t" * line.startswith("\t") + " ".join(line.split()) for line, in cursor.fetchall()]
    c.close()
    if os.environ.get("TEST_SQL_SCHEMA") == "write":
        with open(TEXT, "w", encoding="utf-8") as f:
            f.writelines(f"{line}\n" for line in found)
    with open(TEXT, encoding="utf-8") as f:
        said = f.read().splitlines()
    assert found == said
