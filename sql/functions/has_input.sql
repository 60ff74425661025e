-- Is there still what a job of a stage is fed with? Not when the result before it was refused.
--
-- Caller	claim_awake, tell_trials: of a trial, which no place of the pipeline keeps.
-- Answer	yes or no.
-- Errors	none.
-- Locks	none.
-- Index	output by key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.has_input(p_stage int2, p_job int8)
returns boolean
language sql
stable
as $$
	select p_stage = 1 or exists (
		select from tracker.output o where o.stage = p_stage - 1 and o.job = p_job)
$$;
