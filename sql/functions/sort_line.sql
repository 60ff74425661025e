-- Batches in the order in which they have their turn: higher priority first, then the older one.
--
-- Caller	whoever writes the line of a stage.
-- Answer	each once; those that there are not, or that are paused or cancelled, are left out.
-- Errors	none.
-- Locks	none.
-- Index	batch by key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.sort_line(p_batches int4[])
returns int4[]
language sql
stable
as $$
	select array(
		select b.batch from tracker.batch b
		where b.batch = any (p_batches) and not b.paused and not b.cancelled
		order by b.priority desc, b.batch)
$$;
