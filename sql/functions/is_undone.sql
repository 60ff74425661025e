-- Did the last that happened to a job in a stage undo its result there, and is what that was made of still what it was?
--
-- Caller	undo_take_back, undo_over. of_undo: by this undo; null: by any.
-- Answer	yes or no. Whether it still waits in retry is the caller's to see.
-- Errors	none.
-- Locks	none.
-- Index	strike_job, refused_output_job; output by key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.is_undone(p_stage int2, p_job int8, of_undo int8)
returns boolean
language plpgsql
stable
as $$
#variable_conflict use_column
declare
	v_at timestamptz;
	v_undo int8;
	v_started timestamptz;
begin
	select s.at into v_at from (
		select q.kind, q.at from tracker.strike q
		where q.stage = p_stage and q.job = p_job
		order by q.id desc limit 1) s
	where s.kind = 'requeued';
	-- A result that was refused later was made anew.
	select r.undo, r.started into v_undo, v_started from tracker.refused_output r
	where r.stage = p_stage and r.job = p_job and r.refused >= v_at
	order by r.refused desc limit 1;
	return v_undo is not null and v_undo = coalesce(of_undo, v_undo) and not exists (
		select from tracker.output o
		where o.stage = p_stage - 1 and o.job = p_job and o.finished > v_started);
end $$;
