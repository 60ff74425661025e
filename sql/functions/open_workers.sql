-- Makes workers, and people with the nicknames that they give.
--
-- Caller	domain/workers.c, with all GET /api/new that wait.
-- Answer	one row an item: opened (the same token again, too), name_taken (try another name),
--		no_stage.
-- Errors	none for one item.
-- Locks	person and worker: inserts in order of nickname and token.
-- Index	person by nickname; worker by token and (stage, name).
create or replace function tracker.open_workers(tokens uuid[], names text[], stages int2[],
	nicknames text[])
returns table (item int4, status text, worker int8)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
begin
	insert into tracker.person (nickname)
	select distinct u.nickname from unnest(nicknames) as u(nickname)
	where u.nickname is not null
		and not exists (select from tracker.person p where p.nickname = u.nickname)
	order by u.nickname
	on conflict (nickname) do nothing;

	insert into tracker.worker (token, stage, name, person, created, seen)
	select u.token, u.stage, u.name,
		(select p.id from tracker.person p where p.nickname = u.nickname), v_now, v_now
	from unnest(tokens, names, stages, nicknames)
		with ordinality as u(token, name, stage, nickname, n)
	where u.token is not null and u.name is not null and u.nickname is not null
		and exists (select from tracker.stage s where s.stage = u.stage)
	order by u.token, u.n
	on conflict do nothing;

	return query
		select u.n::int4,
			case when w.id is not null then 'opened'
			when not exists (select from tracker.stage s where s.stage = u.stage)
				then 'no_stage'
			else 'name_taken' end,
			w.id
		from unnest(tokens, stages) with ordinality as u(token, stage, n)
		left join lateral (
			select q.id from tracker.worker q where q.token = u.token
				limit 1) w on true;
end $$;
