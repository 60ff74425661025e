-- People whose skeletons are still to be made: there are none, or another version of ICU made them.
--
-- Caller	run/keeper.c. mark: of the version that is in use.
-- Answer	most people at most.
-- Errors	none.
-- Locks	none.
-- Index	person_looked.
create or replace function tracker.list_unlooked(mark text, most int4)
returns table (person int8, nickname text)
language sql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
	select u.id, u.nickname from (
		(select p.id, p.nickname from tracker.person p where p.looked is null limit most)
		union all
		(select p.id, p.nickname from tracker.person p where p.looked < mark limit most)
		union all
		(select p.id, p.nickname from tracker.person p where p.looked > mark limit most)) u
	limit most
$$;
