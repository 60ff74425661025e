-- When a job of this person was counted last.
--
-- Caller	read_board, read_people.
-- Answer	a time, to the day when it is more than two days ago; null = never.
-- Errors	none.
-- Locks	none.
-- Index	credit, person_hour and person_day by person.
create or replace function tracker.read_last(of_person int8)
returns timestamptz
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select coalesce(
		(select max(c.minute) from tracker.credit c
		where c.person = of_person and c.done > 0),
		(select max(h.last) from tracker.person_hour h where h.person = of_person),
		(select max(d.day)::timestamp at time zone 'UTC' from tracker.person_day d
		where d.person = of_person and d.done > 0))
$$;
