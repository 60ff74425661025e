-- Puts batches into the lines of stages in which they now have work; those that stand there already,
-- and those that are paused or cancelled, are passed by; so are stages that there are not.
--
-- Caller	whoever puts work into ready, retry or ahead, after that and before its counts. Arrays are
--		aligned; an element may come more than once.
-- Answer	true.
-- Errors	none.
-- Locks	stage: rows of which the line changes, in order.
-- Index	stage and batch by key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work. Settings of
--		a batch change under the barrier alone, so what is read here holds until commit.
create or replace function tracker.join_line(p_stages int2[], p_batches int4[])
returns boolean
language plpgsql
as $$
#variable_conflict use_column
declare
	v_stage int2;
	v_new int4[];
begin
	for v_stage in select distinct u.stage from unnest(p_stages) as u(stage) order by u.stage loop
		v_new := array(
			select distinct b.batch from unnest(p_stages, p_batches) as u(stage, batch)
			cross join lateral (
				select q.batch, q.paused, q.cancelled from tracker.batch q
				where q.batch = u.batch offset 0) b
			where u.stage = v_stage and not b.paused and not b.cancelled);
		-- Looked at again when somebody else changes the line at this moment.
		update tracker.stage s set line = tracker.sort_line(s.line || v_new)
		where s.stage = v_stage and not s.line @> v_new;
	end loop;
	return true;
end $$;
