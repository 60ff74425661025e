-- Gives somebody another key, who asks for it on their own page.
--
-- Caller	web/api_own.c. key: the hash of the new key.
-- Answer	out: the session is none; many: they have as many as one may have; done.
-- Errors	none.
-- Locks	person_key, all of it against those who end keys: a key of a name that is nobody's any more would be
--		good again for whoever takes it next.
-- Index	see find_session; person_key_person, person_merged.
create or replace function tracker.own_add_key(session uuid, key uuid, key_label text)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	c_keys constant int4 := 20;
	v_person int8;
	v_key int8;
begin
	lock table tracker.person_key in share row exclusive mode;
	v_person := tracker.enter_session(own_add_key.session);
	if v_person is null then
		return 'out';
	end if;
	if (select count(*) from tracker.person p join tracker.person_key k on k.person = p.id and k.revoked is null
			where p.id = v_person or p.merged_into = v_person) >= c_keys then
		return 'many';
	end if;
	insert into tracker.person_key (person, label, hash)
	values (v_person, own_add_key.key_label, own_add_key.key)
	returning id into v_key;
	-- Not the label: words of theirs are to go with them.
	perform tracker.audit_act('key add', 'person ' || tracker.called(v_person), 1,
		jsonb_build_object('key', v_key));
	return 'done';
end $$;
