-- What was done lately, stage by stage. Of what was sent back since nothing counts, in the time in which it was made:
-- so these are of the same results as what is done in all.
--
-- Caller	pages.
-- Answer	a row an enabled stage: the last 5 minutes, hour and day; and the first and last minute of
--		which anything stands (null: none).
-- Errors	none.
-- Locks	none.
-- Index	pk of history (stage, minute): at most 1,440 rows a stage; tally by key, which is as long as a minute.
create or replace function tracker.read_pace()
returns table (stage int2, done_5m int8, done_1h int8, done_24h int8, first_at timestamptz,
	last_at timestamptz)
language sql stable parallel safe set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
as $$
	with t as (select clock_timestamp() as now)
	select s.stage,
		greatest(0, m.done_5m)::int8, greatest(0, m.done_1h)::int8, greatest(0, m.done_24h)::int8,
		s.first_at, s.last_at
	from tracker.read_ends() s
	cross join t
	cross join lateral (
		select sum(x.done) filter (where x.minute > t.now - interval '5 minutes') as done_5m,
			sum(x.done) filter (where x.minute > t.now - interval '1 hour') as done_1h,
			sum(x.done) as done_24h
		from (
			select h.minute, h.done - h.withdrawn as done from tracker.history h
			where h.stage = s.stage and h.minute > t.now - interval '24 hours'
			union all
			select y.minute, y.done - y.withdrawn from tracker.tally y
			where y.stage = s.stage and y.minute > t.now - interval '24 hours'
		) x
	) m
	order by s.stage
$$;
