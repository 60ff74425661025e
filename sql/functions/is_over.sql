-- Whether a job has failed for good: max_attempts bad ends, not mere time-outs, by as many different
-- ones as can be asked for (flag_limit workers, 3 people and networks, or as many as are about); or twice
-- max_attempts, whoever they were and however they let it go.
--
-- Caller	give_back. p_*: see count_blame; s: the stage, for how many are about.
-- Answer	true or false.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.is_over(p tracker.policy, s tracker.stage, bad int4, let_go int4,
	own int4, by_workers int4, by_people int4, by_networks int4)
returns boolean
language sql
immutable
as $$
	select bad + let_go >= 2 * p.max_attempts
		or (bad >= p.max_attempts and own > 0
			and by_workers >= least(p.flag_limit, p.max_attempts, s.workers)
			and by_people >= least(3, p.max_attempts, s.people)
			and by_networks >= least(3, p.max_attempts, s.networks))
$$;
