-- Who else has a lock on a table of ours, or the barrier: for whoever did not get it.
--
-- Caller	reset_jobs.
-- Answer	programs and their processes, commas between them; null: nobody now.
-- Errors	none.
-- Locks	none.
-- Index	none.
create or replace function tracker.who_holds()
returns text
language sql
set search_path = pg_catalog, pg_temp
as $$
	select string_agg(distinct format('%s (pid %s)', coalesce(nullif(a.application_name, ''),
		case when a.backend_type = 'client backend' then 'a session' else a.backend_type end), a.pid), ', ')
	from pg_locks l
	join pg_stat_activity a on a.pid = l.pid and a.datname = current_database()
	left join pg_class c on l.locktype = 'relation' and c.oid = l.relation
	where l.granted and l.pid <> pg_backend_pid()
		and (c.relnamespace = 'tracker'::regnamespace
			or l.locktype = 'advisory' and l.objid = x'64637374'::int)
$$;
