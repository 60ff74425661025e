-- Pauses a batch: nothing of it is handed out from now on. What is in hand may finish, and counts.
--
-- Caller	distcompute-admin batch pause; whatever finds that a batch had better wait. why: for people, may
--		be empty.
-- Answer	false when there is no such batch, it is paused already, or cancelled.
-- Errors	TR003: see check_line. lock_not_available: see await_barrier.
-- Locks	all of the barrier, for a moment; batch; stage, for its line.
-- Index	batch and stage by key.
create or replace function tracker.pause_batch(of_batch int4, why text default '',
	patience_s int4 default 60)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.check_line('a reason', pause_batch.why) and tracker.await_barrier(patience_s);
	v_name text;
begin
	update tracker.batch b set paused = true, paused_why = coalesce(pause_batch.why, '')
	where b.batch = of_batch and not b.paused and not b.cancelled
	returning b.name into v_name;
	if not found then
		return false;
	end if;
	update tracker.stage s set line = tracker.sort_line(s.line) where of_batch = any (s.line);
	perform tracker.audit_act('pause', format('batch "%s"', v_name), null,
		jsonb_strip_nulls(jsonb_build_object('why', nullif(pause_batch.why, ''))));
	return true;
end $$;
