-- How many workers are here, stage by stage, and how many of them hold a job.
--
-- Caller	pages.
-- Answer	a row an enabled stage.
-- Errors	none.
-- Locks	none.
-- Index	worker_stage_present (index only): as many entries as workers present; lease, as long as the
--		work in hand.
create or replace function tracker.read_present()
returns table (stage int2, present int8, working int8)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select s.stage, coalesce(w.present, 0), coalesce(l.working, 0)
	from tracker.stage s
	left join (
		select v.stage, count(*) as present from tracker.worker v
		where v.gone_at is null
		group by v.stage
	) w on w.stage = s.stage
	left join (
		select x.stage, count(*) as working
		from (select distinct y.stage, y.worker from tracker.lease y) x
		group by x.stage
	) l on l.stage = s.stage
	order by s.stage
$$;
