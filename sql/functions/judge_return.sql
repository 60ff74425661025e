-- What is said of a return that took no lease back. Looks at what others committed meanwhile. A v1
-- worker whose job an operator took hears what it would of a repeated flag.
--
-- Caller	return_jobs.
-- Answer	repeat, fenced, unknown; of v1's repeat, no_job, no_worker; of a trial's also accepted.
-- Errors	none.
-- Locks	see end_trial.
-- Index	worker by id; output by key; refused_output and strike by (stage, job).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.judge_return(p_v1 boolean, p_worker int8, p_stage int2,
	p_job int8, p_lease uuid, p_arrived timestamptz, p_kind text, p_reason text)
returns text
language sql
as $$
	select coalesce(tracker.end_trial(p_v1, p_worker, p_lease, p_kind, p_reason, null), case when p_v1 then (
		select case
		when w.gone_at is not null then 'no_worker'
		when w.last_kind = 'flagged'
			and not (w.claimed_at > w.last_at and p_arrived > w.claimed_at) then 'repeat'
		when tracker.is_taken(w.stage, w.held_job, w.held_lease) then 'repeat'
		else 'no_job' end
		from tracker.worker w where w.id = p_worker)
	else coalesce(
		(select case when s.kind = p_kind or p_kind in ('released', 'undelivered')
			then 'repeat' else 'fenced' end
		from tracker.strike s
		where s.stage = p_stage and s.job = p_job and s.lease = p_lease
		order by s.kind = p_kind desc limit 1),
		(select 'fenced' from tracker.output o
		where o.stage = p_stage and o.job = p_job and o.lease = p_lease),
		(select 'fenced' from tracker.refused_output o
		where o.stage = p_stage and o.job = p_job and o.lease = p_lease limit 1),
		'unknown')
	end)
$$;
