-- Lets a batch that was paused go on.
--
-- Caller	distcompute-admin batch resume, which then wakes who waits for work.
-- Answer	false when there is no such batch, it is not paused, or cancelled.
-- Errors	lock_not_available: see await_barrier.
-- Locks	all of the barrier, for a moment; batch; stage, for its line.
-- Index	batch by key; see has_work.
create or replace function tracker.resume_batch(of_batch int4, patience_s int4 default 60)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.await_barrier(patience_s);
	v_name text;
	v_stages int2[];
begin
	update tracker.batch b set paused = false, paused_why = '', judged_from = clock_timestamp()
	where b.batch = of_batch and b.paused and not b.cancelled
	returning b.name into v_name;
	if not found then
		return false;
	end if;
	v_stages := array(
		select s.stage from tracker.stage s
		where tracker.has_work(s.stage, of_batch, 'infinity') order by s.stage);
	v_ok := tracker.join_line(v_stages, array_fill(of_batch, array[cardinality(v_stages)]));
	perform tracker.audit_act('resume', format('batch "%s"', v_name), null, null);
	return true;
end $$;
