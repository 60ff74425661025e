-- The operator ends a worker by its name; its jobs are open again at once.
--
-- Caller	distcompute-admin worker drop.
-- Answer	one row, or none when no such worker is present.
-- Errors	none.
-- Locks	see end_workers.
-- Index	worker by (stage, name).
create or replace function tracker.drop_worker(stage int2, name text)
returns table (worker int8, token uuid, freed int4)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
	return query
		select e.worker, e.token, e.freed
		from tracker.end_workers(
			array(select w.token from tracker.worker w
				where w.stage = drop_worker.stage and w.name = drop_worker.name),
			'dropped', null) e;
	if found then
		perform tracker.audit_act('drop worker',
			format('%s of stage %s', drop_worker.name, tracker.letter_of(drop_worker.stage)), 1, null);
	end if;
end $$;
