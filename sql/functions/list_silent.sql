-- Present workers that PostgreSQL has not heard for idle_s, the next `look` present ones after a
-- place; so each call costs the same, and everybody has their turn.
--
-- Caller	run/keeper.c, which then asks Redis and calls see_workers and reap_workers.
-- Answer	one row a silent worker, in the order of places; and always the last one that was
--		looked at, with no token when it is not silent: the place to go on from. No row: the
--		end is reached. silent_us: how long; allowed_us: how long would have been in order.
-- Errors	none.
-- Locks	none.
-- Index	worker_stage_present (present workers only).
create or replace function tracker.list_silent(idle_s int4, after_stage int2,
	after_created timestamptz, after_id int8, look int4)
returns table (worker int8, token uuid, silent_us int8, allowed_us int8, stage int2,
	created timestamptz)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_sort = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	v_since timestamptz := tracker.silent_since(idle_s);
begin
	return query
		select w.id, case when w.seen < v_since then w.token end,
			(extract(epoch from v_now - w.seen) * 1000000)::int8,
			(extract(epoch from v_now - v_since) * 1000000)::int8, w.stage, w.created
		from (
			select q.id, q.token, q.seen, q.stage, q.created,
				lead(q.id) over (order by q.stage, q.created, q.id) is null as last
			from (
				select * from tracker.worker p
				where p.gone_at is null and (p.stage, p.created, p.id)
					> (after_stage, after_created, after_id)
				order by p.stage, p.created, p.id
				limit look) q) w
		where w.seen < v_since or w.last;
end $$;
