-- Puts down when work that came back is tried again, and how many newcomers an address may have, as the tracker's
-- settings have it.
--
-- Caller	the tracker at start, before it answers anybody. newcomers_most: null, of an earlier one: as it is.
-- Answer	nothing.
-- Errors	none.
-- Locks	policy's row, only when something is to change.
-- Index	policy by key.
drop function if exists tracker.settle_policy(int4, int4, int4, int4);
create or replace function tracker.settle_policy(max_attempts int4, flag_limit int4, backoff_s int4,
	backoff_max_s int4, newcomers_most int4 default null)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
	update tracker.policy p
	set max_attempts = $1, flag_limit = $2, backoff_s = $3, backoff_max_s = $4,
		newcomers_most = coalesce($5, p.newcomers_most)
	where p.one and (p.max_attempts, p.flag_limit, p.backoff_s, p.backoff_max_s, p.newcomers_most)
		is distinct from ($1, $2, $3, $4, coalesce($5, p.newcomers_most))
$$;
