-- The common case of claim_jobs in one statement: each asks for one job of stage A and holds none,
-- and there is fresh work for all. In every other case it does nothing, and claim_jobs goes its
-- full way.
--
-- Caller	claim_jobs, with all items v1.
-- Answer	one 'job' row an item, or no row at all.
-- Errors	none.
-- Locks	as claim_jobs: worker (by token), frontier, lease, tally. What was locked in vain
--		stays locked until the end of the transaction, as it would be anyway.
-- Index	worker by token and id; retry by (stage, due); job by key.
-- Source	apart because the full way costs some thirty statements: this halves what a claim
--		costs. It runs under its caller's settings. A job may be handed out only when this
--		statement's snapshot sees it, so the range ends where the snapshot says, and not
--		where a load has just moved it.
create or replace function tracker.claim_fresh(tokens uuid[], ages_us int8[], calls int8[],
	p_now timestamptz)
returns table (item int4, status text, worker int8, stage int2, job int8, lease uuid, attempt int4,
	data text)
language plpgsql
as $$
#variable_conflict use_column
begin
	return query
	with w as materialized (
		select l.id, u.n, l.held_lease, u.arrived
		from (
			select n.n, n.token,
				p_now - greatest(coalesce(n.age, 0), 0) * interval '1 us' as arrived
			from unnest(tokens, ages_us) with ordinality as n(token, age, n)
			where n.token is not null
			order by n.token, n.n) u
		cross join lateral (
			select q.id, q.held_lease, q.stage, q.gone_at from tracker.worker q
			where q.token = u.token offset 0
			for no key update) l
		where l.gone_at is null and l.stage = 1),
	f as (
		update tracker.frontier f set next = f.next + c.n, previous = f.next,
			epoch = greatest(f.epoch, tracker.now_epoch())
		from (
			select count(*) as n, count(distinct w.id) as workers,
				count(w.held_lease) as held
			from w) c
		where f.epoch >= (select max(m.epoch) from tracker.frontier m)
			and c.n = cardinality(tokens) and c.workers = c.n and c.held = 0
			and f.next + c.n - 1 <= (
				select s.last from tracker.frontier s order by s.epoch desc limit 1)
			and not exists (
				select from tracker.retry r where r.stage = 1 and r.due <= p_now)
			and not exists (select from tracker.stage s where s.stage = 1 and s.paused)
		returning f.previous as first, c.n),
	-- The limit tells the planner that it is one row: it probes for workers and does not hash.
	g as materialized (
		select w.id, w.n, w.arrived, f.first + row_number() over () - 1 as job,
			gen_random_uuid() as lease
		from (select f.* from f limit 1) f cross join w),
	l as (
		insert into tracker.lease (stage, job, id, worker, since, attempt, call)
		select 1, g.job, g.lease, g.id, clock_timestamp(), 1, coalesce(calls[g.n], 0)
		from g),
	x as (
		update tracker.worker w set
			seen = greatest(w.seen, p_now), asked_kind = 'new_job',
			asked_at = greatest(w.asked_at, g.arrived),
			claimed_at = greatest(w.claimed_at, g.arrived), repeats = 0,
			held_job = g.job, held_lease = g.lease
		from g where w.id = g.id),
	t as (
		insert into tracker.tally as t (stage, minute, slot, leased)
		select 1, date_trunc('minute', statement_timestamp()),
			tracker.own_slot(), f.n
		from f
		on conflict (stage, minute, slot) do update set leased = t.leased + excluded.leased)
	select g.n::int4, 'job', g.id, 1::int2, g.job, g.lease, 1,
		(select j.data from tracker.job j where j.number = g.job)
	from g;
end $$;
