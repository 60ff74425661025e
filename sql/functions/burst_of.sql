-- How many jobs may pass a gate at once that nobody has passed for long: one second's worth, or one.
--
-- A tenth of a job more is for who comes late: at a slow rate there would be no catching up, and every
-- job be later than the one before.
--
-- Caller	gate_behind, gate_room, gate_wait_us.
-- Answer	jobs, and parts of one.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	small enough to be inlined by the planner.
create or replace function tracker.burst_of(p_rate int4)
returns float8
language sql
immutable
as $$
	select greatest(p_rate / 60.0::float8, 1.1)
$$;
