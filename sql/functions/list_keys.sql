-- The keys of a person, the newest first.
--
-- Caller	distcompute-admin person key list.
-- Answer	a row a key; revoked ones too.
-- Errors	none.
-- Locks	none.
-- Index	person by id, person_merged, person_key_person.
create or replace function tracker.list_keys(of_nickname text)
returns table (id int8, label text, created timestamptz, used timestamptz, revoked timestamptz)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select k.id, k.label, k.created, k.used, k.revoked
	from (select tracker.find_person(of_nickname) as id) o
	join tracker.person p on p.id = o.id or p.merged_into = o.id
	join tracker.person_key k on k.person = p.id
	order by k.id desc
$$;
