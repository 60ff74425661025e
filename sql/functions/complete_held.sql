-- The common case of complete_jobs in one statement: each item is the result of the job that its
-- worker holds. In every other case it does nothing, and complete_jobs goes its full way.
--
-- Caller	complete_jobs, with all items v1.
-- Answer	one row an item, or no row at all.
-- Errors	none.
-- Locks	as complete_jobs: worker (by token), lease, output, ready, tally, credit.
-- Index	worker by token and id; lease and output by key.
-- Source	runs under its caller's settings. A lease that this snapshot does not see,
--		because the worker's row had to be waited for, is left to the full way.
create or replace function tracker.complete_held(tokens uuid[], datas text[], hashes uuid[],
	ages_us int8[], p_now timestamptz)
returns table (item int4, status text, worker int8, stage int2, job int8)
language plpgsql
as $$
#variable_conflict use_column
begin
	return query
	with m as materialized (
		select u.n, u.arrived, l.id, l.stage, l.person, l.held_job as job,
			l.held_lease as lease, q.tid, q.since, q.attempt
		from (
			select n.n, n.token,
				p_now - greatest(coalesce(n.age, 0), 0) * interval '1 us' as arrived
			from unnest(tokens, ages_us) with ordinality as n(token, age, n)
			where n.token is not null
			order by n.token, n.n) u
		cross join lateral (
			select q.id, q.stage, q.person, q.held_job, q.held_lease, q.gone_at
			from tracker.worker q
			where q.token = u.token offset 0
			for no key update) l
		cross join lateral (
			select q.ctid as tid, q.id, q.worker, q.since, q.attempt
			from tracker.lease q
			where q.stage = l.stage and q.job = l.held_job
			limit 1) q
		where l.gone_at is null and q.id = l.held_lease and q.worker = l.id
			and q.since <= u.arrived),
	k as materialized (
		select (select max(s.stage) from tracker.stage s) as last_stage
		from (select count(*) as n, count(distinct m.id) as workers from m) c
		where c.n = cardinality(tokens) and c.workers = c.n),
	g as materialized (
		select m.* from k cross join m),
	o as (
		insert into tracker.output (stage, job, worker, person, attempt, lease, started,
			finished, data)
		select g.stage, g.job, g.id, g.person, g.attempt, g.lease, g.since, p_now,
			coalesce(datas[g.n], '')
		from g
		on conflict (stage, job) do nothing
		returning stage, job),
	-- An output that was there is impossible while the laws hold; it is not counted again.
	-- FULL says "by hash": the planner expects one row, and would compare all pairs.
	r as materialized (
		select g.*, o.job is not null as counts
		from g full join o on o.stage = g.stage and o.job = g.job),
	d as (
		delete from tracker.lease l where l.ctid = any (array(select g.tid from g))),
	y as (
		insert into tracker.ready (stage, job)
		select r.stage + 1, r.job
		from r cross join k where r.counts and r.stage < k.last_stage),
	x as (
		update tracker.worker w set
			seen = greatest(w.seen, p_now), done = w.done + r.counts::int4,
			recent = case when r.counts then (r.job || w.recent)[1:10]
				else w.recent end,
			asked_kind = 'other', asked_at = greatest(w.asked_at, r.arrived),
			held_job = null, held_lease = null, last_kind = 'completed',
			last_at = clock_timestamp(), last_job = r.job, last_hash = hashes[r.n]
		from r where w.id = r.id),
	t as (
		insert into tracker.tally as t (stage, minute, slot, ready, leased, done)
		select c.stage, date_trunc('minute', statement_timestamp()),
			tracker.own_slot(),
			sum(c.ready)::int8, sum(c.leased)::int8, sum(c.done)::int8
		from (
			select r.stage, 0 as ready, -count(*) as leased,
				count(*) filter (where r.counts) as done
			from r group by r.stage
			union all
			select (r.stage + 1)::int2, count(*), 0, 0
			from r cross join k where r.counts and r.stage < k.last_stage
			group by r.stage) c
		group by c.stage
		order by c.stage
		on conflict (stage, minute, slot) do update set
			ready = t.ready + excluded.ready, leased = t.leased + excluded.leased,
			done = t.done + excluded.done),
	c as (
		insert into tracker.credit as c (person, stage, minute, slot, done)
		select r.person, r.stage, date_trunc('minute', statement_timestamp()),
			tracker.own_slot(), count(*)
		from r where r.counts
		group by r.person, r.stage
		order by r.person, r.stage
		on conflict (person, stage, minute, slot) do update set
			done = c.done + excluded.done)
	select r.n::int4, case when r.counts then 'accepted' else 'fenced' end, r.id, r.stage, r.job
	from r;
end $$;
