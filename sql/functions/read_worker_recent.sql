-- What a worker finished last, newest first.
--
-- Caller	pages.
-- Answer	a row a result that still stands and is its, at most max_rows and at most ten.
-- Errors	none.
-- Locks	none.
-- Index	worker and output by key: worker.recent holds the numbers, eight bytes each.
create or replace function tracker.read_worker_recent(of_worker int8, max_rows int4)
returns table (job int8, attempt int4, started timestamptz, finished timestamptz)
language sql stable parallel safe set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
	select o.job, o.attempt, o.started, o.finished
	from tracker.worker w
	cross join lateral (
		select ('x' || encode(substr(w.recent, n, 8), 'hex'))::bit(64)::int8 as job
		from generate_series(1, length(w.recent), 8) as n) r
	cross join lateral (	-- a join would look through all results for those of this worker
		select q.* from tracker.output q
		where q.stage = w.stage and q.job = r.job and q.worker = w.id
		offset 0) o
	where w.id = of_worker
	order by o.finished desc, o.job desc
	limit max_rows
$$;
