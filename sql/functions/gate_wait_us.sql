-- How long it is until a gate lets a job pass.
--
-- Caller	deal_gated, read_work.
-- Answer	microseconds, 0: at once.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	small enough to be inlined by the planner.
create or replace function tracker.gate_wait_us(p_rate int4, p_free_at timestamptz, p_now timestamptz)
returns int8
language sql
immutable
as $$
	select ceil(greatest(tracker.gate_behind(p_rate, p_free_at, p_now)
		- (tracker.burst_of(p_rate) - 1) * 60 / p_rate, 0) * 1e6)::int8
$$;
