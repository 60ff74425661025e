-- How many people stand above this place of a board.
--
-- Caller	read_board, read_person.
-- Answer	a number; people whose credit is not folded yet are counted with what is.
-- Errors	none.
-- Locks	none.
-- Index	person_score, board_today, board_week (index only): as many entries as the place is deep.
create or replace function tracker.read_above(period text, jobs int8, person int8)
returns int8
language plpgsql stable set search_path = pg_catalog, tracker as $$
#variable_conflict use_variable
declare
	above int8 := 0;
begin
	if period = 'all' then
		select count(*) into above from tracker.person p
		where p.done > p.withdrawn and (p.done - p.withdrawn) >= jobs
			and ((p.done - p.withdrawn) > jobs or p.id < person);
	elsif period = 'week' then
		select count(*) into above from tracker.board b
		where b.week > 0 and b.week >= jobs and (b.week > jobs or b.person < read_above.person);
	elsif exists (select from tracker.board_day b
			where b.day = (clock_timestamp() at time zone 'UTC')::date) then
		select count(*) into above from tracker.board b
		where b.today > 0 and b.today >= jobs
			and (b.today > jobs or b.person < read_above.person);
	end if;
	return above;
end
$$;
