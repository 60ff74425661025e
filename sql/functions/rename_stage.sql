-- Gives a stage another name. Jobs, results and workers stay; pages are found by the old name too.
--
-- Caller	distcompute-admin stages rename.
-- Answer	the name it had.
-- Errors	TR001: no such stage, or a name that is another stage's or empty.
-- Locks	stage, against itself, append_stage and propose_stages; not against who hands out or takes in.
-- Index	none: at most five rows; former_stage by name.
create or replace function tracker.rename_stage(stage int2, name text)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_old text;
begin
	lock table tracker.stage in share row exclusive mode;
	select s.name into v_old from tracker.stage s where s.stage = rename_stage.stage;
	if v_old is null then
		raise exception 'there is no stage %', rename_stage.stage using errcode = 'TR001';
	end if;
	if coalesce(rename_stage.name, '') = '' or exists (
		select from tracker.stage s
		where lower(s.name) = lower(rename_stage.name) and s.stage <> rename_stage.stage) then
		raise exception 'the name "%" is empty or taken', rename_stage.name
			using errcode = 'TR001';
	end if;
	if rename_stage.name = v_old then
		return v_old;
	end if;
	update tracker.stage s set name = rename_stage.name where s.stage = rename_stage.stage;
	update tracker.project set stages_kept = true where not stages_kept;
	insert into tracker.former_stage (name, stage)
	values (lower(v_old collate "und-x-icu"), rename_stage.stage)
	on conflict (name) do update set stage = excluded.stage;
	perform tracker.audit_act('rename stage', v_old, null, jsonb_build_object('to', rename_stage.name));
	return v_old;
end $$;
