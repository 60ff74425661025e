-- What a worker may have in hand: who says that it has more slots than before begins with as many, 256 at
-- most, and what it has earned or lost since stays.
--
-- Caller	lock_claimants, claim_fleet. allowance, slots: as in its row; says: how many slots it says now,
--		null or 0: nothing.
-- Answer	its allowance.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings, as a part of its caller's plan: a SET of its own would keep
--		it from that.
create or replace function tracker.allow(allowance int4, slots int4, says int4)
returns int4
language sql
immutable
as $$
	select $1 + greatest(least(coalesce($3, 0), 256) - $2, 0)
$$;
