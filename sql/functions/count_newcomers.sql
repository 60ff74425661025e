-- Counts, by origin, the workers that have brought nothing yet, and those that brought nothing but bad ends, for
-- open_workers.
--
-- Newcomers: present, without a result, heard in the last ten minutes (who registers and is never heard of again
-- shuts the door on nobody for longer). Good: those with a result, or who had one within an hour or so: a site that
-- starts anew is not a crowd of strangers. Bad: of the last 2000 bad ends within an hour, the newcomers with one that
-- were not spared (spare_rest), as long as no result has come from their origin since. From the twentieth of these
-- on the origin rests after each, 2 s, then twice as long each time, up to an hour.
--
-- Caller	run/keeper.c, every few seconds.
-- Answer	how many origins have a row now: those with ten newcomers, ten good or 20 bad ones; of fewer, new ones
--		are counted as they come (open_workers).
-- Errors	none.
-- Locks	network, against registrations, for as long as it takes to count; rows of worker whose origin rests
--		no more, in order of id.
-- Index	worker_stage_present; strike by id, from its end; see read_results; worker by id.
create or replace function tracker.count_newcomers()
returns int4
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	c_many constant int4 := 20;
	c_few constant int4 := 10;	-- newcomers; fewer are counted as they come
	c_fade constant float8 := 720;	-- calls, an hour of them: of who went, one in so many is forgotten with each
	c_bad constant int4 := 2000;	-- bad ends that are looked at
	c_good constant int4 := 20000;	-- results that are looked at
	v_now timestamptz := clock_timestamp();
	b_origin int8[]; b_at timestamptz[];	-- of each bad newcomer, its last bad end
	v_since timestamptz;
	v_origins int4;
	s record;
	r record;
begin
	select array_agg(w.origin), array_agg(k.at) into b_origin, b_at
	from (
		select q.worker, max(q.at) as at
		from (
			select l.worker, l.at from (
				select * from tracker.strike order by id desc limit c_bad) l
			where l.at > v_now - interval '1 hour' and tracker.is_bad_end(l.kind, l.chosen)) q
		group by q.worker) k
	join tracker.worker w on w.id = k.worker
	where w.origin is not null and w.done = 0 and w.bad_row + w.soft_row > 0;

	-- Only who is suspect has its results looked for.
	v_since := (
		select min(x.since)
		from (
			select min(u.at) as since from unnest(b_origin, b_at) as u(origin, at)
			group by u.origin having count(*) >= c_many) x);
	for s in select q.stage from tracker.stage q where v_since is not null loop
		r := tracker.read_results(s.stage, v_since, c_good);
		select array_agg(u.origin), array_agg(u.at) into b_origin, b_at
		from unnest(b_origin, b_at) as u(origin, at)
		left join (
			select w.origin, max(o.at) as good
			from unnest(r.workers, r.times) as o(worker, at)
			join tracker.worker w on w.id = o.worker
			group by w.origin) g on g.origin = u.origin
		where g.good is null or u.at > g.good;
	end loop;

	lock table tracker.network in share row exclusive mode;	-- none is added while they are counted
	with n as (
		select p.origin, count(*) filter (where p.done = 0)::int4 as newcomers,
			count(*) filter (where p.done > 0)::int4 as good
		from (
			select w.origin, w.done from tracker.worker w
			where w.gone_at is null and w.origin is not null
				and (w.done > 0 or w.seen > v_now - interval '10 minutes')) p
		group by p.origin),
	b as (
		select u.origin, count(*)::int4 as bad,
			max(u.at) + least(tracker.rest_after(count(*)::int4 - c_many + 2, 0), interval '1 hour') as rest_until
		from unnest(b_origin, b_at) as u(origin, at)
		group by u.origin having count(*) >= c_many),
	k as (
		select t.origin, t.good - floor(t.good / c_fade + random())::int4 as good from tracker.network t),
	f as (
		select coalesce(n.origin, b.origin, k.origin) as origin, coalesce(n.newcomers, 0) as newcomers,
			coalesce(greatest(n.good, k.good), 0) as good, coalesce(b.bad, 0) as bad,
			coalesce(b.rest_until, '-infinity') as rest_until
		from n full join b on b.origin = n.origin
		full join k on k.origin = coalesce(n.origin, b.origin)
		where n.newcomers >= c_few or b.bad >= c_many or greatest(n.good, k.good) >= c_few),
	d as (
		delete from tracker.network t
		where t.origin <> all (array(select f.origin from f))
		returning t.origin, t.bad),
	u as (
		insert into tracker.network as t (origin, newcomers, good, bad, rest_until)
		select f.origin, f.newcomers, f.good, f.bad, f.rest_until from f
		on conflict (origin) do update set newcomers = excluded.newcomers, good = excluded.good,
			bad = excluded.bad, rest_until = excluded.rest_until
		where (t.newcomers, t.good, t.bad, t.rest_until)
			<> (excluded.newcomers, excluded.good, excluded.bad, excluded.rest_until))
	select (select count(*) from f)::int4, array(
		select d.origin from d where d.bad > 0
		union all
		select t.origin from tracker.network t join f on f.origin = t.origin
		where t.bad > 0 and f.bad = 0)
	into v_origins, b_origin;
	if b_origin <> '{}' then
		perform tracker.end_inherited(b_origin);
	end if;
	return v_origins;
end $$;
