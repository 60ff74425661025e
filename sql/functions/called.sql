-- The nickname that a person goes by: that of whoever they were merged into.
--
-- Caller	functions that show who made something.
-- Answer	null when there is no such person.
-- Errors	none.
-- Locks	none.
-- Index	person by id.
-- Source	runs under its caller's settings: a SET of its own would cost more than its work.
create or replace function tracker.called(of_person int8)
returns text
language sql
stable
parallel safe
as $$
	select case when p.merged_into is null then p.nickname
		else (select q.nickname from tracker.person q where q.id = p.merged_into) end
	from tracker.person p where p.id = of_person
$$;
