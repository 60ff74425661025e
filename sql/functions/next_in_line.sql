-- The next batch of a line that has work which may be handed out now. Those without are walked past, eight
-- of them, and the rest once a second: the keeper takes them out soon (tidy_line).
--
-- Caller	take_behind, seat_returned. p_place: where the one before stands; 0: from the beginning. p_line: of
--		these alone, in their order; null: of the stage's line.
-- Answer	batch and place; null: no other has work.
-- Errors	none.
-- Locks	none; what is found here somebody else may take first.
-- Index	stage by key; see has_work.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.next_in_line(p_stage int2, p_place int8, p_due timestamptz,
	p_line int4[], out batch int4, out place int8)
language plpgsql
as $$
#variable_conflict use_column
declare
	c_most constant int4 := 8;
	v_tried int4 := 0;
	u record;
begin
	for u in
		select q.batch, q.place from unnest(coalesce(p_line, (
			select s.line from tracker.stage s where s.stage = p_stage)))
			with ordinality as q(batch, place)
		where q.place > p_place order by q.place
	loop
		if tracker.has_work(p_stage, u.batch, p_due) then
			batch := u.batch;
			place := u.place;
			return;
		end if;
		v_tried := v_tried + 1;
		exit when v_tried = c_most and not tracker.may_look_on(p_stage);
	end loop;
end $$;
