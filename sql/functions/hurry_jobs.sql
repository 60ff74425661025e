-- Jobs that wait in a stage are the next ones of it that are handed out, before every batch, but not past a pause or
-- what their batch needs: they are in retry then, due since ever (deal_gated). Those of a batch in
-- the order in which they were hurried.
--
-- Caller	distcompute-admin hurry.
-- Answer	those that are hurried now. The others do not wait in that stage, are hurried already, or of a batch
--		that is cancelled.
-- Errors	lock_not_available: see await_barrier.
-- Locks	the barrier, all of it for a moment in stage A; rows of the jobs in retry or ready; ahead, frontier;
--		stage, for its line; tally.
-- Index	output and retry by key; ready has none by job: what is ready of their batches is read; batch by first; see
--		cut_ahead.
create or replace function tracker.hurry_jobs(of_stage int2, of_jobs int8[])
returns int8[]
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	c_named constant int4 := 100;	-- jobs that the audit names
	v_ok boolean := case when of_stage = 1 then tracker.await_barrier(60) else tracker.pass_barrier() end;
	v_job int8[]; v_batch int4[];	-- those that may wait there, in the order in which they were said
	v_back int8[];			-- that came back
	v_fresh int8[];			-- that nobody has had yet
	v_all int8[];
	v_batches int4[]; v_counts int8[];	-- of the fresh ones, by batch
begin
	select array_agg(x.job order by x.place), array_agg(b.batch order by x.place) into v_job, v_batch
	from (select u.job, min(u.place) as place from unnest(of_jobs) with ordinality as u(job, place) group by u.job) x
	join tracker.batch b on b.batch = tracker.batch_of(x.job) and not b.cancelled
	where not exists (select from tracker.output o where o.stage = of_stage and o.job = x.job)
		and (of_stage = 1 or exists (
			select from tracker.output o where o.stage = of_stage - 1 and o.job = x.job));

	with l as materialized (
		select r.ctid as tid from tracker.retry r
		where r.stage = of_stage and r.job = any (v_job) and r.due > '-infinity'
		order by r.job for update),
	u as (
		update tracker.retry r set due = '-infinity' where r.ctid = any (array(select l.tid from l))
		returning r.job)
	select coalesce(array_agg(u.job), '{}') into v_back from u;

	if of_stage = 1 then
		v_fresh := array(
			select u.job from unnest(v_job, v_batch) with ordinality as u(job, batch, place)
			where u.job <> all (v_back) and tracker.cut_ahead(u.batch, u.job) order by u.place);
	else
		with d as (
			delete from tracker.ready q
			where q.stage = of_stage and q.batch = any (v_batch) and q.job = any (v_job) returning q.job)
		select coalesce(array_agg(d.job order by array_position(v_job, d.job)), '{}') into v_fresh from d;
	end if;
	v_all := v_back || v_fresh;
	if v_all = '{}' then
		return v_all;
	end if;
	insert into tracker.retry (stage, batch, job, due, attempt)
	select of_stage, u.batch, u.job, '-infinity', 1
	from unnest(v_job, v_batch) with ordinality as u(job, batch, place)
	where u.job = any (v_fresh) order by u.place;
	select array_agg(x.batch), array_agg(x.jobs) into v_batches, v_counts
	from (
		select u.batch, count(*) as jobs from unnest(v_job, v_batch) as u(job, batch)
		where u.job = any (v_fresh) group by u.batch order by u.batch) x;
	update tracker.stage s set hurried = clock_timestamp() where s.stage = of_stage;
	perform tracker.join_line(array_fill(of_stage, array[cardinality(v_batch)]), v_batch);
	if v_batches is not null then
		perform tracker.add_tally(array_fill(of_stage, array[cardinality(v_batches)]), v_batches,
			array(select case when of_stage = 1 then 0 else -u.jobs end
				from unnest(v_counts) with ordinality as u(jobs, n) order by u.n),
			v_counts, null, null, null);
	end if;
	perform tracker.audit_act('hurry', case when cardinality(v_all) = 1
			then format('job %s, stage %s', v_all[1], tracker.letter_of(of_stage))
			else format('%s jobs, stage %s', cardinality(v_all), tracker.letter_of(of_stage)) end,
		cardinality(v_all), case when cardinality(v_all) between 2 and c_named
			then jsonb_build_object('jobs', v_all) end);
	return v_all;
end $$;
