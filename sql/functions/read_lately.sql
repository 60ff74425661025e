-- What a person did lately, folded and not yet folded, net: what was sent back counts in no time.
--
-- Caller	read_person, read_board, read_people.
-- Answer	one row. fresh, fresh_withdrawn, fresh_kept: what is not folded yet, of all stages; today, week: since the day
--		began (UTC), and with the six before; by_hour24: in the last 24 hours, what is folded by whole hours;
--		spark: each of the last `days` days, oldest first.
-- Errors	none.
-- Locks	none.
-- Index	credit, person_day and person_hour by person; see ids_of.
drop function if exists tracker.read_lately(int8, int4);
create or replace function tracker.read_lately(of_person int8, days int4)
returns table (fresh int8, fresh_withdrawn int8, today int8, week int8, by_hour24 int8, spark int8[], fresh_kept int8)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	with t as materialized (
		select (x.now at time zone 'UTC')::date as day, x.now - interval '24 hours' as since
		from (select clock_timestamp() as now) x
	), c as materialized (
		select x.minute, x.done - x.withdrawn as jobs, x.withdrawn, x.kept
		from tracker.credit x
		where x.person = any (array(select tracker.ids_of(of_person)))
	), d as materialized (
		select x.day, sum(x.jobs)::int8 as jobs
		from (
			select y.day, y.done - y.withdrawn as jobs from tracker.person_day y, t
			where y.person = of_person and y.day > t.day - greatest(days, 7)
			union all
			select (c.minute at time zone 'UTC')::date, c.jobs from c
		) x
		group by x.day
	), h as (
		select sum(x.done) as jobs from tracker.person_hour x, t
		where x.person = of_person and x.hour > t.since
	)
	select coalesce((select sum(c.jobs) from c), 0)::int8,
		coalesce((select sum(c.withdrawn) from c), 0)::int8,
		greatest(0, (select d.jobs from d where d.day = t.day)),
		greatest(0, (select sum(d.jobs) from d where d.day > t.day - 7))::int8,
		greatest(0, coalesce((select h.jobs from h), 0)
			+ coalesce((select sum(c.jobs) from c where c.minute > t.since), 0))::int8,
		array(
			select greatest(0, d.jobs) from generate_series(days - 1, 0, -1) as k
			left join d on d.day = t.day - k
			order by k desc),
		coalesce((select sum(c.kept) from c), 0)::int8
	from t
$$;
