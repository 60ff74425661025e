-- Makes workers, and people with the nicknames that they give; who is banned, or uses a name that is
-- somebody else's, is told so instead.
--
-- Caller	domain/workers.c, with all GET /api/new that wait. nicknames: as new ones are written, null for
--		what may be no new one; before: as it was sent, where that is another text: a name that somebody has
--		already stays as it is. folded, written: the name's skeletons, and mark: the version that made
--		them. keys: hashes, null where none came. must_key: nobody comes without a key.
--		addresses: as nginx saw them, null where there is none; labels: what the worker says that it
--		runs, '' for nothing; slots: how many jobs it says it can work on at a time, 0 or null for
--		nothing; said: what it has, see say_words. From an origin with more than 20 workers that have brought
--		nothing yet, and one for each that has, one begins with half of what it might hold, with more than 40
--		with one job, until it has a result; and with its origin's rest (count_newcomers). Not who has a key.
-- Answer	one row an item: opened (the same token again, too), name_taken (try another name),
--		no_stage, banned (words: what they hear), no_name (it may be no new one), no_key (the name is
--		somebody's, or must_key), crowded (newcomers_most of the policy are where it comes from,
--		and one for each that has a result).
-- Errors	none for one item.
-- Locks	the barrier's share, where somebody says what it has: words get their bits under all of it. Then ban, shared among registrations: a ban waits for those under way, and they for it, and so do
--		rename_person, merge_people and erase_person; person and worker: inserts in order of
--		nickname and token; network by origin; person_key: what others have is left.
-- Index	person by nickname, person_claimed; worker by token and (stage, name); network by origin; see name_of.
drop function if exists tracker.open_workers(uuid[], text[], int2[], text[], text[], text[], text[], uuid[],
	uuid[], text, uuid[], boolean);
create or replace function tracker.open_workers(tokens uuid[], names text[], stages int2[],
	nicknames text[], addresses text[], labels text[], before text[] default '{}',
	folded uuid[] default '{}', written uuid[] default '{}', mark text default null,
	keys uuid[] default '{}', must_key boolean default false, slots int4[] default '{}',
	said text[] default '{}')
returns table (item int4, status text, worker int8, words text)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	c_many constant int4 := 20;	-- newcomers of an origin from which on one begins with half; twice as many: with one
	v_now timestamptz := clock_timestamp();
	v_words text[];		-- by item; null: nobody at all is banned
	v_called text[] := nicknames;	-- by item: under which name it works; null: under none
	v_named text[];		-- v_called before keys were asked for
	v_origin int8[];
	v_from tracker.network[];	-- by item: where it comes from, with how many more newcomers than good ones; null: it has a key
	v_most int4;
	v_ok boolean;
