-- Present workers that PostgreSQL has not heard for idle_s.
--
-- Caller	run/keeper.c, which then asks Redis and calls see_workers and reap_workers.
-- Answer	one row a worker, longest silent first.
-- Errors	none.
-- Locks	none.
-- Index	worker_stage_present (present workers only).
create or replace function tracker.list_silent(idle_s int4)
returns table (worker int8, token uuid, seen timestamptz)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select w.id, w.token, w.seen from tracker.worker w
	where w.gone_at is null and w.seen < clock_timestamp() - make_interval(secs => idle_s)
	order by w.seen
$$;
