-- Whether a batch has anything in a stage that may be handed out by then.
--
-- Caller	next_in_line, tidy_line.
-- Answer	so it is. Somebody else may take it first.
-- Errors	none.
-- Locks	none.
-- Index	ready, ahead and frontier by key; retry by (stage, batch, due).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work. In plpgsql,
--		whose plans are kept.
create or replace function tracker.has_work(p_stage int2, p_batch int4, p_due timestamptz)
returns boolean
language plpgsql
stable
as $$
#variable_conflict use_column
begin
	if p_stage > 1 then
		if exists (select from tracker.ready q where q.stage = p_stage and q.batch = p_batch) then
			return true;
		end if;
	elsif exists (select from tracker.ahead a where a.batch = p_batch) or (
		select f.next <= f.last from tracker.frontier f
		where f.batch = p_batch order by f.epoch desc limit 1) then
		return true;
	end if;
	return exists (
		select from tracker.retry t
		where t.stage = p_stage and t.batch = p_batch and t.due <= p_due);
end $$;
