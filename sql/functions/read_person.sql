-- One person, as the page shows them: totals, place on the board, who refused what.
--
-- Caller	pages.
-- Answer	one row, none when nobody has that nickname, or they were erased. An old name of theirs will do. Totals are net, folded and not yet folded;
--		none of a time in which more older results were sent back than new ones made.
-- Errors	none.
-- Locks	none.
-- Index	person.nickname, credit and person_hour by person, worker_person_present, person_score.
create or replace function tracker.read_person(of_nickname text)
returns table (id int8, nickname text, created timestamptz, jobs int8, withdrawn int8, today int8,
	week int8, by_hour24 int8, machines int8, rank int8, spark int8[])
language sql stable set search_path = pg_catalog, pg_temp as $$
	select p.id, p.nickname, p.created, p.done - p.withdrawn + c.jobs, p.withdrawn + c.withdrawn,
		greatest(0, d.today + c.today), greatest(0, d.week + c.jobs),
		greatest(0, h.jobs + c.jobs), m.machines,
		case when p.done - p.withdrawn + c.jobs > 0
			then tracker.read_above('all', p.done - p.withdrawn + c.jobs, p.id) + 1 end,
		s.spark
	from tracker.person p
	cross join (select (clock_timestamp() at time zone 'UTC')::date as day) t
	cross join lateral (
		select coalesce(sum(x.done - x.withdrawn), 0)::int8 as jobs,
			coalesce(sum(x.withdrawn), 0)::int8 as withdrawn,
			coalesce(sum(x.done - x.withdrawn)
				filter (where x.minute >= t.day::timestamp at time zone 'UTC'), 0)::int8 as today
		from tracker.credit x
		where x.person = any (array(select tracker.ids_of(p.id)))
			and x.minute > '-infinity'
	) c
	cross join lateral (
		select coalesce(sum(x.done - x.withdrawn) filter (where x.day = t.day), 0)::int8 as today,
			coalesce(sum(x.done - x.withdrawn), 0)::int8 as week
		from tracker.person_day x
		where x.person = p.id and x.day > t.day - 7
	) d
	cross join lateral (
		select coalesce(sum(x.done), 0)::int8 as jobs from tracker.person_hour x
		where x.person = p.id and x.hour > clock_timestamp() - interval '24 hours'
	) h
	cross join lateral (
		select count(*) as machines from (
			select from tracker.worker w
			where w.person = any (array(select tracker.ids_of(p.id))) and w.gone_at is null limit 10000
		) x
	) m
	cross join lateral (
		select array_agg(coalesce(y.jobs, 0)
			+ case k when 29 then c.today when 28 then c.jobs - c.today else 0 end
			order by k) as spark
		from generate_series(0, 29) k
		left join lateral (
			select sum(x.done - x.withdrawn)::int8 as jobs from tracker.person_day x
			where x.person = p.id and x.day = t.day - 29 + k
		) y on true
	) s
	where p.id = tracker.find_person(of_nickname) and not p.erased
$$;
