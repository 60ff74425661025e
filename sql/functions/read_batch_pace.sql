-- How quickly batches go on.
--
-- A result that was sent back since counts (see read_pace).
--
-- Caller	read_batch_rows.
-- Answer	a row a batch and enabled stage: what was done in the last five minutes (four whole ones and the one
--		that runs) and the last hour, and the first minute of that hour in which anything was (null:
--		none).
-- Errors	none.
-- Locks	none.
-- Index	batch_history and tally by key.
create or replace function tracker.read_batch_pace(batches int4[])
returns table (batch int4, stage int2, done_5m int8, done_1h int8, since timestamptz)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select u.batch, s.stage, coalesce(m.done_5m, 0)::int8, coalesce(m.done_1h, 0)::int8, m.since
	from unnest(batches) as u(batch)
	cross join tracker.stage s
	cross join (select statement_timestamp() as now) t
	cross join lateral (
		select sum(x.done) filter (where x.minute > t.now - interval '5 minutes') as done_5m,
			sum(x.done) as done_1h, min(x.minute) filter (where x.done > 0) as since
		from (
			select h.minute, h.done from tracker.batch_history h
			where h.batch = u.batch and h.stage = s.stage and not h.hourly
				and h.minute > t.now - interval '1 hour'
			union all
			select y.minute, y.done from tracker.tally y
			where y.batch = u.batch and y.stage = s.stage and y.minute > t.now - interval '1 hour'
		) x
	) m
$$;
