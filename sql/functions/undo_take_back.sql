-- Takes an undo back, a step at a time: results that nobody has begun to do anew are live again, with
-- their credit.
--
-- That is so while the job's one row is the retry that the undo made, untouched. A job that was
-- handed out since, or refused once more, keeps its new life, and what was set aside stays so. What an undo before
-- this one had refused in the stage that comes next waits there to be done anew again, as it did: the later of
-- two is taken back first, then the earlier (undo_over). Where nothing comes back, nothing is written down. Who takes it back has a line of their own in audit, which is over when no
-- job is left to look at, or somebody else goes on.
--
-- Caller	distcompute-admin undo --back. after: the last job of the step before, 0 at first.
-- Answer	one row: last, the last job looked at (null: none was left); jobs and results that are
--		live again; fed: work that is ready in a later stage because of it (one number a stage); all_jobs: of
--		the undo.
-- Errors	TR002: no such undo, or not done yet.
-- Locks	the undo's line in audit; retry; output; ready; stage, for its line; tally; credit.
-- Index	refused_output_undo; retry by key; see is_undone; batch by first.
drop function if exists tracker.undo_take_back(int8, int8, int4);
create or replace function tracker.undo_take_back(undo int8, after int8, most int4)
returns table (last int8, jobs int8, results int8, fed int8[], all_jobs int8)
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
	v_undo constant int8 := undo_take_back.undo;
	v_undone tracker.audit;
	v_last int2;
	-- one element a job looked at: its earliest stage set aside
	u_stage int2[]; u_job int8[];
	-- one element a job that lives again: where it was undone, and the stage that it feeds
	b_stage int2[]; b_job int8[]; b_batch int4[]; b_next int2[];
	b_anew boolean[];	-- it waits there to be done anew, after another undo
	-- one element a result that is live again
	r_stage int2[]; r_person int8[]; r_job int8[]; r_kept boolean[]; r_made timestamptz[];
begin
	v_undone := tracker.hold_undo(v_undo, false);
	all_jobs := v_undone.details ->> 'jobs';
	select max(s.stage) into v_last from tracker.stage s;

	select array_agg(x.stage), array_agg(x.job), max(x.job)
	into u_stage, u_job, last
	from (
		select min(r.stage) as stage, r.job
		from tracker.refused_output r
		where r.undo = v_undo and r.job > coalesce(undo_take_back.after, 0)
		group by r.job order by r.job limit most) x;

	-- The retry that the undo made: whoever takes it concurrently has it, and is passed by.
	with t as (
		delete from tracker.retry t
		where t.ctid = any (array(
			select x.tid from unnest(u_stage, u_job) as u(stage, job)
			cross join lateral (
				select q.ctid as tid from tracker.retry q
				where q.stage = u.stage and q.job = u.job and q.lease is null
					and tracker.is_undone(u.stage, u.job, v_undo)
				for update skip locked) x))
		returning t.stage, t.batch, t.job)
	select array_agg(t.stage order by t.job), array_agg(t.job order by t.job),
		array_agg(t.batch order by t.job)
	into b_stage, b_job, b_batch from t;

	with d as (
		delete from tracker.refused_output r
		where r.ctid = any (array(
			select x.tid from unnest(b_job) as b(job)
			cross join lateral (
				select q.ctid as tid from tracker.refused_output q
				where q.undo = v_undo and q.job = b.job offset 0) x))
		returning r.*),
	o as (
		insert into tracker.output (stage, job, worker, person, attempt, lease, started,
			finished, data)
		select d.stage, d.job, d.worker, d.person, d.attempt, d.lease, d.started, d.finished,
			d.data
		from d order by d.job, d.stage)
	select array_agg(d.stage), array_agg(d.job), array_agg(d.person), array_agg(d.kept),
		array_agg(d.finished)
	into r_stage, r_job, r_person, r_kept, r_made from d;

	select array_agg(x.next order by x.job), array_agg(tracker.is_undone(x.next, x.job, null) order by x.job)
	into b_next, b_anew from (
		select r.job, (max(r.stage) + 1)::int2 as next
		from unnest(r_stage, r_job) as r(stage, job) group by r.job) x;
	insert into tracker.ready (stage, batch, job)
	select b.next, b.batch, b.job from unnest(b_next, b_batch, b_job, b_anew) as b(next, batch, job, anew)
	where b.next <= v_last and not b.anew
	order by b.job;
	insert into tracker.retry (stage, batch, job, due, attempt)
	select b.next, b.batch, b.job, clock_timestamp(), 1
	from unnest(b_next, b_batch, b_job, b_anew) as b(next, batch, job, anew)
	where b.next <= v_last and b.anew
	order by b.job;
	perform tracker.join_line(b_next, b_batch);
	insert into tracker.strike (stage, job, kind, reason, at)
	select b.stage, b.job, 'requeued', 'the undo was taken back', clock_timestamp()
	from unnest(b_stage, b_job) as b(stage, job);

	perform tracker.add_withdrawn(array_agg(x.stage), array_agg(x.batch), array_agg(x.ready),
		array_agg(x.retry), array_agg(x.withdrawn), null, array_agg(x.made))
	from (
		select n.stage, n.batch, (not n.anew)::int4::int8 as ready, n.anew::int4::int8 as retry,
			0::int8 as withdrawn, null::timestamptz as made
		from unnest(b_next, b_batch, b_anew) as n(stage, batch, anew) where n.stage <= v_last
		union all select b.stage, b.batch, 0, -1, 0, null
			from unnest(b_stage, b_batch) as b(stage, batch)
		union all select r.stage, tracker.batch_of(r.job), 0, 0, -1, r.made
			from unnest(r_stage, r_job, r_made) as r(stage, job, made)) x;
	perform tracker.add_credit(r_person, r_stage, null,
		array(select -(not r.kept)::int4::int8 from unnest(r_kept) with ordinality as r(kept, n) order by r.n),
		array(select -r.kept::int4::int8 from unnest(r_kept) with ordinality as r(kept, n) order by r.n),
		r_made);

	jobs := coalesce(cardinality(b_job), 0);
	results := coalesce(cardinality(r_job), 0);
	fed := array(select (select count(*) from unnest(b_next) as b(stage)
			where b.stage = s.n and s.n <= v_last)
		from generate_series(1, 5) as s(n) order by s.n);
	perform tracker.audit_back(v_undone, jobs, results, last is null);
	return next;
end $$;
