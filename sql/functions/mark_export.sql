-- A moment, so that an export can say what was there at it, and what came later.
--
-- Caller	distcompute-export, before its first page and before each look for news.
-- Answer	one row: the transactions that were over, and two bounds: a result with `finished`
--		before `since` was there, one after `till` was not, and between them the snapshot
--		tells.
-- Errors	none.
-- Locks	none.
-- Index	none; a row a session.
-- Source	a result is finished after its transaction began (complete_jobs), and a
--		transaction shows in pg_stat_activity from its first lock on. Sessions are looked
--		at first and the snapshot is taken second, so none that is open in the snapshot
--		was overlooked. The seconds are for the moment between beginning and first lock,
--		and for clocks that step.
create or replace function tracker.mark_export()
returns table (snapshot text, since timestamptz, till timestamptz)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
	since := (select least(clock_timestamp(), min(a.xact_start)) - interval '10 seconds'
		from pg_stat_activity a
		where a.datname = current_database() and a.backend_xid is not null);
	snapshot := pg_current_snapshot()::text;
	till := clock_timestamp() + interval '10 seconds';
	return next;
end $$;
