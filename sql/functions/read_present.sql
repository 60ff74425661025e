-- How many workers are here, stage by stage, how many of them hold a job, and whether any was heard lately.
--
-- Caller	pages. stale_s: seconds of silence after which nobody knows whether a worker still works.
-- Answer	a row an enabled stage. heard: one of all that are here, of any stage, is not so silent.
-- Errors	none.
-- Locks	none.
-- Index	worker_stage_present (index only): as many entries as workers present; lease, as long as the
--		work in hand.
drop function if exists tracker.read_present();
create or replace function tracker.read_present(stale_s int4 default 1800)
returns table (stage int2, present int8, working int8, heard boolean)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select s.stage, coalesce(w.present, 0), coalesce(l.working, 0), h.heard
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
	cross join (select exists (
		select from tracker.worker v
		where v.gone_at is null and v.seen > clock_timestamp() - make_interval(secs => stale_s)) as heard) h
	order by s.stage
$$;
