-- Puts down a rate, or takes it away, and has claims know of it. The jobs that passed under a rate of before count by
-- the new one: who waited for the turn of one job a minute does not wait for it at ten a second.
--
-- Caller	set_batch_rate, set_stage_rate, under all of the barrier; open_batch, before anybody sees the batch. p_batch 0: of the whole stage. p_rate 0: as
--		many as are asked for.
-- Answer	false when that is the rate already.
-- Errors	TR003: no such rate.
-- Locks	gate; stage, for its line.
-- Index	gate and stage by key.
-- Source	runs under its caller's settings.
create or replace function tracker.set_gate(p_stage int2, p_batch int4, p_rate int4)
returns boolean
language plpgsql
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
begin
	if p_rate is null or p_rate not between 0 and 6000000 then
		raise exception 'a rate is 0 to 6000000 jobs a minute, and 0 as many as are asked for'
			using errcode = 'TR003';
	end if;
	if p_rate = coalesce(
		(select g.rate from tracker.gate g where g.stage = p_stage and g.batch = p_batch), 0) then
		return false;
	elsif p_rate = 0 then
		delete from tracker.gate g where g.stage = p_stage and g.batch = p_batch;
	else
		insert into tracker.gate (stage, batch, rate) values (p_stage, p_batch, p_rate)
		on conflict (stage, batch) do update set rate = excluded.rate, free_at = v_now + interval '1 second'
			* least(tracker.gate_behind(gate.rate, gate.free_at, v_now) * gate.rate,
				tracker.burst_of(p_rate) * 60) / p_rate;
	end if;
	update tracker.stage s set line = s.line where s.stage = p_stage;
	return true;
end $$;
