-- One step of an undo: sets aside the results of some of its jobs, and what was made of them in later
-- stages; the jobs are due again, in the earliest of these stages.
--
-- Who does a step of somebody else's undo is named in its line: resumed_by.
--
-- What send_back_job does for one job, for many: a job that is handed on while we look is left for the
-- next step.
--
-- Caller	distcompute-admin undo, again and again until nothing is left; after a crash as well.
--		most: jobs, so that a step takes some 50 ms.
-- Answer	one row: jobs sent back and results set aside by this step; left: jobs still to do;
--		freed: where work became due (one number a stage). all_jobs, all_results: of all steps; all_off: of these
--		jobs, those of cancelled batches, which nobody does anew.
-- Errors	TR002: no such undo, or it is done. serialization_failure: somebody else sent one of the jobs
--		back at this moment; nothing has happened.
-- Locks	the undo's line in audit (one step at a time); workers who hold one of the jobs, by token;
--		lease, retry, ready, failed, output by key; stage, for its line; tally; credit; batch, when it
--		was over.
-- Index	undo_item by key; lease, retry, failed, output by key; ready by key, and its rows
--		of its batch since the undo began where a job has moved; batch by first.
drop function if exists tracker.undo_step(int8, int4);
create or replace function tracker.undo_step(undo int8, most int4)
returns table (jobs int8, results int8, left_over int8, freed int8[], all_jobs int8, all_results int8, all_off int8)
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
	v_undo constant int8 := undo_step.undo;
	v_now timestamptz := clock_timestamp();
	v_last int2;
	v_why text;
	v_keep boolean;
	c_unseen constant int8 := 50000;	-- rows of ready that may be committed behind the mark
	v_mark int8;		-- the end of ready when the undo began
	v_rest int8[];		-- jobs that are in no place where we looked
	v_over int8;		-- jobs that need nothing more
	v_off int8;		-- jobs of cancelled batches
	-- items looked at
	i_tid tid[];
	-- one element a job: the stage from which on it is undone
	u_stage int2[]; u_job int8[]; u_batch int4[];
	-- one element a place where one of them may be: its later stages
	k_stage int2[]; k_job int8[];
	-- one element a row of ready
	q_stage int2[]; q_batch int4[]; q_position int8[];
	-- workers that hold one of the jobs
	v_holders int8[];
	-- one element a job whose one row is in our hand: its stage, and what was there
	c_job int8[]; c_at int2[]; c_what text[];
	-- one element a result set aside
	r_stage int2[]; r_job int8[]; r_person int8[]; r_made timestamptz[];
	-- one element a job sent back
	b_stage int2[]; b_job int8[]; b_batch int4[];
