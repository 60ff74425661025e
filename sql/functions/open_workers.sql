-- Makes workers, and people with the nicknames that they give; who is banned is told so instead.
--
-- Caller	domain/workers.c, with all GET /api/new that wait. addresses: as nginx saw them, null where
--		there is none; labels: what the worker says that it runs, '' for nothing.
-- Answer	one row an item: opened (the same token again, too), name_taken (try another name),
--		no_stage, banned (words: what they hear).
-- Errors	none for one item.
-- Locks	ban, shared among registrations: a ban waits for those under way, and they for it, and so do
--		rename_person, merge_people and erase_person; person
--		and worker: inserts in order of nickname and token.
-- Index	person by nickname; worker by token and (stage, name).
create or replace function tracker.open_workers(tokens uuid[], names text[], stages int2[],
	nicknames text[], addresses text[], labels text[])
returns table (item int4, status text, worker int8, words text)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	v_words text[];		-- by item; null: nobody at all is banned
begin
	lock table tracker.ban in row exclusive mode;
	if exists (select from tracker.ban b
			where b.lifted is null and (b.until is null or b.until > v_now)) then
		v_words := array(
			select tracker.banned_words(u.nickname, u.address::inet, u.label)
			from unnest(nicknames, addresses, labels) with ordinality
				as u(nickname, address, label, n)
			order by u.n);
	end if;

	insert into tracker.person (nickname)
	select distinct u.nickname from unnest(nicknames) with ordinality as u(nickname, n)
	where u.nickname is not null and v_words[u.n] is null
		and not exists (select from tracker.person p where p.nickname = u.nickname)
	order by u.nickname
	on conflict (nickname) do nothing;

	insert into tracker.worker (token, stage, name, person, created, seen, address, origin, network,
		label)
	select u.token, u.stage, u.name,
		(select coalesce(p.merged_into, p.id) from tracker.person p
			where p.nickname = u.nickname), v_now, v_now,
		u.address::inet, tracker.hash_address(u.address::inet, 32),
		tracker.hash_address(u.address::inet, 24), coalesce(u.label, '')
	from unnest(tokens, names, stages, nicknames, addresses, labels)
		with ordinality as u(token, name, stage, nickname, address, label, n)
	where u.token is not null and u.name is not null and u.nickname is not null
		and v_words[u.n] is null
		and exists (select from tracker.stage s where s.stage = u.stage)
	order by u.token, u.n
	on conflict do nothing;

	return query
		select u.n::int4,
			case when w.id is not null then 'opened'
			when v_words[u.n] is not null then 'banned'
			when not exists (select from tracker.stage s where s.stage = u.stage)
				then 'no_stage'
			else 'name_taken' end,
			w.id, v_words[u.n]
		from unnest(tokens, stages) with ordinality as u(token, stage, n)
		left join lateral (
			select q.id from tracker.worker q where q.token = u.token
				limit 1) w on true;
end $$;
