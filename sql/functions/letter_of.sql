-- The letter of a stage, as people and the older API call it: 1 is a.
--
-- Caller	functions that name a stage in audit or in a list.
-- Answer	a to e.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings: a SET of its own would cost more than the work.
create or replace function tracker.letter_of(p_stage int2)
returns text
language sql
immutable
as $$
	select chr(96 + p_stage)
$$;
