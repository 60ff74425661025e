-- Moves worker.seen forward to what Redis has heard.
--
-- Caller	run/keeper.c. Arrays are aligned.
-- Answer	nothing.
-- Errors	none.
-- Locks	worker (by token).
-- Index	worker by token.
create or replace function tracker.see_workers(tokens uuid[], seen timestamptz[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
begin
	with l as materialized (
		select x.tid, u.heard from (
			select t.token, max(t.heard) as heard
			from unnest(see_workers.tokens, see_workers.seen) as t(token, heard)
			where t.heard is not null
			group by t.token order by t.token) u
		cross join lateral (
			select q.ctid as tid, q.seen, q.gone_at from tracker.worker q
			where q.token = u.token offset 0
			for no key update) x
		where x.gone_at is null and x.seen < u.heard)
	update tracker.worker w set seen = greatest(w.seen, least(l.heard, clock_timestamp()))
	from l where w.ctid = l.tid;
end $$;
