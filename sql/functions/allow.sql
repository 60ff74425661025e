-- What a worker may have in hand: who says that it has more slots than before begins with as many, 256 at
-- most, and what it has earned or lost since stays. Who has less than it began with, and no result, is not
-- taken at its word until it has one.
--
-- Caller	lock_claimants, claim_fleet, open_workers. allowance, slots, done: as in its row; says: how many slots
--		it says now, null or 0: nothing.
-- Answer	its allowance.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings, as a part of its caller's plan: a SET of its own would keep
--		it from that.
drop function if exists tracker.allow(int4, int4, int4);
create or replace function tracker.allow(allowance int4, slots int4, done int8, says int4)
returns int4
language sql
immutable
as $$
	select case when $3 = 0 and $1 < $2 then $1 else $1 + greatest(least(coalesce($4, 0), 256) - $2, 0) end
$$;
