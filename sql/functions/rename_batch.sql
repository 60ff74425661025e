-- Gives a batch another name.
--
-- Caller	distcompute-admin batch rename.
-- Answer	its name before; null: there is no such batch.
-- Errors	TR003: see check_batch_name.
-- Locks	batch.
-- Index	batch by key and by name.
create or replace function tracker.rename_batch(of_batch int4, name text)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_name text;
begin
	select b.name into v_name from tracker.batch b where b.batch = of_batch for update;
	if not found then
		return null;
	end if;
	if rename_batch.name = v_name then
		return v_name;
	end if;
	perform tracker.check_batch_name(rename_batch.name, true);
	update tracker.batch b set name = rename_batch.name where b.batch = of_batch;
	perform tracker.audit_act('rename', format('batch "%s"', v_name), null,
		jsonb_build_object('name', rename_batch.name));
	return v_name;
end $$;
