-- What a worker gave back or lost, newest first, with the reasons; but not what went back because it left, which would
-- hide the rest.
--
-- Caller	pages.
-- Answer	a row a strike, at most max_rows.
-- Errors	none.
-- Locks	none.
-- Index	strike_worker.
create or replace function tracker.read_worker_strikes(of_worker int8, max_rows int4)
returns table (stage int2, job int8, kind text, reason text, at timestamptz)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select s.stage, s.job, s.kind, left(s.reason, 500), s.at
	from tracker.strike s
	where s.worker = of_worker and (s.kind <> 'released' or s.chosen)
	order by s.at desc, s.id desc
	limit max_rows
$$;
