-- Ends workers that have been silent for idle_s (silent_since), and puts their jobs back as timed_out.
--
-- Caller	run/keeper.c, with those of list_silent whom Redis has not heard either.
-- Answer	one row a worker that was reaped; who has spoken meanwhile is left alone.
-- Errors	none for one item.
-- Locks	worker (by token), then looks again; see end_workers.
-- Index	worker by token; lease by worker.
create or replace function tracker.reap_workers(tokens uuid[], idle_s int4)
returns table (token uuid, stage int2, freed int4)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
	return query
		select e.token, e.stage, e.freed
		from tracker.end_workers(tokens, 'idle', tracker.silent_since(idle_s)) e;
end $$;
