-- Who of these workers comes, as the same person from the same address, after one that an operator sent away while it
-- had this job: who registers anew does not get back at once what it spoilt.
--
-- Caller	has_struck, seat_jobs.
-- Answer	their ids; empty: none of them.
-- Errors	none.
-- Locks	none.
-- Index	strike by (stage, job); worker by id.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.sent_away(p_stage int2, p_job int8, p_workers int8[])
returns int8[]
language sql
stable
as $$
	select array(
		select v.id
		from tracker.strike s
		join tracker.worker w on w.id = s.worker
		join tracker.worker v on v.id = any (p_workers) and v.person = w.person and v.origin = w.origin
		where s.stage = p_stage and s.job = p_job and s.kind = 'released' and not s.chosen
			and w.gone_why in ('dropped', 'banned'))
$$;
