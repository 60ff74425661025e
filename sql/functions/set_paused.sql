-- Pauses a stage (no new leases; results are taken in) or lets it go on.
--
-- Caller	distcompute-admin pause, resume.
-- Answer	false when there is no such stage.
-- Errors	none.
-- Locks	the stage's row.
-- Index	stage by key.
create or replace function tracker.set_paused(stage int2, paused boolean)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_was boolean;
begin
	select s.paused into v_was from tracker.stage s where s.stage = set_paused.stage for no key update;
	if not found then
		return false;
	end if;
	if v_was = coalesce(set_paused.paused, false) then
		return true;
	end if;
	update tracker.stage s set paused = not v_was where s.stage = set_paused.stage;
	perform tracker.audit_act(case when set_paused.paused then 'pause' else 'resume' end,
		'stage ' || tracker.letter_of(set_paused.stage), null, null);
	return true;
end $$;
