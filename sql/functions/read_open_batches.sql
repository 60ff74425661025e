-- Batches that are not over, those that have their turn first at first; a page at a time.
--
-- Caller	pages. after_priority, after_batch: the last one of the page before; null: from the beginning.
-- Answer	their numbers, at most max_rows + 1 (one more tells that there are more).
-- Errors	none.
-- Locks	none.
-- Index	batch_open.
create or replace function tracker.read_open_batches(after_priority int4, after_batch int4, max_rows int4)
returns table (batch int4, priority int2)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select b.batch, b.priority from tracker.batch b
	where b.ended is null and (after_priority is null
		or (b.priority <= after_priority and (b.priority < after_priority or b.batch > after_batch)))
	order by b.priority desc, b.batch
	limit max_rows + 1
$$;
