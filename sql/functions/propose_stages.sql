-- The pipeline's stages, which are those of the settings as long as nothing speaks against it: no job
-- was loaded and no operator changed them by a command. After that the database's stay.
--
-- Caller	every tracker at its start, migrate, and the programs that load.
-- Answer	the names of the stages as they are from now on, A first. names: those of the settings.
-- Errors	TR001 when they would be taken, and are not one to five names.
-- Locks	stage, against itself, append_stage and rename_stage, when there is something to change.
-- Index	none.
create or replace function tracker.propose_stages(names text[])
returns text[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	v_old text[] := array(select s.name from tracker.stage s order by s.stage);
begin
	if v_old = names then
		return v_old;
	end if;
	lock table tracker.stage in share row exclusive mode;
	v_old := array(select s.name from tracker.stage s order by s.stage);
	if v_old = names or v_old <> '{}' and (exists (select from tracker.job)
			or (select p.stages_kept from tracker.project p)) then
		return v_old;
	end if;
	if coalesce(cardinality(names), 0) not between 1 and 5 or '' = any (names)
		or array_position(names, null) is not null then
		raise exception 'a pipeline has one to five named stages' using errcode = 'TR001';
	end if;
	delete from tracker.stage;
	insert into tracker.stage (stage, letter, name)
	select n, tracker.letter_of(n::int2), u.name from unnest(names) with ordinality as u(name, n);
	return names;
end $$;
