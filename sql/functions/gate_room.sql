-- How many jobs a gate lets pass.
--
-- Caller	take_gated, deal_gated, read_work.
-- Answer	jobs, 0 or more.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	small enough to be inlined by the planner. A millionth of a job is what sums of fractions are off.
create or replace function tracker.gate_room(p_rate int4, p_free_at timestamptz, p_now timestamptz)
returns int4
language sql
immutable
as $$
	select floor(greatest(tracker.burst_of(p_rate)
		- tracker.gate_behind(p_rate, p_free_at, p_now) * p_rate / 60, 0) + 1e-6)::int4
$$;
