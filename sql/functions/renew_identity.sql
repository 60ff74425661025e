-- Gives the project another id, so that a restored copy shares nothing in Redis with the one that lives on.
--
-- Caller	distcompute-admin new-identity.
-- Answer	the new id.
-- Errors	none.
-- Locks	the row of project.
-- Index	none: one row.
create or replace function tracker.renew_identity()
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	v_old text;
	v_new text := substr(replace(gen_random_uuid()::text, '-', ''), 1, 16);
begin
	select p.id into v_old from tracker.project p for update;
	update tracker.project set id = v_new;
	perform tracker.audit_act('new identity', v_new, null, jsonb_build_object('was', v_old));
	return v_new;
end $$;