begin
	select a.details ->> 'reason', (a.details ->> 'keep_credit')::boolean, (a.details ->> 'mark')::int8
	into v_why, v_keep, v_mark
	from tracker.hold_undo(v_undo, true) a;
	select max(s.stage) into v_last from tracker.stage s;

	-- 1. The next jobs whose result is still the one that is refused, and where they stood in line.
	-- An item of another result is over: somebody else has refused it, and it was made anew.
	select array_agg(x.tid), array_agg(x.stage) filter (where x.live),
		array_agg(x.job) filter (where x.live), array_agg(x.batch) filter (where x.live),
		coalesce(array_agg(x.line) filter (where x.live and x.line is not null), '{}'),
		coalesce(array_agg(x.batch) filter (where x.live and x.line is not null), '{}'),
		coalesce(array_agg(x.place) filter (where x.live and x.line is not null), '{}')
	into i_tid, u_stage, u_job, u_batch, q_stage, q_batch, q_position
	from (
		select i.ctid as tid, i.stage, i.batch, i.job, i.line, i.place, exists (
			select from tracker.output o
			where o.stage = i.stage and o.job = i.job and o.lease = i.lease) as live
		from tracker.undo_item i
		where i.undo = v_undo order by i.stage, i.job limit most) x;

	-- Where each of them may be further on; none is in two of these places.
	select array_agg(g.stage), array_agg(u.job) into k_stage, k_job
	from unnest(u_stage, u_job) as u(stage, job)
	cross join lateral generate_series(u.stage + 1, v_last) as g(stage);

	-- 2. Who has one of them in hand may be about to finish it: their rows are the locks.
	with h as materialized (
		select distinct l.worker from unnest(k_stage, k_job) as k(stage, job)
		cross join lateral (
			select q.worker from tracker.lease q
			where q.stage = k.stage and q.job = k.job offset 0) l),
	w as materialized (
		select w.id from tracker.worker w
		where w.id = any (array(select h.worker from h))
		order by w.token for no key update)
	select coalesce(array_agg(w.id), '{}') into v_holders from w;

	-- 3. The one row that each job has further on, unless it was done with all stages. Not the lease
	-- of somebody who got it since we looked: their row is not locked. Rows by where they are, for a join
	-- that is planned while these tables are empty would go through all that we put there, for each job.
	with l as (
		delete from tracker.lease l
		where l.ctid = any (array(
				select x.tid from unnest(k_stage, k_job) as k(stage, job)
				cross join lateral (
					select q.ctid as tid from tracker.lease q
					where q.stage = k.stage and q.job = k.job offset 0) x))
			and l.worker = any (v_holders)
		returning l.*),
	s as (
		insert into tracker.strike (stage, job, worker, person, kind, reason, lease, at)
		select l.stage, l.job, l.worker, w.person, 'released', 'sent back', l.id, v_now
		from l join tracker.worker w on w.id = l.worker and w.id = any (v_holders)),
	n as (
		update tracker.worker w set holds = w.holds - c.ended
		from (select l.worker, count(*)::int4 as ended from l group by l.worker) c
		where w.id = c.worker and w.id = any (v_holders)),
	t as (
		delete from tracker.retry t
		where t.ctid = any (array(
			select x.tid from unnest(k_stage, k_job) as k(stage, job)
			cross join lateral (
				select q.ctid as tid from tracker.retry q
				where q.stage = k.stage and q.job = k.job offset 0) x))
		returning t.job, t.stage),
	f as (
		delete from tracker.failed f
		where f.ctid = any (array(
			select x.tid from unnest(k_stage, k_job) as k(stage, job)
			cross join lateral (
				select q.ctid as tid from tracker.failed q
				where q.stage = k.stage and q.job = k.job offset 0) x))
		returning f.job, f.stage),
	q as (
		delete from tracker.ready q
		where q.ctid = any (array(
			select x.tid from unnest(q_stage, q_batch, q_position) as p(stage, batch, position)
			cross join lateral (
				select y.ctid as tid from tracker.ready y
				where y.stage = p.stage and y.batch = p.batch and y.position = p.position offset 0) x))
		returning q.job, q.stage)
	select coalesce(array_agg(x.job), '{}'), coalesce(array_agg(x.stage), '{}'),
		coalesce(array_agg(x.what), '{}')
	into c_job, c_at, c_what
	from (select l.job, l.stage, 'lease' as what from l
		union all select t.job, t.stage, 'retry' from t
		union all select f.job, f.stage, 'failed' from f
		union all select q.job, q.stage, 'ready' from q) x;

	-- 4. What is in no such place, nor done with all stages, came into line since the undo began.
	v_rest := array(
		select u.job from unnest(u_job) as u(job)
		where (u.job in (select unnest(c_job))) is not true and not exists (
			select from tracker.output e where e.stage = v_last and e.job = u.job));
	if v_rest <> '{}' then
		with q as (
			delete from tracker.ready q
			where q.ctid = any (array(
				select x.tid
				from (select distinct u.batch from unnest(u_job, u_batch) as u(job, batch)
					where (u.job in (select unnest(v_rest))) is true) b
				cross join lateral generate_series(2, v_last) as s(stage)
				cross join lateral (
					select y.ctid as tid from tracker.ready y
					where y.stage = s.stage and y.batch = b.batch
						and y.position > v_mark - c_unseen
						and (y.job in (select unnest(v_rest))) is true
						and ((y.stage, y.job) in (
							select k.stage, k.job from unnest(k_stage, k_job) as k(stage, job))) is true
					offset 0) x))
			returning q.job, q.stage)
		select c_job || coalesce(array_agg(q.job), '{}'), c_at || coalesce(array_agg(q.stage), '{}'),
			c_what || coalesce(array_agg('ready'::text), '{}')
		into c_job, c_at, c_what from q;
	end if;

	-- 5. The results. Who inserts or removes one concurrently is waited for.
	with d as (
		delete from tracker.output o
		using (select u.stage, u.job from unnest(u_stage, u_job) as u(stage, job)
			union all select k.stage, k.job from unnest(k_stage, k_job) as k(stage, job)) k
		where o.stage = k.stage and o.job = k.job
			and ((k.job in (select unnest(c_job))) is true or exists (
				select from tracker.output e
				where e.stage = v_last and e.job = k.job))
		returning o.*),
	r as (
		insert into tracker.refused_output (stage, job, worker, person, attempt, lease,
			started, finished, refused, reason, data, undo, kept)
		select d.stage, d.job, d.worker, d.person, d.attempt, d.lease, d.started,
			d.finished, v_now, v_why, d.data, v_undo, v_keep
		from d order by d.job, d.stage)
	select array_agg(d.stage), array_agg(d.job), array_agg(d.person), array_agg(d.finished)
	into r_stage, r_job, r_person, r_made from d;

	if not c_job <@ coalesce(r_job, '{}') then
		raise exception 'a job was sent back meanwhile' using errcode = 'serialization_failure';
	end if;

	-- 6. The jobs are due again, and their items done with.
	select array_agg(u.stage), array_agg(u.job), array_agg(u.batch) into b_stage, b_job, b_batch
	from unnest(u_stage, u_job, u_batch) as u(stage, job, batch) where u.job = any (r_job);
	-- Due one after the other, so that claims need not walk past all of them that are gone (low_of).
	insert into tracker.retry (stage, batch, job, due, attempt)
	select u.stage, u.batch, u.job, clock_timestamp(), 1
	from unnest(b_stage, b_job, b_batch) as u(stage, job, batch);
	perform tracker.join_line(b_stage, b_batch);
	insert into tracker.strike (stage, job, kind, reason, at)
	select u.stage, u.job, 'requeued', v_why, v_now from unnest(b_stage, b_job) as u(stage, job);
	delete from tracker.undo_item i
	where i.ctid = any (i_tid)
		and (i.job = any (b_job) or u_job is null or i.job <> all (u_job));
	get diagnostics v_over = row_count;

	-- 7. Counts.
	perform tracker.add_withdrawn(array_agg(x.stage), array_agg(x.batch), array_agg(x.ready), array_agg(x.retry),
		array_agg(x.withdrawn), array_agg(x.failed), array_agg(x.made))
	from (
		select c.at as stage, tracker.batch_of(c.job) as batch, -(c.what = 'ready')::int4::int8 as ready,
			-(c.what = 'retry')::int4::int8 as retry, 0::int8 as withdrawn,
			-(c.what = 'failed')::int4::int8 as failed, null::timestamptz as made
		from unnest(c_job, c_at, c_what) as c(job, at, what)
		union all select r.stage, tracker.batch_of(r.job), 0, 0, 1, 0, r.made
			from unnest(r_stage, r_job, r_made) as r(stage, job, made)
		union all select b.stage, b.batch, 0, 1, 0, 0, null
			from unnest(b_stage, b_batch) as b(stage, batch)) x;
	perform tracker.add_credit(r_person, r_stage, null,
		array_fill((not v_keep)::int4::int8, array[coalesce(cardinality(r_stage), 0)]),
		array_fill(v_keep::int4::int8, array[coalesce(cardinality(r_stage), 0)]), r_made);
	update tracker.batch b set ended = null
	where b.batch = any (b_batch) and b.ended is not null and not b.cancelled;

	jobs := coalesce(cardinality(b_job), 0);
	results := coalesce(cardinality(r_job), 0);
	v_off := (select count(*) from unnest(b_batch) as u(batch)
		join tracker.batch b on b.batch = u.batch and b.cancelled);
	freed := array(select (select count(*) from unnest(b_stage) as b(stage) where b.stage = s.n)
		from generate_series(1, 5) as s(n) order by s.n);
	update tracker.audit a set count = a.count + results, changed = v_now,
		details = a.details || jsonb_build_object('jobs', (a.details ->> 'jobs')::int8 + jobs,
			'cancelled', coalesce((a.details ->> 'cancelled')::int8, 0) + v_off,
			'left', case when i_tid is null then 0 else (a.details ->> 'left')::int8 - v_over end)
			|| case when tracker.acting() = a.who or a.details -> 'resumed_by' ? tracker.acting() then '{}'
				else jsonb_build_object('resumed_by',
					coalesce(a.details -> 'resumed_by', '[]') || to_jsonb(tracker.acting())) end,
		state = case when i_tid is null or (a.details ->> 'left')::int8 = v_over then 'done'
			else 'begun' end
	where a.id = v_undo
	returning (a.details ->> 'left')::int8, (a.details ->> 'jobs')::int8, a.count, (a.details ->> 'cancelled')::int8
	into left_over, all_jobs, all_results, all_off;
	return next;
end $$;
