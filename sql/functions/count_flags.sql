-- How many workers have flagged the input that a job of a stage has now: since it was made, or put
-- back by the operator. Enough are flag_limit of them, of 3 people and networks, or of as many as are
-- about in the stage.
--
-- Caller	return_jobs, before a flag is written for `mine`, and after it for the rest.
-- Answer	flags: workers; enough; mine: p_worker is one of them.
-- Errors	none.
-- Locks	none.
-- Index	output by key; strike by (stage, job).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.count_flags(p_stage int2, p_job int8, p_worker int8, out flags int4,
	out enough boolean, out mine boolean)
language sql
as $$
	select x.workers, x.workers >= p.flag_limit
		and x.people >= least(3, p.flag_limit, s.people)
		and x.networks >= least(3, p.flag_limit, s.networks), x.mine
	from (
		select count(distinct f.worker)::int4 as workers, count(distinct f.person)::int4 as people,
			count(distinct coalesce(f.network, 0))::int4 as networks,
			coalesce(bool_or(f.worker = p_worker), false) as mine
		from tracker.strike f
		where f.stage = p_stage and f.job = p_job and f.kind = 'flagged'
			and f.at >= coalesce((
				select o.finished from tracker.output o
				where o.stage = p_stage - 1 and o.job = p_job), '-infinity')
			and f.id > coalesce((
				select max(q.id) from tracker.strike q
				where q.stage = p_stage and q.job = p_job and q.kind = 'requeued'), 0)) x
	join tracker.policy p on p.one
	join tracker.stage s on s.stage = p_stage
$$;
