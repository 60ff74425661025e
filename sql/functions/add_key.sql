-- Gives a person a key, and the name with it when it was nobody's. A person who is not there yet is made.
--
-- Caller	distcompute-admin person key add. nickname: as a new one is written, null when it may be no new
--		one; before: as it was typed, for a name of before; skeletons, of_mark: see open_workers; key: the
--		hash of the key.
-- Answer	the name.
-- Errors	TR002: it may be no name, or looks like one that somebody has.
-- Locks	see claim_person.
-- Index	person by nickname.
create or replace function tracker.add_key(nickname text, before text, skeletons uuid[],
	of_mark text, key uuid, key_label text)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_person int8;
	v_name text;
	v_other text;
begin
	select q.id, q.nickname into v_person, v_name
	from tracker.person p join tracker.person q on q.id = coalesce(p.merged_into, p.id)
	where p.nickname = add_key.before and not q.erased;
	if not found then
		if add_key.nickname is null then
			raise exception 'that may be no name' using errcode = 'TR002';
		end if;
		v_name := add_key.nickname;
		insert into tracker.person (nickname) values (v_name) on conflict (nickname) do nothing;
		select q.id, q.nickname into v_person, v_name
		from tracker.person p join tracker.person q on q.id = coalesce(p.merged_into, p.id)
		where p.nickname = add_key.nickname;
	end if;
	v_other := tracker.claim_person(v_person, skeletons, of_mark, key, key_label);
	if v_other is not null then
		raise exception 'that name looks like %, which is somebody''s', quote_literal(v_other)
			using errcode = 'TR002';
	end if;
	perform tracker.audit_act('key add', 'person ' || v_name, 1,
		jsonb_build_object('label', key_label));
	return v_name;
end $$;
