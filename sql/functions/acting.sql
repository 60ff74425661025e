-- Who acts in this session, for audit.
--
-- Caller	audit_act; undo_step and undo_take_back, of which somebody else may do a part.
-- Answer	the session's setting tracker.who, which the program sets when it connects; else the database's user.
-- Errors	none.
-- Locks	none.
-- Index	none.
create or replace function tracker.acting()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select coalesce(nullif(current_setting('tracker.who', true), ''), session_user)
$$;
