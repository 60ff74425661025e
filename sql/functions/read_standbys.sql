-- How far standbys are behind, where it can be read: on a primary, by a role that is a member of pg_monitor.
--
-- Caller	/metrics. bytes: of WAL that the standby has not applied; seconds: how long it took to apply the last
--		of it, 0 when nothing is under way.
-- Answer	a row an application_name, which standbys may share: then the one that is furthest behind.
-- Errors	none.
-- Locks	none.
create or replace function tracker.read_standbys()
returns table (name text, bytes int8, seconds float8)
language sql volatile set search_path = pg_catalog, pg_temp as $$
	select r.application_name,
		max(case when not pg_is_in_recovery()
			then greatest(0, pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)) end)::int8,
		max(coalesce(extract(epoch from r.replay_lag), 0))::float8
	from pg_stat_replication r
	where r.replay_lsn is not null and not pg_is_in_recovery()
	group by r.application_name
	order by r.application_name
$$;
