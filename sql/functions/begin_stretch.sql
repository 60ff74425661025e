-- Has stage A begin the next stretch of a batch, when it is through with the one before.
--
-- Caller	take_fresh, when the frontier of the batch has too little.
-- Answer	whether the frontier has something now; perhaps because somebody else was quicker.
-- Errors	none.
-- Locks	ahead: its first row of the batch; frontier: the batch's row.
-- Index	ahead and frontier by key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.begin_stretch(p_batch int4)
returns boolean
language plpgsql
as $$
#variable_conflict use_column
declare
	a record;
	v_epoch int8;
	v_open boolean;
begin
	-- Whoever is at it is waited for here.
	select q.first, q.last into a from tracker.ahead q
	where q.batch = p_batch order by q.first limit 1 for update;
	select f.epoch, f.next <= f.last into v_epoch, v_open from tracker.frontier f
	where f.batch = p_batch order by f.epoch desc limit 1;
	if v_open then
		return true;
	elsif a.first is null then
		return false;
	end if;
	delete from tracker.ahead q where q.batch = p_batch and q.first = a.first;
	-- The row anew: nobody moves the end of one (refuse_old_load).
	delete from tracker.frontier f where f.batch = p_batch and f.epoch = v_epoch;
	insert into tracker.frontier (batch, epoch, next, last, previous)
	values (p_batch, greatest(v_epoch, tracker.now_epoch()), a.first, a.last, a.first);
	return true;
end $$;
