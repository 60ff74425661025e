-- Did an operator's act end this lease: a result that it was made of was refused, or the job was given
-- back?
--
-- Caller	judge_result, judge_return, of the job that v1's worker was given last.
-- Answer	false for nulls.
-- Errors	none.
-- Locks	none.
-- Index	strike by (stage, job).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
--		A worker's own words are in strikes of leases that it gave back itself, after which it holds
--		none; so the words tell whose act it was.
create or replace function tracker.is_taken(p_stage int2, p_job int8, p_lease uuid)
returns boolean
language sql
stable
as $$
	select exists (
		select from tracker.strike s
		where s.stage = p_stage and s.job = p_job and s.lease = p_lease
			and s.kind = 'released' and not s.chosen
			and s.reason <> 'the answer could not be delivered')
$$;
