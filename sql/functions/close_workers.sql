-- Says goodbye: the workers are gone, their jobs open again at once, with no attempt counted.
--
-- Caller	domain/workers.c, with all bye that wait.
-- Answer	one row an item: closed (with the jobs freed, none when it said so before: a bye whose
--		answer was lost is sent again) or no_worker.
-- Errors	none for one item.
-- Locks	worker (by token); lease (own); see give_back.
-- Index	worker by token; lease by worker.
create or replace function tracker.close_workers(tokens uuid[])
returns table (item int4, status text, stage int2, freed int4)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	i_worker int8[]; i_stage int2[]; i_freed int4[];
begin
	select array_agg(e.worker order by u.n), array_agg(e.stage order by u.n),
		array_agg(e.freed order by u.n)
	into i_worker, i_stage, i_freed
	from (
		select t.n, t.token,
			row_number() over (partition by t.token order by t.n) = 1 as first
		from unnest(tokens) with ordinality as t(token, n)) u
	left join tracker.end_workers(tokens, 'bye', null) e on e.token = u.token
		and u.first;

	return query
		select u.n::int4,
			case when u.worker is not null or b.gone_why = 'bye' then 'closed'
				else 'no_worker' end,
			u.stage, coalesce(u.freed, 0)
		from unnest(i_worker, i_stage, i_freed)
			with ordinality as u(worker, stage, freed, n)
		left join lateral (
			select w.gone_why from tracker.worker w
			where w.token = tokens[u.n] offset 0) b on u.worker is null;
end $$;
