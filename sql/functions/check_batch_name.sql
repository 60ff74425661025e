-- Refuses what cannot be the name of a new batch.
--
-- Caller	open_batch; distcompute-load, before it begins. must_be_free: nor may another batch have it.
-- Answer	true.
-- Errors	TR003, with the reason in words.
-- Locks	none.
-- Index	batch by name.
create or replace function tracker.check_batch_name(name text, must_be_free boolean)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
	if coalesce(btrim(check_batch_name.name), '') = '' or length(check_batch_name.name) > 200
			or check_batch_name.name ~ '[[:cntrl:]]' or check_batch_name.name in ('.', '..') then
		raise exception 'a batch''s name has 1 to 200 characters, none of them a control character, and is not . or ..'
			using errcode = 'TR003';
	end if;
	if must_be_free and exists (select from tracker.batch b where b.name = check_batch_name.name) then
		raise exception 'there is a batch "%" already', check_batch_name.name
			using errcode = 'TR003';
	end if;
	return true;
end $$;
