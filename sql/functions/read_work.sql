-- What waits in stages in whose line something has needs or a rate, by what it needs.
--
-- Caller	domain/counts.c, when read_counts says that there are such stages.
-- Answer	a row for each stage and mask, 128 at most. words: of needs, with commas between. now: jobs that may
--		be handed out at once to who has that; later: those that wait for their turn, because of a rate;
--		after_us: in how many microseconds the first of these has it (null: none waits so).
-- Errors	none.
-- Locks	none.
-- Index	stage, gate and word by key; retry by (stage, batch, due); see read_batches.
create or replace function tracker.read_work()
returns table (stage int2, needs int8, words text, now int8, later int8, after_us int8)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
	with l as materialized (
		select s.stage, u.batch, u.needs from tracker.stage s
		cross join lateral unnest(s.line, s.needs) as u(batch, needs)
		where s.needs is not null and not s.paused),
	b as (
		select l.stage, l.needs, c.ready, g.room, g.stage_room, g.after_us,
			case when c.retry > 0 then (
				select count(*) from (
					select from tracker.retry r
					where r.stage = l.stage and r.batch = l.batch and r.due <= statement_timestamp()
					limit 100000) x) else 0 end as due
		from l
		join tracker.read_batches(array(select distinct q.batch from l q)) c
			on c.stage = l.stage and c.batch = l.batch
		cross join lateral (
			select min(tracker.gate_room(q.rate, q.free_at, statement_timestamp())) as room,
				min(tracker.gate_room(q.rate, q.free_at, statement_timestamp()))
					filter (where q.batch = 0) as stage_room,
				max(tracker.gate_wait_us(q.rate, q.free_at, statement_timestamp())) as after_us
			from tracker.gate q where q.stage = l.stage and q.batch in (0, l.batch)) g)
	select x.stage, x.needs, tracker.mask_words(x.needs), (x.fresh + x.due)::int8,
		(x.ready - x.fresh)::int8, case when x.ready > x.fresh then x.after_us end
	from (
		select b.stage, b.needs, sum(b.ready) as ready, sum(b.due) as due,
			least(sum(least(b.ready, b.room)), min(b.stage_room)) as fresh,
			min(b.after_us) filter (where b.ready > b.room) as after_us
		from b group by b.stage, b.needs) x
	order by x.stage, x.needs
	limit 128
$$;
