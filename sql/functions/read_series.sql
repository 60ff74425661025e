-- Completions of all batches over time: see read_batch_series.
--
-- Caller	pages.
-- Answer	see there.
-- Units	see there.
-- Errors	none.
-- Locks	none.
-- Index	see there.
-- Source	in plpgsql, as what calls others that may be put in place after it.
create or replace function tracker.read_series(span_s int4, bar_s int4)
returns table (start timestamptz, bucket_s int4, buckets int4, bucket int4, stage int2, done int8)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
	return query select r.* from tracker.read_batch_series(null, span_s, bar_s) r;
end
$$;
