-- The hint for low_of, as a row of a claim's answer has it.
--
-- Caller	claims. p_low: when the first of what came back was due.
-- Answer	microseconds since 1970; null: it was always due, and nothing is known. Some are taken off, for they are counted in floating point on the way.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	small enough to be inlined by the planner.
create or replace function tracker.low_hint(p_low timestamptz)
returns int8
language sql
stable
as $$
	select case when p_low > '-infinity' then (date_part('epoch', p_low) * 1e6)::int8 - 10 end
$$;
