-- Hears from workers: any call with a token counts as being seen, and ends a row of equal newJob
-- calls.
--
-- Caller	domain/workers.c, with all validateWorker and updateProgress that wait.
-- Answer	one row an item whose worker is present; none for the others.
-- Errors	none for one item.
-- Locks	worker (by token), only rows that need a write: after a newJob, or when `seen` is
--		older than refresh_s.
-- Index	worker by token and id.
create or replace function tracker.touch_workers(tokens uuid[], refresh_s int4)
returns table (item int4, worker int8, stage int2, name text, person int8)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	v_old timestamptz := v_now - make_interval(secs => greatest(refresh_s, 0));
	i_item int4[]; i_worker int8[]; i_stage int2[]; i_name text[]; i_person int8[];
	v_write uuid[];
begin
	select array_agg(u.n::int4), array_agg(w.id), array_agg(w.stage), array_agg(w.name),
		array_agg(w.person), array_agg(u.token) filter (where w.write)
	into i_item, i_worker, i_stage, i_name, i_person, v_write
	from unnest(tokens) with ordinality as u(token, n)
	cross join lateral (
		select q.id, q.stage, q.name, q.person, q.asked_kind = 'new_job'
			or q.seen <= v_old as write,
			q.gone_at
		from tracker.worker q
		where q.token = u.token
		limit 1) w
	where w.gone_at is null;

	if v_write is not null then
		with l as materialized (
			select x.tid from (
				select distinct t.token from unnest(v_write) as t(token)
					order by t.token) u
			cross join lateral (
				select q.ctid as tid, q.gone_at from tracker.worker q
				where q.token = u.token offset 0
				for no key update) x
			where x.gone_at is null)
		update tracker.worker w set
			seen = greatest(w.seen, v_now), asked_at = v_now,
			asked_kind = case when w.asked_kind = 'new_job' then 'other'
				else w.asked_kind end
		where w.ctid = any (array(select l.tid from l));
	end if;

	return query
		select * from unnest(i_item, i_worker, i_stage, i_name, i_person);
end $$;
