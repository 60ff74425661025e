-- The operator takes a job out of a worker's hand: it is due at once, with no attempt counted, and
-- nobody is blamed. The worker stays; its result is welcome until somebody else has the job.
--
-- Caller	distcompute-admin give-back.
-- Answer	one row: whose it was; none when the job is not in hand in that stage.
-- Errors	TR003: see check_line.
-- Locks	the worker, then looks again; its lease; see give_back.
-- Index	lease by key; worker by id.
create or replace function tracker.take_lease(of_stage int2, of_job int8, reason text)
returns table (worker text, person text)
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.pass_barrier();
	v_why constant text := coalesce(nullif(take_lease.reason, ''), 'given back by the operator');
	v_worker int8;
	l tracker.lease;
	b record;
begin
	perform tracker.check_line('a reason', take_lease.reason);
	-- Look again until the holder that we have locked is the holder.
	for i in 1 .. 100 loop
		select q.worker into v_worker from tracker.lease q where q.stage = of_stage and q.job = of_job;
		if not found then
			return;
		end if;
		perform from tracker.worker w where w.id = v_worker for no key update;
		delete from tracker.lease q
		where q.stage = of_stage and q.job = of_job and q.worker = v_worker
		returning q.* into l;
		exit when found;
	end loop;
	if l.job is null then
		return;
	end if;
	b := tracker.give_back(array[l], array['freed'], array[v_why]);
	v_ok := tracker.add_tally(b.t_stages, b.t_batches, null, b.t_retry, null, null, b.t_failed);
	perform tracker.audit_act('give back', format('job %s, stage %s', of_job, tracker.letter_of(of_stage)), 1,
		jsonb_build_object('reason', v_why));
	return query
		select w.name, p.nickname from tracker.worker w
		join tracker.person p on p.id = w.person
		where w.id = v_worker;
end $$;
