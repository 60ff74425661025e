-- How large the tables are, the largest first, with their indexes and long values.
--
-- Caller	distcompute-admin status.
-- Answer	at most max_rows tables; a partitioned one as a whole. rows: as last estimated, null: never.
--		total: bytes of all of them, listed or not.
-- Errors	none.
-- Locks	none but the share that any look at a table's size has.
-- Index	none: the catalogue is read.
create or replace function tracker.list_sizes(max_rows int4)
returns table ("table" text, rows int8, bytes int8, total int8)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select x.name, x.rows, x.bytes, sum(x.bytes) over ()::int8
	from (
		select coalesce(r.relname, c.relname)::text as name,
			sum(nullif(c.reltuples, -1))::int8 as rows,
			sum(pg_total_relation_size(c.oid))::int8 as bytes
		from pg_class c
		left join pg_inherits i on i.inhrelid = c.oid
		left join pg_class r on r.oid = i.inhparent
		where c.relnamespace = 'tracker'::regnamespace and c.relkind = 'r'
		group by 1) x
	order by x.bytes desc, x.name
	limit max_rows
$$;
