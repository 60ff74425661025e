-- Counts a try of something that may be tried so often an hour from one origin, unless it is too often.
--
-- Caller	sign_up, open_session. what: join or key; address: as nginx saw it, null: not known.
-- Answer	false when there were as many already: then nothing is counted.
-- Errors	none.
-- Locks	tries from there, one after the other.
-- Index	signup_origin, signup_at.
create or replace function tracker.may_try(what text, address inet, most int4)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_now constant timestamptz := clock_timestamp();
	v_what constant text := may_try.what;
	v_origin constant int8 := coalesce(tracker.hash_address(may_try.address, 32), 0);
begin
	perform pg_advisory_xact_lock(hashtext('tracker.sign_up'), hashtext(v_what || v_origin));
	delete from tracker.signup s where s.ctid = any (array(
		select q.ctid from tracker.signup q where q.at < v_now - interval '1 hour' limit 100
		for update skip locked));
	if (select count(*) from tracker.signup s
			where s.what = v_what and s.origin = v_origin and s.at > v_now - interval '1 hour') >= most then
		return false;
	end if;
	insert into tracker.signup (what, origin) values (v_what, v_origin);
	return true;
end $$;
