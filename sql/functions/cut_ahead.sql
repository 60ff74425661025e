-- Takes one job out of what stage A has not handed out yet of a batch: what is around it are two stretches then.
--
-- Caller	hurry_jobs, under all of the barrier.
-- Answer	whether it was there.
-- Errors	none.
-- Locks	ahead and frontier: rows of the batch.
-- Index	ahead and frontier by key.
-- Source	runs under its caller's settings. The frontier's row is written anew, as in begin_stretch.
create or replace function tracker.cut_ahead(p_batch int4, p_job int8)
returns boolean
language plpgsql
as $$
#variable_conflict use_column
declare
	f record;	-- the stretch that stage A is at
	a record;	-- the one that has the job
begin
	select q.epoch, q.next, q.last into f from tracker.frontier q
	where q.batch = p_batch order by q.epoch desc limit 1;
	if p_job between f.next and f.last then
		delete from tracker.frontier q where q.batch = p_batch;
		insert into tracker.frontier (batch, epoch, next, last, previous)
		values (p_batch, f.epoch, f.next, p_job - 1, f.next);
		insert into tracker.ahead (batch, first, last)
		select p_batch, p_job + 1, f.last where p_job < f.last;
		return true;
	end if;
	delete from tracker.ahead q where q.batch = p_batch and p_job between q.first and q.last
	returning q.first, q.last into a;
	if not found then
		return false;
	end if;
	insert into tracker.ahead (batch, first, last)
	select p_batch, s.first, s.last
	from (values (a.first, p_job - 1), (p_job + 1, a.last)) as s(first, last)
	where s.first <= s.last;
	return true;
end $$;
