-- Tells fleets of their trials: those that wait for one, and those whose answer with it was lost.
--
-- Caller	claim_fleet. w_*, rerun, has_holding, hold_*: as list_unheard; w_want: how many jobs each asks
--		for; p_limit: bytes of an answer.
-- Answer	a row a trial: whose (the place in w_*), and what a job's row says.
-- Errors	none.
-- Locks	the caller holds the workers' rows; trial, worker.
-- Index	trial_worker; worker by id.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.tell_trials(w_item int4[], w_worker int8[], w_arrived timestamptz[],
	w_call int8[], w_want int4[], rerun boolean[], has_holding boolean[], hold_ends int4[],
	hold_jobs int8[], p_limit int8)
returns table (pos int4, worker int8, stage int2, job int8, lease uuid, data text)
language sql
as $$
	with t as (
		update tracker.trial t set state = 'given', call = u.call, given = clock_timestamp()
		from unnest(w_item, w_worker, w_arrived, w_call)
			with ordinality as u(item, worker, arrived, call, pos)
		where t.worker = u.worker and t.state in ('waiting', 'given')
			and tracker.has_input(t.stage, t.job) and (
			t.state = 'waiting' and w_want[u.pos] > 0
			or t.state = 'given' and (rerun[u.item] and t.call = u.call
				or has_holding[u.item] and t.given < u.arrived
					and t.job <> all (hold_jobs[coalesce(hold_ends[u.item - 1], 0) + 1 : hold_ends[u.item]])))
		returning u.pos::int4 as pos, t.id, t.worker, t.stage, t.job, t.lease),
	w as (
		update tracker.worker w set trial = null from t where w.id = t.worker)
	select t.pos, t.worker, t.stage, t.job, t.lease, tracker.input_of(t.stage, t.job, p_limit) from t
$$;
