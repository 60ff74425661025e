-- Folds the credit of minutes that are over into people's totals and days (UTC); of who was merged into
-- somebody, into theirs.
--
-- Caller	run/keeper.c, every few seconds.
-- Answer	how many rows were folded.
-- Errors	none.
-- Locks	credit, in order of its key, as those who write it; then person, person_day and person_hour, and
--		the boards; one fold at a time (the second does nothing).
-- Index	credit, person, person_day and person_hour by key; person_day by day when a new one begins.
create or replace function tracker.fold_credit()
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	v_count int8;
begin
	if not pg_try_advisory_xact_lock(hashtext('tracker.fold_credit')) then
		return 0;
	end if;
	with l as materialized (
		select c.ctid as tid from tracker.credit c
		where c.minute < date_trunc('minute', statement_timestamp())
		order by c.person, c.stage, c.minute, c.slot
		for update),
	g as materialized (
		delete from tracker.credit c where c.ctid = any (array(select l.tid from l))
		returning c.*),
	d as materialized (	-- whose it is now
		select coalesce(q.merged_into, g.person) as person, g.stage, g.minute, g.done, g.withdrawn,
			g.kept
		from g left join tracker.person q on q.id = g.person),
	y as (
		insert into tracker.person_day as y (person, day, stage, done, withdrawn, kept)
		select d.person, (d.minute at time zone 'UTC')::date, d.stage, sum(d.done),
			sum(d.withdrawn), sum(d.kept)
		from d group by 1, 2, 3 order by 1, 2, 3
		on conflict (person, day, stage) do update set done = y.done + excluded.done,
			withdrawn = y.withdrawn + excluded.withdrawn,
			kept = y.kept + excluded.kept),
	h as (
		insert into tracker.person_hour as h (person, hour, done, last)
		select d.person, date_trunc('hour', d.minute, 'UTC'), sum(d.done - d.withdrawn),
			coalesce(max(d.minute) filter (where d.done > 0), date_trunc('hour', min(d.minute), 'UTC'))
		from d where d.minute > clock_timestamp() - interval '2 days'
		group by 1, 2
		having sum(d.done - d.withdrawn) <> 0 or sum(d.done) > 0	-- of when it was, though nothing came of it
		order by 1, 2
		on conflict (person, hour) do update set done = h.done + excluded.done,
			last = greatest(h.last, excluded.last)),
	p as (
		update tracker.person p set done = p.done + s.done,
			withdrawn = p.withdrawn + s.withdrawn, kept = p.kept + s.kept
		from (select d.person, sum(d.done) as done, sum(d.withdrawn) as withdrawn,
				sum(d.kept) as kept
			from d group by d.person) s
		where p.id = s.person)
	select count(*) into v_count from d;

	-- A day on which nobody has finished anything yet ends the boards of the day before, too.
	if exists (select from tracker.board_day b
			where b.day < (clock_timestamp() at time zone 'UTC')::date) then
		perform tracker.count_board('{}', '{}', '{}');
	end if;
	return v_count;
end $$;
