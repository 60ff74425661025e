-- Whose session this is.
--
-- Caller	web/api_own.c; enter_session.
-- Answer	a row while it is good. key: by which it was opened.
-- Errors	none.
-- Locks	none.
-- Index	session by hash; person_key and person by id.
create or replace function tracker.find_session(session uuid)
returns table (person int8, nickname text, key int8, until timestamptz, machines_hidden boolean)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select q.id, q.nickname, k.id, s.until, q.machines_hidden
	from tracker.session s
	join tracker.person_key k on k.id = s.key and k.revoked is null
	join tracker.person p on p.id = k.person
	join tracker.person q on q.id = coalesce(p.merged_into, p.id)
	where s.hash = $1 and s.until > clock_timestamp() and not q.erased
$$;
