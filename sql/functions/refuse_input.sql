-- Sends a job back one stage, because enough workers have flagged its input. The job waits in
-- retry, or is in failed, in its present stage (return_jobs has just put it there).
--
-- The output of the stage before is set aside and its credit withdrawn; that stage counts it as a
-- failed attempt and does the job again, or gives it up after max_attempts. At stage A, where
-- nobody made the input, the job becomes failed.
--
-- Caller	return_jobs.
-- Answer	again: work became due in the stage before; what the caller has to add to the tally,
--		and the person whose credit it has to withdraw, as its last steps.
-- Errors	none.
-- Locks	retry, failed and output of this job; stage, for its line.
-- Index	primary keys; batch by first.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.refuse_input(p_stage int2, p_job int8, p_reason text,
	p_flags int4, out again boolean, out person int8, out t_stages int2[],
	out t_batches int4[], out t_retry int8[], out t_withdrawn int8[], out t_failed int8[],
	out t_made timestamptz[])
language plpgsql
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	v_why text := format('flagged by %s %s%s', p_flags,
		case p_flags when 1 then 'worker' else 'workers' end,
		case when p_reason = '' then '' else ', at last: ' || p_reason end);
	v_attempts int4 := (select p.max_attempts from tracker.policy p where p.one);
	v_batch int4 := tracker.batch_of(p_job);
	v_retry int8;
	v_failed int8;
	r record;
	f record;	-- of who flagged it last, when that was the last attempt too
	o record;
begin
	delete from tracker.retry t where t.stage = p_stage and t.job = p_job returning t.* into r;
	v_retry := found::int4;
	delete from tracker.failed q where q.stage = p_stage and q.job = p_job returning q.* into f;
	v_failed := found::int4;

	if p_stage = 1 then
		insert into tracker.failed (stage, job, kind, reason, attempt, lease, worker, since,
			at)
		select p_stage, p_job, 'flagged', v_why, coalesce(f.attempt, r.attempt - 1),
			coalesce(f.lease, r.lease), coalesce(f.worker, r.worker),
			coalesce(f.since, r.since), v_now;
		again := false;
		t_stages := array[p_stage];
		t_batches := array[v_batch];
		t_retry := array[-v_retry];
		t_withdrawn := array[0];
		t_failed := array[1 - v_failed];
		t_made := array[null::timestamptz];
		return;
	end if;

	delete from tracker.output q where q.stage = p_stage - 1 and q.job = p_job
		returning q.* into o;
	insert into tracker.refused_output (stage, job, worker, person, attempt, lease, started,
		finished, refused, reason, data)
	values (o.stage, o.job, o.worker, o.person, o.attempt, o.lease, o.started, o.finished,
		v_now, v_why, o.data);
	again := o.attempt < v_attempts;
	if again then
		insert into tracker.retry (stage, batch, job, due, attempt)
		values (o.stage, v_batch, p_job, v_now, o.attempt + 1);
		perform tracker.join_line(array[o.stage], array[v_batch]);
	else
		insert into tracker.failed (stage, job, kind, reason, attempt, worker, at)
		values (o.stage, p_job, 'flagged', v_why, o.attempt, o.worker, v_now);
	end if;
	person := o.person;
	t_stages := array[o.stage, o.stage, p_stage];
	t_batches := array[v_batch, v_batch, v_batch];
	t_retry := array[0, again::int4, -v_retry];
	t_withdrawn := array[1, 0, 0];
	t_failed := array[0, (not again)::int4, -v_failed];
	t_made := array[o.finished, null, null];
end $$;
