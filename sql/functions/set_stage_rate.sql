-- Puts down how many jobs a stage hands out a minute, work that came back not counted.
--
-- Caller	distcompute-admin stages rate. rate 0: as many as are asked for.
-- Answer	false when there is no such stage, or that is its rate already.
-- Errors	TR003: no such rate. lock_not_available: see await_barrier.
-- Locks	all of the barrier, for a moment; gate; stage, for its line.
-- Index	stage by key; see set_gate.
create or replace function tracker.set_stage_rate(of_stage int2, rate int4,
	patience_s int4 default 60)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.await_barrier(patience_s);
begin
	if not exists (select from tracker.stage s where s.stage = of_stage)
		or not tracker.set_gate(of_stage, 0, set_stage_rate.rate) then
		return false;
	end if;
	perform tracker.audit_act('set rate', 'stage ' || tracker.letter_of(of_stage), null,
		jsonb_build_object('rate', set_stage_rate.rate));
	return true;
end $$;
