-- Fixes the pipeline's stages at the first start; later starts must agree with it.
--
-- Caller	every tracker process at start, and the programs that load or export.
-- Answer	nothing. names: of the enabled stages, A first.
-- Errors	TR001 when jobs were loaded for other stages, with both lists in the text.
-- Locks	stage, against itself and append_stage.
-- Index	none.
create or replace function tracker.settle_stages(names text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	v_old text[];
begin
	v_old := array(select s.name from tracker.stage s order by s.stage);
	if v_old = names then
		return;
	end if;
	lock table tracker.stage in share row exclusive mode;
	v_old := array(select s.name from tracker.stage s order by s.stage);
	if v_old = names then
		return;
	end if;
	if coalesce(cardinality(names), 0) not between 1 and 5 or '' = any (names)
		or array_position(names, null) is not null then
		raise exception 'a pipeline has one to five named stages' using errcode = 'TR001';
	end if;
	if v_old <> '{}' and exists (select from tracker.job) then
		raise exception 'the stages of this project are "%", the settings say "%"; a stage'
			' can only be added at the end, with distcompute-admin stages append',
			array_to_string(v_old, '", "'), array_to_string(names, '", "')
			using errcode = 'TR001';
	end if;
	delete from tracker.stage;
	insert into tracker.stage (stage, letter, name)
	select n, chr(96 + n::int4), u.name from unnest(names) with ordinality as u(name, n);
end $$;
