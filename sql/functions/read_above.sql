-- How many people stand above this place of a board.
--
-- Caller	read_board, read_person.
-- Answer	a number: those whom the board's index puts above, with people that have credit which is not
--		folded yet moved to where it puts them.
-- Errors	none.
-- Locks	none.
-- Index	person_score, board_today, board_week (index only): as many entries as the place is deep.
create or replace function tracker.read_above(period text, jobs int8, person int8)
returns int8
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	v_period text := read_above.period;
	v_jobs   int8 := read_above.jobs;
	v_person int8 := read_above.person;
	v_above  int8 := 0;
	v_moved  int8;
begin
	if v_period = 'all' then
		select count(*) into v_above from tracker.person p
		where p.score > 0 and p.score >= v_jobs and (p.score > v_jobs or p.id < v_person);
	elsif v_period = 'week' then
		select count(*) into v_above from tracker.board b
		where b.week > 0 and b.week >= v_jobs and (b.week > v_jobs or b.person < v_person);
	elsif exists (select from tracker.board_day b
			where b.day = (clock_timestamp() at time zone 'UTC')::date) then
		select count(*) into v_above from tracker.board b
		where b.today > 0 and b.today >= v_jobs and (b.today > v_jobs or b.person < v_person);
	end if;
	select count(*) filter (where f.jobs > 0
			and (f.jobs > v_jobs or (f.jobs = v_jobs and f.person < v_person)))
		- count(*) filter (where f.folded > 0
			and (f.folded > v_jobs or (f.folded = v_jobs and f.person < v_person)))
	into v_moved
	from tracker.read_fresh(v_period) f;
	return v_above + v_moved;
end
$$;
