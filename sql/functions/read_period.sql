-- What people share among them of a board's period, over all stages: net completions (see read_pace), and those that
-- were set aside and are credited all the same.
--
-- Caller	pages.
-- Answer	a number. period: today (UTC), week (today and the six days before), all.
-- Errors	none.
-- Locks	none.
-- Index	history and tally by key; person_day_kept; credit by key, which is as long as a minute.
create or replace function tracker.read_period(period text)
returns int8
language sql stable parallel safe set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
as $$
	with t as (
		select case period when 'all' then '-infinity'::timestamp
			else date_trunc('day', clock_timestamp() at time zone 'UTC')
				- case when period = 'week' then interval '6 days' else interval '0' end end as day
	), k as (
		select coalesce((select sum(d.kept) from tracker.person_day d, t where d.kept <> 0 and d.day >= t.day::date), 0)
			+ coalesce((select sum(c.kept) from tracker.credit c, t where c.minute >= t.day at time zone 'UTC'), 0) as kept
	)
	select case when period = 'all'
		then (select coalesce(sum(c.done), 0) + k.kept from tracker.read_counts() c)
		else (
			select greatest(0, sum(x.done) + k.kept)
			from t
			cross join lateral (
				select sum(h.done - h.withdrawn) as done from tracker.history h
				where h.stage between 1 and 5 and h.minute >= t.day at time zone 'UTC'
				union all
				select sum(y.done - y.withdrawn) from tracker.tally y where y.minute >= t.day at time zone 'UTC'
			) x
		)
	end::int8
	from k
$$;
