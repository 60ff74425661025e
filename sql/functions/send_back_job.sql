-- The operator sends a job back to a stage: the outputs of that stage and of every later one are
-- set aside, their credit withdrawn, the one row that the job has further on removed, and the stage
-- does it again, at once.
--
-- Caller	distcompute-admin send-back.
-- Answer	false when that stage has no live output of the job.
-- Errors	serialization_failure: the job was handed on meanwhile; nothing has happened. TR003: see
--		check_line.
-- Locks	the worker who has the job in hand, if any; lease, retry, ready, failed, output of
--		the job; stage, for its line; tally; credit; batch, when it was over.
-- Index	primary keys, but ready has none by job: what is ready of its batch is read; batch by first.
create or replace function tracker.send_back_job(job int8, stage int2, reason text)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.pass_barrier();
	v_now timestamptz := clock_timestamp();
	v_job constant int8 := send_back_job.job;
	v_stage constant int2 := send_back_job.stage;
	v_why constant text := coalesce(send_back_job.reason, '');
	v_batch constant int4 := tracker.batch_of(send_back_job.job);
	v_worker int8;
	v_lease uuid;
	v_last int2;
	v_at int2;
	v_stages int2[];
	v_persons int8[];
	v_made timestamptz[];
	v_ready int8 := 0;
	v_retry int8 := 0;
	v_failed int8 := 0;
	i int4;
begin
	perform tracker.check_line('a reason', send_back_job.reason);
	select max(s.stage) into v_last from tracker.stage s;
	-- Whoever has the job in hand further on may be about to finish it: their row is the lock.
	-- Look again until the holder that we have locked is the holder.
	for i in 1 .. 100 loop
		select l.worker into v_worker from tracker.lease l where l.stage > v_stage
			and l.job = v_job;
		exit when not found;
		perform from tracker.worker w where w.id = v_worker for no key update;
		exit when exists (select from tracker.lease l
			where l.stage > v_stage and l.job = v_job and l.worker = v_worker);
	end loop;

	-- The outputs, earliest first: whoever inserts or removes one concurrently is waited for.
	with d as (
		delete from tracker.output o where o.job = v_job and o.stage >= v_stage
			and exists (select from tracker.output f where f.stage = v_stage
				and f.job = v_job)
		returning o.*),
	r as (
		insert into tracker.refused_output (stage, job, worker, person, attempt, lease,
			started, finished, refused, reason, data)
		select d.stage, d.job, d.worker, d.person, d.attempt, d.lease, d.started,
			d.finished, v_now, v_why, d.data
		from d order by d.stage)
	select array_agg(d.stage order by d.stage), array_agg(d.person order by d.stage),
		array_agg(d.finished order by d.stage)
	into v_stages, v_persons, v_made from d;
	if v_stages is null then
		return false;
	end if;

	-- Its one row further on, unless it was done with all stages.
	v_at := v_stages[cardinality(v_stages)] + 1;
	if v_at <= v_last then
		-- Not the lease of somebody who got it since we looked: their row is not locked.
		delete from tracker.lease l where l.stage = v_at and l.job = v_job
			and l.worker = v_worker
			returning l.id into v_lease;
		if found then
			insert into tracker.strike (stage, job, worker, person, kind, reason, lease,
				at)
			select v_at, v_job, v_worker, w.person, 'released', 'sent back', v_lease,
				v_now
			from tracker.worker w where w.id = v_worker;
			update tracker.worker w set holds = w.holds - 1 where w.id = v_worker;
		else
			delete from tracker.retry t where t.stage = v_at and t.job = v_job;
			v_retry := found::int4;
			if v_retry = 0 then
				delete from tracker.failed f where f.stage = v_at and f.job = v_job;
				v_failed := found::int4;
			end if;
			if v_retry + v_failed = 0 then
				delete from tracker.ready q
				where q.stage = v_at and q.batch = v_batch and q.job = v_job;
				v_ready := found::int4;
			end if;
			if v_ready + v_retry + v_failed = 0 then
				raise exception 'job % was handed on meanwhile', v_job
					using errcode = 'serialization_failure';
			end if;
		end if;
	end if;

	insert into tracker.retry (stage, batch, job, due, attempt)
	values (v_stage, v_batch, v_job, v_now, 1);
	perform tracker.join_line(array[v_stage], array[v_batch]);
	insert into tracker.strike (stage, job, kind, reason, at)
	values (v_stage, v_job, 'requeued', v_why, v_now);

	perform tracker.add_withdrawn(
		v_stages || v_stage || v_at, array_fill(v_batch, array[cardinality(v_stages) + 2]),
		array_fill(0::int8, array[cardinality(v_stages) + 1])
			|| -v_ready,
		array_fill(0::int8, array[cardinality(v_stages)]) || 1::int8 || -v_retry,
		array_fill(1::int8, array[cardinality(v_stages)]),
		array_fill(0::int8, array[cardinality(v_stages) + 1]) || -v_failed, v_made);
	perform tracker.add_credit(v_persons, v_stages, null,
		array_fill(1::int8, array[cardinality(v_stages)]), null, v_made);
	update tracker.batch b set ended = null where b.batch = v_batch and b.ended is not null and not b.cancelled;
	perform tracker.audit_act('send back', format('job %s, stage %s', v_job, tracker.letter_of(v_stage)),
		cardinality(v_stages), jsonb_build_object('reason', v_why));
	return true;
end $$;
