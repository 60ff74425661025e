-- Is a job of a cancelled batch? What of it comes back is done by nobody.
--
-- Caller	distcompute-admin send-back, give-back.
-- Answer	yes or no.
-- Errors	none.
-- Locks	none.
-- Index	batch by first.
create or replace function tracker.is_cancelled(of_job int8)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select coalesce((select b.cancelled from tracker.batch b where b.batch = tracker.batch_of(of_job)), false)
$$;
