-- Takes bad ends that were the work's fault off their workers: they rest no longer than the others ask for.
--
-- Caller	judge_batches. Parameters as of read_bad_ends.
-- Answer	nothing.
-- Errors	none.
-- Locks	rows of worker, in order of id.
-- Index	see read_bad_ends; worker by id.
-- Source	runs under its caller's settings.
create or replace function tracker.spare_rest(of_stage int2, first_job int8, last_job int8, since timestamptz, most int4)
returns void
language plpgsql
as $$
#variable_conflict use_column
begin
	perform 1 from tracker.worker w
	where w.id in (select b.worker from tracker.read_bad_ends(of_stage, first_job, last_job, since, most) b)
	order by w.id for update;
	update tracker.worker w
	set bad_row = c.bad, soft_row = c.soft, allowance = greatest(w.allowance, w.slots),
		rest_until = case when c.rest = interval '0' then '-infinity'
			else least(w.rest_until, clock_timestamp() + c.rest) end
	from (
		select v.id, greatest(v.bad_row - b.hard, 0) as bad, greatest(v.soft_row - b.soft, 0) as soft,
			tracker.rest_after(greatest(v.bad_row - b.hard, 0), greatest(v.soft_row - b.soft, 0)) as rest
		from tracker.read_bad_ends(of_stage, first_job, last_job, since, most) b
		join tracker.worker v on v.id = b.worker) c
	where w.id = c.id;
end $$;
