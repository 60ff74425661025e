-- How many workers have flagged the input that a job of a stage has now: since it was made, or put
-- back by the operator.
--
-- Caller	return_jobs.
-- Answer	a number.
-- Errors	none.
-- Locks	none.
-- Index	output by key; strike by (stage, job).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.count_flags(p_stage int2, p_job int8)
returns int4
language sql
as $$
	select count(distinct s.worker)::int4
	from tracker.strike s
	where s.stage = p_stage and s.job = p_job and s.kind = 'flagged'
		and s.at >= coalesce((
			select o.finished from tracker.output o
			where o.stage = p_stage - 1 and o.job = p_job), '-infinity')
		and s.id > coalesce((
			select max(q.id) from tracker.strike q
			where q.stage = p_stage and q.job = p_job and q.kind = 'requeued'), 0)
$$;
