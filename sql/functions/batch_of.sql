-- The batch of a job.
--
-- Caller	whoever has a job's number alone; leases, retry and ready carry their batch.
-- Answer	its number; null when there is no such job.
-- Errors	none.
-- Locks	none.
-- Index	batch by first.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.batch_of(p_job int8)
returns int4
language sql
stable
as $$
	select b.batch from (
		select q.batch, q.last from tracker.batch q
		where q.first <= p_job order by q.first desc limit 1) b
	where b.last >= p_job
$$;
