-- Who is here, stage by stage, and for how long the oldest lease has been in hand.
--
-- Caller	/metrics. oldest_s: seconds, 0 where nothing is in hand.
-- Answer	a row an enabled stage.
-- Errors	none.
-- Locks	none.
-- Index	see read_present; lease is read whole: it is as long as the work in hand.
create or replace function tracker.read_work_in_hand()
returns table (stage int2, present int8, working int8, oldest_s float8)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select p.stage, p.present, p.working, coalesce(l.oldest_s, 0)
	from tracker.read_present() p
	left join (
		select q.stage, extract(epoch from clock_timestamp() - min(q.since))::float8 as oldest_s
		from tracker.lease q
		group by q.stage
	) l on l.stage = p.stage
	order by p.stage
$$;
