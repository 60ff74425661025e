-- Adds differences of people's days to the boards; the first of a day builds the boards anew. Who is
-- hidden is on none.
--
-- Caller	person_day_changed; fold_credit, when a day begins; all under the one fold at a time. Arrays are
--		aligned; null: nothing.
-- Answer	nothing.
-- Errors	none.
-- Locks	board_day; board; person_hour, whose old rows go with the day.
-- Index	person_hour and board by key; person_day by day; person by id.
create or replace function tracker.count_board(people bigint[], days date[], jobs bigint[])
returns void
language plpgsql
set search_path = pg_catalog, tracker
as $$
declare
	v_hour timestamptz := date_trunc('hour', clock_timestamp());
	v_today date := (clock_timestamp() at time zone 'UTC')::date;
	v_built date;
	v_ours boolean;	-- built anew in this transaction: it may have what is to be added
begin
	if people is null then
		return;
	end if;

	select b.day, b.xmin = pg_current_xact_id()::xid into v_built, v_ours
	from tracker.board_day b for update;
	if v_built = v_today and not v_ours then
		insert into tracker.board as b (person, today, week)
		select d.person, coalesce(sum(d.jobs) filter (where d.day = v_today), 0), sum(d.jobs)
		from unnest(people, days, jobs) d(person, day, jobs)
		where d.day > v_today - 7
			and not exists (select from tracker.person p where p.id = d.person and p.hidden)
		group by d.person
		on conflict (person) do update
			set today = b.today + excluded.today, week = b.week + excluded.week;
		return;
	end if;

	update tracker.board_day b set day = v_today;
	delete from tracker.person_hour h where h.hour < v_hour - interval '2 days';
	delete from tracker.board b where b.person is not null;
	insert into tracker.board (person, today, week)
	select d.person, coalesce(sum(d.done - d.withdrawn) filter (where d.day = v_today), 0),
		sum(d.done - d.withdrawn)
	from tracker.person_day d
	where d.day > v_today - 7
		and not exists (select from tracker.person p where p.id = d.person and p.hidden)
	group by d.person;
end
$$;
