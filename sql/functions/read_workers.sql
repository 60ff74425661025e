-- Workers that are here, by first seen, some of each stage; not those that their owners show to nobody.
--
-- A filter is tried on the next 2,000 workers only (of the owner's, when there is one): who asks for a
-- rare kind among 200,000 is told how far the look has come, and goes on from there.
--
-- Caller	pages.
-- Answer	a row a worker, at most max_rows + 1 a stage (one more tells that there are more), after
--		(after_created, after_id); `jobs` is how many it holds, `job` and `since` the one it has held
--		longest; done: what stands. kind null = all, working = holds a job, waiting = holds none,
--		stale = not heard from for stale_s. owner null = all. A last row of a stage whose name is null
--		tells where the look ended, when it found no more than max_rows and there may be others.
-- Units	max_rows: workers a stage. stale_s: seconds of silence after which a worker is stale.
-- Errors	none.
-- Locks	none.
-- Index	worker_stage_present, worker_person_present, lease_worker.
drop function if exists tracker.read_workers(int2, text, text, timestamptz, int8, int4);
create or replace function tracker.read_workers(only_stage int2, owner text, kind text,
	after_created timestamptz, after_id int8, max_rows int4, stale_s int4)
returns table (stage int2, id int8, name text, person text, created timestamptz, seen timestamptz,
	done int8, struck int8, job int8, since timestamptz, jobs int8, asked_kind text)
language sql stable parallel safe set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
	with asked as materialized (
		select coalesce(after_created, '-infinity') as created, coalesce(after_id, 0) as id,
			case when owner is null and kind is null then max_rows + 1 else 2000 end as look,
			array(select tracker.ids_of_person(owner)) as people
	)
	select s.stage, w.id, w.name, coalesce(o.nickname, p.nickname), w.created, w.seen, w.done - tracker.count_sent_back(w.id),
		w.struck, l.job, l.since,
		w.jobs, w.asked_kind
	from tracker.stage s
	cross join asked a
	cross join lateral (
		with looked as materialized (
			(select v.* from tracker.worker v
			where owner is null and v.stage = s.stage and v.gone_at is null
				and (v.created, v.id) > (a.created, a.id)
			order by v.created, v.id
			limit a.look)
			union all
			(select x.* from unnest(a.people) as i(id)
			cross join lateral (
				select v.* from tracker.worker v
				where owner is not null and v.person = i.id and v.gone_at is null
					and (v.created, v.id) > (a.created, a.id)
				order by v.created, v.id
				limit a.look) x
			order by x.created, x.id
			limit a.look)
		), found as materialized (
			select v.id, v.name, v.person, v.created, v.seen, v.done, v.struck, v.asked_kind,
				c.jobs
			from looked v
			left join lateral (
				select count(*) as jobs from (
					select from tracker.lease l where l.worker = v.id limit 1000
				) x
			) c on true
			where v.stage = s.stage
				and not exists (
					select from tracker.person h left join tracker.person o on o.id = h.merged_into
					where h.id = v.person and coalesce(o.machines_hidden, h.machines_hidden))
				and case kind
					when 'working' then c.jobs > 0
					when 'waiting' then c.jobs = 0
					when 'stale' then v.seen < clock_timestamp() - make_interval(secs => stale_s)
					else true
				end
			order by v.created, v.id
			limit max_rows + 1
		)
		select f.* from found f
		union all
		(select v.id, null, null, v.created, null, null, null, null, null
		from looked v
		where (select count(*) from looked) = a.look and (select count(*) from found) <= max_rows
		order by v.created desc, v.id desc
		limit 1)
	) w
	left join tracker.person p on p.id = w.person
	left join tracker.person o on o.id = p.merged_into
	left join lateral (
		select l.job, l.since from tracker.lease l where l.worker = w.id and w.name is not null
		order by l.since, l.job limit 1
	) l on true
	where only_stage is null or s.stage = only_stage
	order by s.stage, w.created, w.id, w.name nulls last
$$;
