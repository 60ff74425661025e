-- Batches in the order in which they have their turn: higher priority first, then the older one.
--
-- Caller	whoever writes the line of a stage.
-- Answer	each once; those that there are not, or that are paused or cancelled, are left out.
-- Errors	none.
-- Locks	none.
-- Index	batch by key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work. Volatile, so that it reads what
--		is committed by now: who has waited for the stage's row sorts a line with batches that are newer than its
--		statement, and would leave them out.
create or replace function tracker.sort_line(p_batches int4[])
returns int4[]
language sql
as $$
	select array(
		select b.batch from tracker.batch b
		where b.batch = any (p_batches) and not b.paused and not b.cancelled
		order by b.priority desc, b.batch)
$$;
