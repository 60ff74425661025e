-- The name of a machine, where everybody may read it: null when its owner shows their machines to nobody.
--
-- Caller	pages.
-- Answer	the name; null for null.
-- Errors	none.
-- Locks	none.
-- Index	person by id.
-- Source	runs under its caller's settings, as a part of its caller's plan: a SET of its own would keep
--		it from that.
create or replace function tracker.public_name(of_name text, of_person int8)
returns text
language sql
stable
parallel safe
as $$
	select case when not exists (
		select from tracker.person p where p.id in ($2, (select q.merged_into from tracker.person q where q.id = $2)) and p.machines_hidden) then $1 end
$$;
