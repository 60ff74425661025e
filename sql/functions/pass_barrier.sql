-- Takes a share of the barrier: whoever changes the house (raise_barrier) waits for all who are past
-- it, and is waited for.
--
-- Caller	every function that hands out or takes in, as its first step.
-- Answer	true, so that it can be called in an assignment, which is cheaper than PERFORM.
-- Errors	none.
-- Locks	the advisory lock "dcst", shared, until the end of the transaction.
-- Index	none.
-- Source	small enough to be inlined by the planner. domain/schema.c spells the number too, for it
--		raises the barrier before there are functions.
create or replace function tracker.pass_barrier()
returns boolean
language sql
volatile
as $$
	select pg_advisory_xact_lock_shared(x'64637374'::int)::text is not null
$$;
