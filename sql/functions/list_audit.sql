-- Who did what, earliest first.
--
-- Caller	distcompute-admin audit. after: the last line heard, 0 at first.
-- Answer	at most max_rows lines.
-- Errors	none.
-- Locks	none.
-- Index	audit by key.
create or replace function tracker.list_audit(after int8, max_rows int4)
returns table (id int8, at timestamptz, who text, act text, target text, count int8, details jsonb,
	state text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select a.id, a.at, a.who, a.act, a.target, a.count, a.details, a.state
	from tracker.audit a where a.id > after order by a.id limit max_rows
$$;
