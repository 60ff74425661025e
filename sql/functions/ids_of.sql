-- A person's numbers: their own, and those of the names that they had and of who was merged into them. Until a merge has
-- moved them, workers and refused results have one of these.
--
-- Caller	functions that show what is somebody's; ids_of_person.
-- Answer	person.id, their own first.
-- Errors	none.
-- Locks	none.
-- Index	person_merged.
create or replace function tracker.ids_of(of_person int8)
returns setof int8
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
	select of_person where of_person is not null
	union all
	select p.id from tracker.person p where p.merged_into = of_person
$$;
