-- People whose nickname begins with a text, whatever the case, in the order of their names.
--
-- Caller	pages.
-- Answer	at most max_rows + 1 rows after (after_name, after_id): the lower-case name is the key.
-- Errors	none.
-- Locks	none.
-- Index	person_prefix.
create or replace function tracker.read_people(prefix text, after_name text, after_id int8,
	max_rows int4)
returns table (id int8, nickname text, jobs int8, by_hour24 int8, last_at timestamptz, spark int8[],
	key text)
language sql stable set search_path = pg_catalog, pg_temp as $$
	select p.id, p.nickname,
		p.done - p.withdrawn + coalesce(c.jobs, 0),
		greatest(0, coalesce(h.jobs, 0) + coalesce(c.jobs, 0)), tracker.read_last(p.id), s.spark, lower(p.nickname)
	from (
		select x.* from tracker.person x
		where lower(x.nickname) ~>=~ lower(prefix)
			and lower(x.nickname) ~<~ (lower(prefix) || chr(1114111))
			and x.merged_into is null and not x.hidden
			and (after_name is null or (lower(x.nickname) ~>=~ after_name
				and (lower(x.nickname) ~>~ after_name or x.id > after_id)))
		order by lower(x.nickname) using ~<~, x.id
		limit max_rows + 1
	) p
	left join lateral (
		select sum(x.done - x.withdrawn)::int8 as jobs,
			sum(x.done - x.withdrawn) filter (where x.minute
				>= date_trunc('day', clock_timestamp() at time zone 'UTC') at time zone 'UTC')::int8 as today
		from tracker.credit x
		where x.person = p.id and x.minute > '-infinity'
	) c on true
	left join lateral (
		select sum(x.done)::int8 as jobs from tracker.person_hour x
		where x.person = p.id and x.hour > clock_timestamp() - interval '24 hours'
	) h on true
	left join lateral (
		select array_agg(coalesce(d.jobs, 0) + case k when 13 then coalesce(c.today, 0)
			when 12 then coalesce(c.jobs, 0) - coalesce(c.today, 0) else 0 end order by k) as spark
		from generate_series(0, 13) k
		left join lateral (
			select sum(x.done - x.withdrawn)::int8 as jobs from tracker.person_day x
			where x.person = p.id
				and x.day = (clock_timestamp() at time zone 'UTC')::date - 13 + k
		) d on true
	) s on true
	order by lower(p.nickname) using ~<~, p.id
$$;
