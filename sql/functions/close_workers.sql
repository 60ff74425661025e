-- Says goodbye: the workers are gone, their jobs open again at once, with no attempt counted.
--
-- Caller	domain/workers.c, with all bye that wait.
-- Answer	one row an item: closed (with the jobs freed) or no_worker, which a repeated bye
--		hears too.
-- Errors	none for one item.
-- Locks	worker (by token); lease (own); see give_back.
-- Index	worker by token; lease by worker.
create or replace function tracker.close_workers(tokens uuid[])
returns table (item int4, status text, stage int2, freed int4)
language plpgsql
set search_path = pg_catalog, pg_temp
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
		select u.n::int4, case when u.worker is null then 'no_worker' else 'closed' end,
			u.stage, coalesce(u.freed, 0)
		from unnest(i_worker, i_stage, i_freed)
			with ordinality as u(worker, stage, freed, n);
end $$;
