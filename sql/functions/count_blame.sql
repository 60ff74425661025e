-- How many have ended attempts at a job of a stage badly since the operator last put it back, and how
-- different they are.
--
-- Caller	give_back, when a job's attempts are used up or a worker let it go.
-- Answer	bad: attempts that ended badly; let_go: by a worker's own choice; own: bad ones that were no
--		mere time-out; workers, people, networks: of the bad ones. An unknown network is one.
-- Errors	none.
-- Locks	none.
-- Index	strike by (stage, job).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.count_blame(p_stage int2, p_job int8, out bad int4, out let_go int4,
	out own int4, out workers int4, out people int4, out networks int4)
language sql
as $$
	select count(*) filter (where not s.chosen), count(*) filter (where s.chosen),
		count(*) filter (where not s.chosen and s.kind <> 'timed_out'),
		count(distinct s.worker) filter (where not s.chosen),
		count(distinct s.person) filter (where not s.chosen),
		count(distinct coalesce(s.network, 0)) filter (where not s.chosen)
	from tracker.strike s
	where s.stage = p_stage and s.job = p_job
		and (s.chosen or s.kind not in ('released', 'requeued'))
		and s.id > coalesce((
			select max(q.id) from tracker.strike q
			where q.stage = p_stage and q.job = p_job and q.kind = 'requeued'), 0)
$$;
