-- The data of jobs that were handed out, when it was too long for the claim's answer.
--
-- Caller	domain/jobs.c, after the claim's commit: one answer's jobs, so answer_limit bounds it, but for
--		the one job that it may always have.
-- Answer	a row a job, in order; null: it was sent back meanwhile, and its lease with it.
-- Errors	none.
-- Locks	none.
-- Index	job and output by key.
create or replace function tracker.fetch_inputs(p_stage int2, p_jobs int8[])
returns table (data text)
language sql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
	select case when p_stage = 1
		then (select j.data from tracker.job j where j.number = p_jobs[g.n])
		else (select o.data from tracker.output o
			where o.stage = p_stage - 1 and o.job = p_jobs[g.n]) end
	from generate_series(1, cardinality(p_jobs)) as g(n)
	order by g.n
$$;
