-- The first and the last minute in which a stage got anything done.
--
-- Caller	read_pace, read_eta, read_series, read_latest.
-- Answer	a row an enabled stage; null = never.
-- Errors	none.
-- Locks	none.
-- Index	pk of history (stage, minute), from both ends; tally is as long as a minute.
create or replace function tracker.read_ends()
returns table (stage int2, first_at timestamptz, last_at timestamptz)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select s.stage, least(f.minute, n.first_at), greatest(l.minute, n.last_at)
	from tracker.stage s
	left join lateral (
		select h.minute from tracker.history h
		where h.stage = s.stage and h.done > 0 order by h.minute limit 1
	) f on true
	left join lateral (
		select h.minute from tracker.history h
		where h.stage = s.stage and h.done > 0 order by h.minute desc limit 1
	) l on true
	cross join lateral (
		select min(y.minute) as first_at, max(y.minute) as last_at from tracker.tally y
		where y.stage = s.stage and y.minute > '-infinity' and y.done > 0
	) n
	order by s.stage
$$;
