-- Whose session this is, for an act of theirs: what is written to audit from here on, within the transaction,
-- says that it was they. By number, so that no line of it keeps the name of who was erased.
--
-- Caller	own_*, as their first step.
-- Answer	person.id; null when the session is none, or none any more.
-- Errors	none.
-- Locks	none.
-- Index	see find_session.
create or replace function tracker.enter_session(of_session uuid)
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	v_person int8;
begin
	select s.person into v_person from tracker.find_session(of_session) s;
	if found then
		perform set_config('tracker.who', 'person ' || v_person || ', on their page', true);
	end if;
	return v_person;
end $$;
