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
	if check_batch_name.name is null or check_batch_name.name !~ '[^\s]'
			or length(check_batch_name.name) > 200
			or check_batch_name.name ~ ('[\u0001-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]'
				'|^[\s\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]|[\s\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]$') then
		raise exception 'a batch''s name has 1 to 200 characters, each of which can be seen, and no blank at its ends'
			using errcode = 'TR003';
	end if;
	if check_batch_name.name ~ '(^|/)\.{1,2}(/|$)' then
		raise exception 'a batch''s name is part of an address, in which . and .. between slashes mean something else'
			using errcode = 'TR003';
	end if;
	if must_be_free and exists (select from tracker.batch b where b.name = check_batch_name.name) then
		raise exception 'there is a batch "%" already', check_batch_name.name
			using errcode = 'TR003';
	end if;
	return true;
end $$;
