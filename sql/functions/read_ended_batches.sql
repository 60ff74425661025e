-- Batches that are over, the last one at first; a page at a time.
--
-- Caller	pages. after_ended, after_batch: the last one of the page before; null: from the beginning.
-- Answer	their numbers, at most max_rows + 1 (one more tells that there are more).
-- Errors	none.
-- Locks	none.
-- Index	batch_ended.
create or replace function tracker.read_ended_batches(after_ended timestamptz, after_batch int4,
	max_rows int4)
returns table (batch int4, ended timestamptz)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select b.batch, b.ended from tracker.batch b
	where b.ended is not null and (after_ended is null
		or (b.ended, b.batch) < (after_ended, after_batch))
	order by b.ended desc, b.batch desc
	limit max_rows + 1
$$;
