-- How quickly batches go on.
--
-- Of what was sent back since nothing counts, in the minute in which it was made (see read_pace).
--
-- Caller	read_batch_rows.
-- Answer	a row a batch and enabled stage: what was done in the last five minutes (four whole ones and the one
--		that runs) and the last hour, and the first and the last minute of that hour in which anything
--		was (null: none).
-- Errors	none.
-- Locks	none.
-- Index	batch_history and tally by key.
drop function if exists tracker.read_batch_pace(int4[]);
create function tracker.read_batch_pace(batches int4[])
returns table (batch int4, stage int2, done_5m int8, done_1h int8, since timestamptz, newest timestamptz)
language sql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
	select u.batch, s.stage, greatest(0, m.done_5m)::int8, greatest(0, m.done_1h)::int8, m.since, m.newest
	from unnest(batches) as u(batch)
	cross join tracker.stage s
	cross join (select statement_timestamp() as now) t
	cross join lateral (
		select sum(x.done) filter (where x.minute > t.now - interval '5 minutes') as done_5m,
			sum(x.done) as done_1h, min(x.minute) filter (where x.done > 0) as since,
			max(x.minute) filter (where x.done > 0) as newest
		from (
			select z.minute, sum(z.done) as done
			from (
				select h.minute, h.done - h.withdrawn as done from tracker.batch_history h
				where h.batch = u.batch and h.stage = s.stage and not h.hourly
					and h.minute > t.now - interval '1 hour'
				union all
				select y.minute, y.done - y.withdrawn from tracker.tally y
				where y.batch = u.batch and y.stage = s.stage
					and y.minute > t.now - interval '1 hour'
			) z
			group by z.minute
		) x
	) m
$$;
