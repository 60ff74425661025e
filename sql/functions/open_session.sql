-- Lets somebody in who shows a key, to the page that is theirs.
--
-- A right key is let in however many wrong ones came from the same place: it may be a neighbour's.
--
-- Caller	web/api_own.c. key: its hash; session: the hash of what the browser is to keep; address: as nginx
--		saw it, null: not known; life_s: seconds.
-- Answer	in; wrong; limited: wrong, and there were too many of such from there.
-- Errors	none.
-- Locks	person_key, shared; see may_try.
-- Index	person_key by hash; session_key, session_until.
create or replace function tracker.open_session(key uuid, session uuid, address inet, life_s int4)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	c_wrong constant int4 := 40;	-- an hour
	c_sessions constant int4 := 10;	-- of a key: then the oldest ends
	v_now constant timestamptz := clock_timestamp();
	v_key int8;
begin
	select k.id into v_key
	from tracker.person_key k
	join tracker.person p on p.id = k.person
	join tracker.person q on q.id = coalesce(p.merged_into, p.id)
	where k.hash = open_session.key and k.revoked is null and not q.erased
	for key share of k;
	if not found then
		return case when tracker.may_try('key', open_session.address, c_wrong) then 'wrong' else 'limited' end;
	end if;
	delete from tracker.session s where s.ctid = any (array(
		select q.ctid from tracker.session q where q.until < v_now limit 100 for update skip locked));
	delete from tracker.session s where s.hash = any (array(
		select q.hash from tracker.session q where q.key = v_key
		order by q.created desc offset c_sessions - 1));
	insert into tracker.session (hash, key, until)
	values (open_session.session, v_key, v_now + make_interval(secs => life_s));
	perform tracker.note_keys(array[open_session.key]);
	return 'in';
end $$;
