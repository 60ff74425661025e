-- The batch of this name.
--
-- Caller	distcompute-admin and distcompute-export, for who has the name alone.
-- Answer	its number.
-- Errors	TR003: there is none.
-- Locks	none.
-- Index	batch by name.
create or replace function tracker.batch_named(of_name text)
returns int4
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_batch int4;
begin
	select b.batch into v_batch from tracker.batch b where b.name = of_name;
	if not found then
		raise exception 'there is no batch "%"', of_name using errcode = 'TR003';
	end if;
	return v_batch;
end $$;
