-- Results of a stage since a moment; where there are more than so many, of a quarter of that time, or of a quarter
-- of that: a second at the least.
--
-- Caller	judge_batches, count_newcomers.
-- Answer	from which moment, and the results since then, in no order: aligned arrays.
-- Errors	none.
-- Locks	none.
-- Index	output_finished (block ranges).
-- Source	runs under its caller's settings.
create or replace function tracker.read_results(of_stage int2, since timestamptz, most int4, out from_when timestamptz,
	out jobs int8[], out workers int8[], out times timestamptz[])
language plpgsql
as $$
declare
	v_now timestamptz := clock_timestamp();
	v_back interval := v_now - since;
begin
	loop
		from_when := v_now - v_back;
		select array_agg(o.job), array_agg(o.worker), array_agg(o.finished) into jobs, workers, times
		from (
			select q.job, q.worker, q.finished from tracker.output q
			where q.stage = of_stage and q.finished > from_when limit most) o;
		exit when coalesce(cardinality(workers), 0) < most or v_back < interval '1 second';
		v_back := v_back / 4;
	end loop;
end $$;
