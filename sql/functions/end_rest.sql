-- Ends a worker's rest, by its name.
--
-- Caller	distcompute-admin worker end-rest.
-- Answer	as end_rest_of; no row: it is not here.
-- Errors	none.
-- Locks	see end_rest_of.
-- Index	worker by (stage, name).
drop function if exists tracker.end_rest(int2, text);
create or replace function tracker.end_rest(stage int2, name text)
returns table (seconds int4, token uuid)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
	return query
		select r.seconds, r.token
		from tracker.worker w, tracker.end_rest_of(w.id) r
		where w.stage = end_rest.stage and w.name = end_rest.name;
end $$;
