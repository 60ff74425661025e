-- People with credit that is not folded yet: what they have in a board's period, folded and in all.
--
-- Caller	read_board, read_above.
-- Answer	a row a person: at most as many as finished anything in the last minute or so. period:
--		today, week, all. jobs counts both, folded only what an index of the board knows.
-- Errors	none.
-- Locks	none.
-- Index	credit by key, all of it (it is as long as a minute); person and board by key. Who is hidden is none of
--		them; who was merged into somebody is that one.
drop function if exists tracker.read_fresh(text);
create function tracker.read_fresh(period text)
returns table (person int8, jobs int8, folded int8)
language sql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
as $$
	with t as (
		select x.day, x.day::timestamp at time zone 'UTC' - make_interval(days => case period when 'week' then 6 else 0 end)
				as since,
			exists (select from tracker.board_day b where b.day = x.day) as is_today
		from (select (clock_timestamp() at time zone 'UTC')::date as day) x
	), f as materialized (
		select q.id as person,
			sum(c.done - c.withdrawn) filter (where period = 'all' or c.minute >= t.since) as jobs
		from tracker.credit c
		join tracker.person p on p.id = c.person
		join tracker.person q on q.id = coalesce(p.merged_into, p.id) and not q.hidden
		cross join t
		group by 1
	), g as (
		select f.person, coalesce(f.jobs, 0) as jobs, coalesce(case period
			when 'all' then (select p.score from tracker.person p where p.id = f.person)
			when 'week' then (select b.week from tracker.board b where b.person = f.person)
			else (select b.today from tracker.board b, t where b.person = f.person and t.is_today)
		end, 0) as folded
		from f
		offset 0
	)
	select g.person, (g.jobs + g.folded)::int8, g.folded::int8 from g
$$;
