-- Waits until nobody is past the barrier (pass_barrier), and keeps everybody before it until the end of
-- the transaction.
--
-- Caller	append_stage, reset_jobs, try_barrier.
-- Answer	true.
-- Errors	none.
-- Locks	the advisory lock "dcst".
-- Index	none.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.raise_barrier()
returns boolean
language sql
volatile
as $$
	select pg_advisory_xact_lock(x'64637374'::int)::text is not null
$$;
