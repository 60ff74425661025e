-- Purges, a bite at a time, what nobody needs any more: strikes and refused results that are older than
-- older_s and whose job is done in their stage; and rows of workers that never had a result and went more
-- than a day ago, with the people who had no other and left no trace. What goes is counted in purged.
--
-- A strike of a job that is not done is its history still; a result that was not done anew may come back;
-- a worker that a waiting or failed job names may still be heard.
--
-- Caller	run/keeper.c; distcompute-admin purge. kind: strikes, results, workers. Goes on behind `after`, 0 at
--		first; looks at `look` rows. line: the act's in audit, null of the keeper's.
-- Answer	one row: last, the row to go on behind (null: the end is reached); how many were purged.
-- Errors	none.
-- Locks	rows that go; those that somebody has at this moment are left. Then see purge_people.
-- Index	strike, refused_output and worker by id; output, retry and failed by key; strike_worker.
create or replace function tracker.purge_old(kind text, older_s int8, after int8, look int4, line int8)
returns table (last int8, purged int8)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_before timestamptz := clock_timestamp() - make_interval(secs => older_s);
	v_looked int8;
	v_people int8[];
begin
	if kind = 'strikes' then
		with a as materialized (
			select s.* from tracker.strike s
			where s.id > purge_old.after order by s.id limit purge_old.look),
		d as (
			delete from tracker.strike s using a
			where s.id = a.id and a.at < v_before and exists (
				select from tracker.output o where o.stage = a.stage and o.job = a.job)
			returning a.worker, a.person, a.stage, a.kind),
		p as (
			insert into tracker.purged as p (worker, person, stage, strikes)
			select d.worker, coalesce(d.person, 0), d.stage, count(*) from d
			where d.worker is not null and d.kind not in ('released', 'requeued')
			group by 1, 2, 3 order by 1, 2, 3
			on conflict (worker, person, stage) do update set strikes = p.strikes + excluded.strikes)
		select max(a.id) filter (where a.at < v_before), count(*) filter (where a.at < v_before),
			(select count(*) from d)
		into last, v_looked, purged from a;
	elsif kind = 'results' then
		with a as materialized (
			select r.id, r.stage, r.job, r.worker, r.person, r.kept, r.refused
			from tracker.refused_output r
			where r.id > purge_old.after order by r.id limit purge_old.look),
		d as (
			delete from tracker.refused_output r using a
			where r.id = a.id and a.refused < v_before and exists (
				select from tracker.output o where o.stage = a.stage and o.job = a.job)
			returning a.worker, a.person, a.stage, a.kept),
		p as (
			insert into tracker.purged as p (worker, person, stage, results, kept)
			select d.worker, d.person, d.stage, count(*), count(*) filter (where d.kept) from d
			group by 1, 2, 3 order by 1, 2, 3
			on conflict (worker, person, stage) do update set
				results = p.results + excluded.results, kept = p.kept + excluded.kept)
		select max(a.id) filter (where a.refused < v_before),
			count(*) filter (where a.refused < v_before), (select count(*) from d)
		into last, v_looked, purged from a;
	elsif kind = 'workers' then
		with a as materialized (
			select w.id, w.gone_at, w.done from tracker.worker w
			where w.id > purge_old.after order by w.id limit purge_old.look),
		g as materialized (
			select w.ctid as tid
			from a cross join lateral (
				select q.ctid, q.id from tracker.worker q
				where q.id = a.id and a.done = 0
					and a.gone_at < clock_timestamp() - interval '1 day'
				offset 0
				for update skip locked) w
			where not exists (
					select from tracker.strike s
					join tracker.retry r on r.stage = s.stage and r.job = s.job
						and r.lease = s.lease
					where s.worker = w.id)
				and not exists (
					select from tracker.strike s
					join tracker.failed f on f.stage = s.stage and f.job = s.job
						and f.lease = s.lease
					where s.worker = w.id)
				and not exists (select from tracker.ban b where b.worker = w.id)),
		d as (
			delete from tracker.worker w where w.ctid = any (array(select g.tid from g))
			returning w.id, w.person)
		select max(a.id), count(*), (select count(*) from d), (
				select array_agg(distinct d.person) from d
				where not exists (select from tracker.strike s where s.worker = d.id))
		into last, v_looked, purged, v_people from a;
		if v_people is not null then
			perform tracker.purge_people(v_people);
		end if;
	end if;
	if v_looked < purge_old.look then
		last := null;
	end if;
	if line is not null then
		update tracker.audit a set count = a.count + purged, changed = clock_timestamp(),
			state = case when last is null and kind = 'workers' then 'done' else 'begun' end
		where a.id = line;
		-- An act in which nothing was deleted is none.
		delete from tracker.audit a where a.id = line and a.state = 'done' and a.count = 0;
	end if;
	return next;
end $$;
