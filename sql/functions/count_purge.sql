-- What a purge would remove: see purge_old.
--
-- Caller	distcompute-admin purge. Reads whole tables.
-- Answer	one row.
-- Errors	none.
-- Locks	none.
-- Index	output by key.
create or replace function tracker.count_purge(older_s int8)
returns table (strikes int8, results int8, workers int8)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
	select (select count(*) from tracker.strike s
		where s.at < clock_timestamp() - make_interval(secs => older_s) and exists (
			select from tracker.output o where o.stage = s.stage and o.job = s.job)),
		(select count(*) from tracker.refused_output r
		where r.refused < clock_timestamp() - make_interval(secs => older_s) and exists (
			select from tracker.output o where o.stage = r.stage and o.job = r.job)),
		(select count(*) from tracker.worker w
		where w.done = 0 and w.gone_at < clock_timestamp() - interval '1 day')
$$;
