-- Ends a key of somebody's own, and the sessions that it opened.
--
-- Caller	web/api_own.c. of_key: person_key.id, as it stands in the page's form; sure: also when it is the last
--		one, after which an operator alone can give them another.
-- Answer	out: the session is none; unknown: no key of theirs that is good; last: it is the last one, and was not
--		ended; done.
-- Errors	none.
-- Locks	see revoke_keys.
-- Index	see find_session; person_key_person, person_merged.
create or replace function tracker.own_revoke_key(session uuid, of_key int8, sure boolean)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_person int8;
	v_keys int8[];
begin
	lock table tracker.person_key in share row exclusive mode;
	v_person := tracker.enter_session(own_revoke_key.session);
	if v_person is null then
		return 'out';
	end if;
	v_keys := array(select k.id from tracker.person p
		join tracker.person_key k on k.person = p.id and k.revoked is null
		where p.id = v_person or p.merged_into = v_person);
	if of_key is null or of_key <> all (v_keys) then
		return 'unknown';
	elsif cardinality(v_keys) = 1 and not sure then
		return 'last';
	end if;
	perform tracker.revoke_keys(tracker.called(v_person), of_key);
	return 'done';
end $$;
