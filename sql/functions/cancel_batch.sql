-- Cancels a batch, for good: what of it was not handed out yet, in any stage, is cancelled at once, and so is
-- what comes back of it from now on. What is in hand may finish, and counts; results stay.
--
-- Nothing is moved, however much waits: what is in ready and retry of a cancelled batch is in no line, and
-- counts as cancelled; sweep_cancelled takes the rows away later.
--
-- Caller	distcompute-admin batch cancel. why: for the audit, may be empty.
-- Answer	how many jobs are cancelled, over all stages; null: there is no such batch, or it is cancelled
--		already.
-- Errors	TR003: see check_line. lock_not_available: see await_barrier.
-- Locks	that of fold_tally, for the counts that it folds; all of the barrier, for some ms; batch, batch_count,
--		cancelled_count; ahead, frontier; stage, for its line; tally: the base rows.
-- Index	all by key.
drop function if exists tracker.cancel_batch(int4, int4);
create or replace function tracker.cancel_batch(of_batch int4, patience_s int4 default 60, why text default '')
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_ok boolean;
	v_name text;
	v_ahead int8;
	v_stages int2[]; v_ready int8[]; v_retry int8[];	-- folded
	v_count int8;
begin
	perform tracker.check_line('a reason', cancel_batch.why);
	perform pg_advisory_xact_lock(hashtext('tracker.fold_tally'));
	v_ok := tracker.await_barrier(patience_s);
	update tracker.batch b set cancelled = true, paused = false, paused_why = ''
	where b.batch = of_batch and not b.cancelled
	returning b.name into v_name;
	if not found then
		return null;
	end if;

	v_ahead := coalesce((select a.jobs from tracker.count_ahead() a where a.batch = of_batch), 0);
	delete from tracker.ahead a where a.batch = of_batch;
	delete from tracker.frontier f where f.batch = of_batch;
	select array_agg(c.stage), array_agg(c.ready), array_agg(c.retry) into v_stages, v_ready, v_retry
	from tracker.batch_count c where c.batch = of_batch;
	insert into tracker.batch_count as c (batch, stage, cancelled) values (of_batch, 1, v_ahead)
	on conflict (batch, stage) do update set cancelled = c.cancelled + excluded.cancelled;
	update tracker.batch_count c set cancelled = c.cancelled + c.ready + c.retry, ready = 0, retry = 0
	where c.batch = of_batch;
	update tracker.tally t set ready = t.ready - u.ready, retry = t.retry - u.retry
	from unnest(v_stages, v_ready, v_retry) as u(stage, ready, retry)
	where t.stage = u.stage and t.batch = 0 and t.slot = -1;
	insert into tracker.cancelled_count as k (stage, jobs)
	select c.stage, c.cancelled from tracker.batch_count c where c.batch = of_batch order by c.stage
	on conflict (stage) do update set jobs = k.jobs + excluded.jobs;

	update tracker.stage s set line = tracker.sort_line(s.line) where of_batch = any (s.line);
	update tracker.batch b set ended = case when c.leased = 0 then clock_timestamp() end
	from (select sum(q.leased) as leased from tracker.read_batches(array[of_batch]) q) c
	where b.batch = of_batch;
	select sum(q.cancelled) into v_count from tracker.read_batches(array[of_batch]) q;
	perform tracker.audit_act('cancel', format('batch "%s"', v_name), v_count,
		jsonb_strip_nulls(jsonb_build_object('why', nullif(cancel_batch.why, ''))));
	return v_count;
end $$;
