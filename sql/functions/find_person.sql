-- Who is meant by a nickname: whoever they were merged into, too.
--
-- Caller	functions that are given a nickname.
-- Answer	person.id; null when nobody has it, or had it.
-- Errors	none.
-- Locks	none.
-- Index	person by nickname.
create or replace function tracker.find_person(of_nickname text)
returns int8
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
	select coalesce(p.merged_into, p.id) from tracker.person p where p.nickname = of_nickname
$$;
