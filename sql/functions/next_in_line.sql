-- The next batch of a line that has work which may be handed out now. Those without are walked past.
--
-- Caller	take_behind, seat_returned. p_place: where the one before stands; 0: from the beginning.
-- Answer	batch and place; null: no other has work.
-- Errors	none.
-- Locks	none; what is found here somebody else may take first.
-- Index	stage by key; see has_work.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.next_in_line(p_stage int2, p_place int8, p_due timestamptz,
	out batch int4, out place int8)
language plpgsql
as $$
#variable_conflict use_column
begin
	select u.batch, u.place into batch, place
	from tracker.stage s
	cross join lateral unnest(s.line) with ordinality as u(batch, place)
	where s.stage = p_stage and u.place > p_place and tracker.has_work(p_stage, u.batch, p_due)
	limit 1;
end $$;
