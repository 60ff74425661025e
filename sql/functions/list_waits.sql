-- When work of a stage that waits for its turn, because of a rate, may be handed out to these.
--
-- Caller	deal_gated. p_has: what those who got too little have, as masks.
-- Answer	a row for each mask of needs: in how many microseconds, not less than a twentieth of a second, how
--		many jobs will have their turn. Of eight batches, those whose turn comes first.
-- Errors	none.
-- Locks	none.
-- Index	stage and gate by key; see has_work.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.list_waits(p_stage int2, p_has int8[])
returns table (needs int8, after_us int8, jobs int4)
language sql
as $$
	select x.needs, min(x.after_us), max(x.jobs)
	from (
		select u.batch, u.needs, g.after_us, g.jobs
		from tracker.stage s
		cross join lateral unnest(s.line, s.needs) as u(batch, needs)
		cross join lateral (
			select y.after_us, (
				select min(tracker.gate_room(q.rate, q.free_at,
					clock_timestamp() + y.after_us * interval '1 us'))
				from tracker.gate q
				where q.stage = p_stage and q.batch in (0, u.batch)) as jobs
			from (
				select greatest(max(tracker.gate_wait_us(q.rate, q.free_at, clock_timestamp())), 50000)
					as after_us
				from tracker.gate q
				where q.stage = p_stage and q.batch in (0, u.batch)
				having bool_or(tracker.gate_room(q.rate, q.free_at, clock_timestamp()) = 0)) y) g
		where s.stage = p_stage and exists (
			select from unnest(p_has) as h(has) where h.has & u.needs = u.needs)
		order by g.after_us
		limit 8) x
	where tracker.has_work(p_stage, x.batch, clock_timestamp())
	group by x.needs
$$;
