-- A person's numbers, found by any of their names: their own, and those of the names that they had and of who
-- was merged into them. Workers have one of these, not always the first, until a merge has moved them.
--
-- Caller	functions that look for the workers of whoever has a nickname.
-- Answer	person.id; no row when nobody has it, or had it.
-- Errors	none.
-- Locks	none.
-- Index	person by nickname; person_merged.
create or replace function tracker.ids_of_person(of_nickname text)
returns setof int8
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
	select i.id from tracker.ids_of(tracker.find_person(of_nickname)) as i(id)
$$;
