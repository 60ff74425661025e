-- How many people stand above this place of a board.
--
-- Caller	read_board, read_person.
-- Answer	a number.
-- Errors	none.
-- Locks	none.
-- Index	person_score, board_today, board_week (index only): as many entries as the place is deep.
create or replace function tracker.read_above(period text, jobs int8, person int8)
returns int8
language plpgsql stable set search_path = pg_catalog, tracker as $$
#variable_conflict use_column
declare
	v_period text := read_above.period;
	v_jobs   int8 := read_above.jobs;
	v_person int8 := read_above.person;
	v_folded int8 := 0;
	v_fresh  int8;
begin
	if v_period = 'all' then
		select count(*) into v_folded from tracker.person p
		where p.done > p.withdrawn and (p.done - p.withdrawn) >= v_jobs
			and ((p.done - p.withdrawn) > v_jobs or p.id < v_person)
			and p.id not in (select f.person from tracker.read_fresh('all') f);
	elsif v_period = 'week' then
		select count(*) into v_folded from tracker.board b
		where b.week > 0 and b.week >= v_jobs and (b.week > v_jobs or b.person < v_person)
			and b.person not in (select f.person from tracker.read_fresh('week') f);
	elsif exists (select from tracker.board_day b
			where b.day = (clock_timestamp() at time zone 'UTC')::date) then
		select count(*) into v_folded from tracker.board b
		where b.today > 0 and b.today >= v_jobs and (b.today > v_jobs or b.person < v_person)
			and b.person not in (select f.person from tracker.read_fresh('today') f);
	end if;
	select count(*) into v_fresh from tracker.read_fresh(v_period) f
	where f.jobs > 0 and (f.jobs > v_jobs or (f.jobs = v_jobs and f.person < v_person));
	return v_folded + v_fresh;
end
$$;
