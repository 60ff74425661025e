-- Ends keys of a person: one, or all of them, and then the name is nobody's again.
--
-- Caller	distcompute-admin person key revoke. of_key: null for all.
-- Answer	how many keys were ended; null when there is no such person, or none of it has that number.
-- Errors	none.
-- Locks	person_key, against claims; person and look, the one.
-- Index	person by id, person_merged, person_key_person, look_person.
create or replace function tracker.revoke_keys(of_nickname text, of_key int8)
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	v_owner int8;
	v_people int8[];
	v_count int8;
	v_changed boolean := false;	-- the name was somebody's
begin
	lock table tracker.person_key in share row exclusive mode;
	v_owner := tracker.find_person(of_nickname);
	v_people := array(select p.id from tracker.person p
		where (p.id = v_owner or p.merged_into = v_owner) and not p.erased);
	update tracker.person_key k set revoked = clock_timestamp()
	where k.person = any (v_people) and k.id = coalesce(of_key, k.id) and k.revoked is null;
	get diagnostics v_count = row_count;
	if v_people = '{}' or (of_key is not null and v_count = 0) then
		return null;
	end if;
	if of_key is null then
		update tracker.person p set claimed = null where p.id = any (v_people) and p.claimed is not null;
		v_changed := found;
		update tracker.look l set claimed = false where l.person = any (v_people) and l.claimed;
	end if;
	if v_count = 0 and not v_changed then
		return 0;
	end if;
	perform tracker.audit_act('key revoke', 'person ' || of_nickname, v_count,
		jsonb_strip_nulls(jsonb_build_object('key', of_key)));
	return v_count;
end $$;
