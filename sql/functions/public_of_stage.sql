-- The name of a machine, where everybody may read it: null when its owner shows their machines to nobody.
--
-- Caller	pages. of_stage, of_name: of the machine.
-- Answer	the name; null for null.
-- Errors	none.
-- Locks	none.
-- Index	worker by (stage, name); see public_name.
create or replace function tracker.public_of_stage(of_stage int2, of_name text)
returns text
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
	select tracker.public_name(w.name, w.person) from tracker.worker w
	where w.stage = of_stage and w.name = of_name
$$;
