-- People whose nickname begins with a text, whatever the case, in the order of their names.
--
-- Caller	pages.
-- Answer	at most max_rows + 1 rows after (after_name, after_id): the lower-case name is the key.
-- Errors	none.
-- Locks	none.
-- Index	person_prefix; see read_lately.
create or replace function tracker.read_people(prefix text, after_name text, after_id int8,
	max_rows int4)
returns table (id int8, nickname text, jobs int8, by_hour24 int8, last_at timestamptz, spark int8[],
	key text)
language sql stable set search_path = pg_catalog, pg_temp as $$
	select p.id, p.nickname, p.done - p.withdrawn + l.fresh, l.by_hour24, tracker.read_last(p.id), l.spark,
		lower(p.nickname)
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
	cross join tracker.read_lately(p.id, 14) l
	order by lower(p.nickname) using ~<~, p.id
$$;
