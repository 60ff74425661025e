-- What is said of a result that was not accepted. Looks at what others committed meanwhile. Of v1's,
-- p_job is the number that it sent, if it did. A v1 worker whose job an operator took hears what it would
-- of a repeated result, for its script would die of anything else.
--
-- Caller	complete_jobs.
-- Answer	repeat, fenced, unknown; of v1's repeat, no_job, done_before, no_worker; of a trial's also accepted.
-- Errors	none.
-- Locks	see end_trial.
-- Index	worker by id; output by key; refused_output and strike by (stage, job).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.judge_result(p_v1 boolean, p_worker int8, p_stage int2,
	p_job int8, p_lease uuid, p_arrived timestamptz, p_data text, p_hash uuid)
returns text
language sql
as $$
	select coalesce(tracker.end_trial(p_v1, p_worker, p_lease, 'completed', p_data, p_hash), case when p_v1 then (
		select case
		when w.gone_at is not null then 'no_worker'
		when w.last_kind = 'completed' and w.last_hash = p_hash
			and coalesce(p_job, w.last_job) = w.last_job
			and not (w.claimed_at > w.last_at and p_arrived > w.claimed_at) then 'repeat'
		when p_job <> coalesce(w.held_job, w.last_job) then 'no_job'
		when tracker.is_taken(w.stage, w.held_job, w.held_lease) then 'repeat'
		when w.held_job is not null then
			case when exists (select from tracker.output o
				where o.stage = w.stage and o.job = w.held_job)
			then 'done_before' else 'no_job' end
		when w.last_kind = 'completed' and w.claimed_at <= w.last_at then 'done_before'
		else 'no_job' end
		from tracker.worker w where w.id = p_worker)
	else coalesce(
		(select case when o.data = coalesce(p_data, '') then 'repeat' else 'fenced' end
		from tracker.output o
		where o.stage = p_stage and o.job = p_job and o.lease = p_lease),
		(select 'repeat' from tracker.refused_output o
		where o.stage = p_stage and o.job = p_job and o.lease = p_lease limit 1),
		(select 'fenced' from tracker.strike s
		where s.stage = p_stage and s.job = p_job and s.lease = p_lease limit 1),
		'unknown')
	end)
$$;
