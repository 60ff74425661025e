-- One person, as the page shows them: totals, place on the board, who refused what.
--
-- Caller	pages.
-- Answer	one row, none when nobody has that nickname, or they were erased. An old name of theirs will do. Totals are net, folded and not yet folded.
--		today, week, by_hour24, spark (of 30 days): see read_lately. kept: of results that were set aside, not withdrawn.
-- Errors	none.
-- Locks	none.
-- Index	person.nickname, worker_person_present, person_score; see read_lately.
drop function if exists tracker.read_person(text);
create or replace function tracker.read_person(of_nickname text)
returns table (id int8, nickname text, created timestamptz, jobs int8, withdrawn int8, today int8,
	week int8, by_hour24 int8, machines int8, rank int8, spark int8[], kept int8)
language sql stable set search_path = pg_catalog, pg_temp as $$
	select p.id, p.nickname, p.created, p.done - p.withdrawn + l.fresh, p.withdrawn + l.fresh_withdrawn,
		l.today, l.week, l.by_hour24, m.machines,
		case when p.done - p.withdrawn + l.fresh > 0
			then tracker.read_above('all', p.done - p.withdrawn + l.fresh, p.id) + 1 end,
		l.spark, p.kept + l.fresh_kept
	from tracker.person p
	cross join tracker.read_lately(p.id, 30) l
	cross join lateral (
		select count(*) as machines from (
			select from tracker.worker w
			where w.person = any (array(select tracker.ids_of(p.id))) and w.gone_at is null limit 10000
		) x
	) m
	where p.id = tracker.find_person(of_nickname) and not p.erased
$$;
