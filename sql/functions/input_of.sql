-- The data that a job of a stage is fed with; null when it is longer than p_most bytes.
--
-- Caller	claim_held and claim_fleet, for what is told again; fetch_inputs.
-- Answer	the text.
-- Errors	none.
-- Locks	none.
-- Index	job and output by key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.input_of(p_stage int2, p_job int8, p_most int8)
returns text
language sql
stable
as $$
	select case when p_stage = 1
		then (select case when octet_length(j.data) <= p_most then j.data end
			from tracker.job j where j.number = p_job)
		else (select case when octet_length(o.data) <= p_most then o.data end
			from tracker.output o where o.stage = p_stage - 1 and o.job = p_job) end
$$;
