-- How many workers are here, stage by stage, and how many of them hold a job.
--
-- Caller	pages.
-- Answer	a row an enabled stage.
-- Errors	none.
-- Locks	none.
-- Index	worker_stage_present, lease_worker: as many rows as workers present, whatever the jobs.
create or replace function tracker.read_present()
returns table (stage int2, present int8, working int8)
language sql stable parallel safe set search_path = pg_catalog, tracker as $$
	select s.stage, w.present, w.working
	from tracker.stage s
	cross join lateral (
		select count(*) as present,
			count(*) filter (where exists (
				select from tracker.lease l where l.worker = v.id)) as working
		from tracker.worker v
		where v.stage = s.stage and v.gone_at is null
	) w
	order by s.stage
$$;