begin
	if array_remove(said, '') <> '{}' then
		v_ok := tracker.pass_barrier();
	end if;
	lock table tracker.ban in row exclusive mode;
	if array_remove(before, null) <> '{}' then
		v_called := array(
			select coalesce((select p.nickname from tracker.person p
				where p.nickname = u.before), u.nickname)
			from unnest(v_called, before) with ordinality as u(nickname, before, n)
			order by u.n);
	end if;
	v_named := v_called;
	if must_key or exists (select from tracker.person p where p.claimed is not null) then
		v_called := array(
			select tracker.name_of(u.nickname, array[u.folded, u.written], u.key, must_key)
			from unnest(v_named, folded, written, keys) with ordinality
				as u(nickname, folded, written, key, n)
			order by u.n);
	end if;
	if exists (select from tracker.ban b
			where b.lifted is null and (b.until is null or b.until > v_now)) then
		v_words := array(
			select tracker.banned_words(coalesce(u.nickname, u.named), u.address::inet, u.label)
			from unnest(v_called, v_named, addresses, labels) with ordinality
				as u(nickname, named, address, label, n)
			order by u.n);
	end if;

	v_origin := array(
		select tracker.hash_address(u.address::inet, 32)
		from unnest(addresses) with ordinality as u(address, n) order by u.n);
	v_from := array(
		select row(u.origin, coalesce(n.newcomers, 0) + row_number() over (partition by u.origin order by u.item) - 1
				- coalesce(n.good, 0), 0, 0, coalesce(n.rest_until, '-infinity'))::tracker.network
		from unnest(v_called, v_origin) with ordinality as u(nickname, origin, item)
		left join tracker.network n on n.origin = u.origin
		order by u.item);
	v_from := array(
		select case when f.origin is not null and not exists (
			select from tracker.person p
			left join tracker.person q on q.id = p.merged_into
			where p.nickname = v_called[f.item]
				and (p.claimed is not null or q.claimed is not null))
			then v_from[f.item] end
		from unnest(v_from) with ordinality as f(origin, newcomers, good, bad, rest_until, item)
		order by f.item);
	v_most := (select p.newcomers_most from tracker.policy p where p.one);

	with f as (
		insert into tracker.person (nickname, looked)
		select distinct u.nickname, mark
		from unnest(v_called) with ordinality as u(nickname, n)
		where u.nickname is not null and v_words[u.n] is null
			and ((v_from[u.n]).newcomers > v_most) is not true
			and not exists (select from tracker.person p where p.nickname = u.nickname)
		order by u.nickname
		on conflict (nickname) do nothing
		returning id, nickname)
	insert into tracker.look (skeleton, person)
	select distinct s.skeleton, f.id
	from f
	join unnest(v_called, folded, written) as u(nickname, folded, written)
		on u.nickname = f.nickname
	cross join lateral (values (u.folded), (u.written)) as s(skeleton)
	where s.skeleton is not null
	order by s.skeleton, f.id;

	with w as (
		insert into tracker.worker (token, stage, name, person, created, seen, address, origin, network,
			label, allowance, slots, words, has, rest_until)
		select u.token, u.stage, u.name,
			(select coalesce(p.merged_into, p.id) from tracker.person p
				where p.nickname = u.nickname), v_now, v_now,
			u.address::inet, v_origin[u.n],
			tracker.hash_address(u.address::inet, 24), coalesce(u.label, ''),
			case when (v_from[u.n]).newcomers > 2 * c_many then 1
				when (v_from[u.n]).newcomers > c_many then a.starts / 2 else a.starts end,
			-- Two, of which it may have one: with a result it is taken at its word (allow).
			case when (v_from[u.n]).newcomers > 2 * c_many then 2 else a.starts end,
			string_to_array(nullif(said[u.n], ''), ','),
			case when said[u.n] <> '' then nullif(tracker.mask_of(string_to_array(said[u.n], ',')), 0) end,
			coalesce((v_from[u.n]).rest_until, '-infinity')
		from unnest(tokens, names, stages, v_called, addresses, labels, open_workers.slots)
			with ordinality as u(token, name, stage, nickname, address, label, slots, n)
		cross join lateral (select tracker.allow(8, 8, 0, u.slots) as starts) a
		where u.token is not null and u.name is not null and u.nickname is not null
			and v_words[u.n] is null
			and ((v_from[u.n]).newcomers > v_most) is not true
			and exists (select from tracker.stage s where s.stage = u.stage)
		order by u.token, u.n
		on conflict do nothing
		returning origin)
	insert into tracker.network as t (origin, newcomers, good, bad, rest_until)
	select w.origin, count(*), 0, 0, '-infinity' from w where w.origin is not null
	group by w.origin order by w.origin
	on conflict (origin) do update set newcomers = t.newcomers + excluded.newcomers;

	if array_remove(keys, null) <> '{}' then
		perform tracker.note_keys(keys);
	end if;
	return query
		select u.n::int4,
			case when w.id is not null then 'opened'
			when v_words[u.n] is not null then 'banned'
			when not exists (select from tracker.stage s where s.stage = u.stage)
				then 'no_stage'
			when v_named[u.n] is null then 'no_name'
			when v_called[u.n] is null then 'no_key'
			when (v_from[u.n]).newcomers > v_most then 'crowded'
			else 'name_taken' end,
			w.id, v_words[u.n]
		from unnest(tokens, stages) with ordinality as u(token, stage, n)
		left join lateral (
			select q.id from tracker.worker q where q.token = u.token
				limit 1) w on true;
end $$;
