-- The last results of a stage since a moment, so many at the most.
--
-- Caller	judge_batches, count_newcomers.
-- Answer	from which moment on these are all, and the results since then, the latest first: aligned arrays.
-- Errors	none.
-- Locks	none.
-- Index	output_finished, from its end.
-- Source	see read_latest.
create or replace function tracker.read_results(of_stage int2, since timestamptz, most int4, out from_when timestamptz,
	out jobs int8[], out workers int8[], out times timestamptz[])
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_sort = off
set jit = off
as $$
begin
	select array_agg(o.job), array_agg(o.worker), array_agg(o.finished) into jobs, workers, times
	from (
		select q.job, q.worker, q.finished from tracker.output q
		where q.stage = of_stage and q.finished > since
		order by q.finished desc limit most) o;
	from_when := coalesce(times[most], since);
end $$;
