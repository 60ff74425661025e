-- Ends a session.
--
-- Caller	web/api_own.c.
-- Answer	none; nothing is done when there is no such session.
-- Errors	none.
-- Locks	its row.
-- Index	session by hash.
create or replace function tracker.close_session(session uuid)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
	delete from tracker.session s where s.hash = $1
$$;
