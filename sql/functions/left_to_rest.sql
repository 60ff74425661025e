-- For how many seconds more a worker rests: whole ones, up; 0 when it does not.
--
-- Caller	lock_claimants, claim_held, claim_awake, read_worker.
-- Answer	0 or more.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings, as a part of its caller's plan: a SET of its own would keep
--		it from that.
create or replace function tracker.left_to_rest(rest_until timestamptz, at timestamptz)
returns int4
language sql
immutable
as $$
	select case when $1 <= $2 then 0 else ceil(extract(epoch from $1 - $2))::int4 end
$$;
