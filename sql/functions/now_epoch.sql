-- The number of the four seconds that it is now: see the frontier's epoch.
--
-- Caller	whoever moves the frontier.
-- Answer	a number that grows by one every four seconds.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	small enough to be inlined by the planner.
create or replace function tracker.now_epoch()
returns int8
language sql
stable
as $$
	select floor(date_part('epoch', statement_timestamp()) / 4)::int8
$$;
