-- Workers that are here, by first seen, some of each stage.
--
-- Caller	pages.
-- Answer	a row a worker, at most max_rows + 1 a stage (one more tells that there are more), after
--		(after_created, after_id); `jobs` is how many it holds, `job` and `since` the one it has held
--		longest. kind null = all, working = holds a job, waiting = holds none,
--		stale = not heard from for stale_s. owner null = all.
-- Units	max_rows: workers a stage. stale_s: seconds of silence after which a worker is stale.
-- Errors	none.
-- Locks	none.
-- Index	worker_stage_present, lease_worker.
drop function if exists tracker.read_workers(int2, text, text, timestamptz, int8, int4);
create or replace function tracker.read_workers(only_stage int2, owner text, kind text,
	after_created timestamptz, after_id int8, max_rows int4, stale_s int4)
returns table (stage int2, id int8, name text, person text, created timestamptz, seen timestamptz,
	done int8, struck int8, job int8, since timestamptz, jobs int8, asked_kind text)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select s.stage, w.id, w.name, p.nickname, w.created, w.seen, w.done, w.struck, l.job, l.since,
		w.jobs, w.asked_kind
	from tracker.stage s
	cross join lateral (
		select v.*, c.jobs
		from tracker.worker v
		left join lateral (
			select count(*) as jobs from (
				select from tracker.lease l where l.worker = v.id limit 1000
			) x
		) c on true
		where v.stage = s.stage and v.gone_at is null
			and (after_created is null or (v.created, v.id) > (after_created, after_id))
			and (owner is null
				or v.person = (select o.id from tracker.person o where o.nickname = owner))
			and case kind
				when 'working' then c.jobs > 0
				when 'waiting' then c.jobs = 0
				when 'stale' then v.seen < clock_timestamp() - make_interval(secs => stale_s)
				else true
			end
		order by v.created, v.id
		limit max_rows + 1
	) w
	join tracker.person p on p.id = w.person
	left join lateral (
		select l.job, l.since from tracker.lease l where l.worker = w.id
		order by l.since, l.job limit 1
	) l on true
	where only_stage is null or s.stage = only_stage
	order by s.stage, w.created, w.id
$$;
