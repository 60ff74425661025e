-- What a worker holds, oldest first.
--
-- Caller	pages.
-- Answer	a row a job, at most max_rows.
-- Errors	none.
-- Locks	none.
-- Index	lease_worker.
create or replace function tracker.read_worker_leases(of_worker int8, max_rows int4)
returns table (stage int2, job int8, since timestamptz, attempt int4)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select l.stage, l.job, l.since, l.attempt
	from tracker.lease l
	where l.worker = of_worker
	order by l.since, l.job
	limit max_rows
$$;
