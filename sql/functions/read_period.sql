-- Net completions of a board's period (see read_pace), over all stages: what people share among them.
--
-- Caller	pages.
-- Answer	a number. period: today (UTC), week (today and the six days before), all.
-- Errors	none.
-- Locks	none.
-- Index	history and tally by key.
create or replace function tracker.read_period(period text)
returns int8
language sql stable parallel safe set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
as $$
	select case when period = 'all'
		then (select coalesce(sum(c.done), 0) from tracker.read_counts() c)
		else (
			select greatest(0, sum(x.done))
			from (
				select (date_trunc('day', clock_timestamp() at time zone 'UTC')
					- case when period = 'week' then interval '6 days' else interval '0' end)
					at time zone 'UTC' as day
			) t
			cross join lateral (
				select sum(h.done - h.withdrawn) as done from tracker.history h
				where h.stage between 1 and 5 and h.minute >= t.day
				union all
				select sum(y.done - y.withdrawn) from tracker.tally y where y.minute >= t.day
			) x
		)
	end::int8
$$;
