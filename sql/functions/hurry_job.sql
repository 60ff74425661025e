-- A job that waits in a stage is the next one of its batch: one that came back waits no longer, and one that
-- nobody has had yet leaves the line for retry, due at once.
--
-- Caller	distcompute-admin hurry.
-- Answer	false when the job does not wait in that stage, is due already, or its batch is cancelled.
-- Errors	lock_not_available: see await_barrier.
-- Locks	the barrier, all of it for a moment in stage A; the job's row in retry or ready; ahead, frontier;
--		stage, for its line; tally.
-- Index	retry by key; ready has none by job: what is ready of its batch is read; batch by first; see
--		cut_ahead.
create or replace function tracker.hurry_job(of_stage int2, of_job int8)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	v_ok boolean := case when of_stage = 1 then tracker.await_barrier(60) else tracker.pass_barrier() end;
	v_batch int4 := (
		select b.batch from tracker.batch b
		where b.batch = tracker.batch_of(of_job) and not b.cancelled);
	v_fresh boolean := false;
begin
	update tracker.retry r set due = clock_timestamp()
	where r.stage = of_stage and r.job = of_job and r.batch = v_batch and r.due > clock_timestamp();
	if not found then
		if of_stage = 1 then
			v_fresh := tracker.cut_ahead(v_batch, of_job);
		else
			delete from tracker.ready q
			where q.stage = of_stage and q.batch = v_batch and q.job = of_job;
			v_fresh := found;
		end if;
		if not v_fresh then
			return false;
		end if;
		insert into tracker.retry (stage, batch, job, due, attempt)
		values (of_stage, v_batch, of_job, clock_timestamp(), 1);
	end if;
	perform tracker.join_line(array[of_stage], array[v_batch]);
	if v_fresh then
		perform tracker.add_tally(array[of_stage], array[v_batch],
			array[case when of_stage = 1 then 0 else -1 end], array[1], null, null, null);
	end if;
	perform tracker.audit_act('hurry', format('job %s, stage %s', of_job, chr(96 + of_stage)), 1, null);
	return true;
end $$;
