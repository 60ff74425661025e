-- The first and the last minute of which anything stands that a stage got done.
--
-- Caller	read_pace, read_eta, read_series, read_latest.
-- Answer	a row an enabled stage; null = none.
-- Errors	none.
-- Locks	none.
-- Index	history_net, from both ends; tally by key, which is as long as a minute.
create or replace function tracker.read_ends()
returns table (stage int2, first_at timestamptz, last_at timestamptz)
language sql stable parallel safe set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
as $$
	select s.stage, least(f.minute, n.first_at), greatest(l.minute, n.last_at)
	from tracker.stage s
	left join lateral (
		select h.minute from tracker.history h
		where h.stage = s.stage and h.done > h.withdrawn order by h.minute limit 1
	) f on true
	left join lateral (
		select h.minute from tracker.history h
		where h.stage = s.stage and h.done > h.withdrawn order by h.minute desc limit 1
	) l on true
	cross join lateral (
		select min(x.minute) as first_at, max(x.minute) as last_at
		from (
			select y.minute from tracker.tally y
			where y.stage = s.stage and y.minute > '-infinity'
			group by y.minute having sum(y.done - y.withdrawn) > 0) x
	) n
	order by s.stage
$$;
