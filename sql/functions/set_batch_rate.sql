-- Puts down how many jobs of a batch stage A hands out a minute, work that came back not counted.
--
-- Caller	set_batch. rate 0: as many as are asked for.
-- Answer	false when there is no such batch, or that is its rate already.
-- Errors	TR003: no such rate. lock_not_available: see await_barrier.
-- Locks	all of the barrier, for a moment; gate; stage, for its line.
-- Index	batch by key; see set_gate.
drop function if exists tracker.set_batch_rate(int4, int4, int4);
create or replace function tracker.set_batch_rate(of_batch int4, rate int4,
	patience_s int4 default 60, tell boolean default true)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.await_barrier(patience_s);
	v_name text := (select b.name from tracker.batch b where b.batch = of_batch);
begin
	if v_name is null or not tracker.set_gate(1::int2, of_batch, set_batch_rate.rate) then
		return false;
	end if;
	if set_batch_rate.tell then
		perform tracker.audit_act('set rate', format('batch "%s"', v_name), null,
			jsonb_build_object('rate', set_batch_rate.rate));
	end if;
	return true;
end $$;
