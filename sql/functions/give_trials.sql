-- Gives v1's workers their trials, or the one that they have once more; who asked too often has let it go.
--
-- Caller	claim_awake. w_trial: of workers that hold nothing, and w_held: of those that have one in hand;
--		null elsewhere. again: may the question be the same one once more?
-- Answer	a row a trial that is in hand now: its place, and what a job's row says.
-- Errors	none.
-- Locks	the caller holds the workers' rows; trial.
-- Index	trial and worker by key; trial by lease.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.give_trials(tokens uuid[], ages_us int8[], calls int8[],
	w_trial int8[], w_held uuid[], again boolean[], p_limit int8)
returns table (pos int4, worker int8, stage int2, job int8, lease uuid, data text)
language plpgsql
as $$
#variable_conflict use_column
begin
	return query
	with u as (
		select u.pos::int4 as pos, u.token, u.age, u.call, u.trial, u.held, u.again
		from unnest(tokens, ages_us, calls, w_trial, w_held, again)
			with ordinality as u(token, age, call, trial, held, again, pos)),
	t as (
		update tracker.trial t set
			state = case when u.trial is null and not u.again then 'abandoned' else 'given' end,
			ended = case when u.trial is null and not u.again then clock_timestamp() end,
			call = u.call, given = coalesce(t.given, clock_timestamp())
		from u where t.id = u.trial and t.state = 'waiting' or t.lease = u.held and t.state = 'given'
		returning u.pos, u.token, u.age, u.trial, t.state, t.stage, t.job, t.lease)
	update tracker.worker w set
		seen = greatest(w.seen, clock_timestamp()), asked_kind = 'new_job', asked_at = clock_timestamp(),
		claimed_at = greatest(w.claimed_at,
			clock_timestamp() - greatest(coalesce(t.age, 0), 0) * interval '1 us'),
		repeats = case when t.trial is null then least(w.repeats + 1, 1000) else 0 end,
		trial = case when t.trial is null then w.trial end,
		held_job = case when t.state = 'given' then t.job end,
		held_lease = case when t.state = 'given' then t.lease end
	from t where w.token = t.token
	returning t.pos, w.id, w.stage, w.held_job, w.held_lease,
		tracker.input_of(t.stage, t.job, p_limit);
end $$;
