-- What went wrong with a job, and which of its results were sent back, newest first.
--
-- Caller	pages.
-- Answer	a row an event, at most max_rows. kind: a strike's, or refused (a result was set aside).
-- Errors	none.
-- Locks	none.
-- Index	strike_job, refused_output_job; see public_name.
create or replace function tracker.read_job_events(of_job int8, max_rows int4)
returns table (stage int2, kind text, reason text, worker text, person text, at timestamptz)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select e.stage, e.kind, left(e.reason, 500), tracker.public_name(w.name, w.person), tracker.called(e.person), e.at
	from (
		(select x.stage, x.kind, x.reason, x.worker, x.person, x.at
		from tracker.stage s
		join tracker.strike x on x.stage = s.stage and x.job = of_job
		order by x.at desc limit max_rows)
		union all
		(select x.stage, 'refused', x.reason, x.worker, x.person, x.refused
		from tracker.stage s
		join tracker.refused_output x on x.stage = s.stage and x.job = of_job
		order by x.refused desc limit max_rows)
	) e
	left join tracker.worker w on w.id = e.worker
	order by e.at desc
	limit max_rows
$$;
