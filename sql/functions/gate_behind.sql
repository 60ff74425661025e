-- How far a gate is behind: the jobs that have passed it, each a minute divided by the rate after the one
-- before, have their turn until then. free_at is when the last of them has had it.
--
-- Caller	gate_room, gate_wait_us, take_gated.
-- Answer	seconds, from 0 to those of a burst. More is of a clock that was set back: a little counts as a burst,
--		twice that as nothing, so that no gate is closed for longer than two bursts take.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	the generic cell rate algorithm (ITU-T I.371). Small enough to be inlined by the planner.
create or replace function tracker.gate_behind(p_rate int4, p_free_at timestamptz, p_now timestamptz)
returns float8
language sql
immutable
as $$
	select case when extract(epoch from p_free_at - p_now)::float8 > 2 * tracker.burst_of(p_rate) * 60 / p_rate then 0
		else least(greatest(extract(epoch from p_free_at - p_now)::float8, 0),
			tracker.burst_of(p_rate) * 60 / p_rate) end
$$;
