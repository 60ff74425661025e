-- What the pages need to stay flat: a page must cost the same at 10^4 and at 10^7 jobs.

-- "Latest completions": rows arrive in the order of `finished`, so a block range index, nearly free
-- at insert, finds the tail. Ranges are small so that the tail is.
create index output_finished on tracker.output using brin (finished)
	with (pages_per_range = 16, autosummarize = on);

-- Workers of a stage by first seen, a page at a time; and a person's machines.
create index worker_stage_present on tracker.worker (stage, created, id) where gone_at is null;
create index worker_person_present on tracker.worker (person, created, id) where gone_at is null;

create index strike_worker on tracker.strike (worker, at);
create index refused_output_person on tracker.refused_output (person, refused);

-- Its last ten results, newest first: on the row that every completion writes anyway.
alter table tracker.worker add column recent bigint[] not null default '{}';

-- The boards: by all time from person, of today and of the last 7 days (UTC) from board.
-- A place on a board is counted from its index alone: PostgreSQL does that for columns, not for
-- expressions, hence the column.
alter table tracker.person add column score bigint generated always as (done - withdrawn) stored;
create index person_score on tracker.person (score desc, id) where score > 0;
create index person_prefix on tracker.person (lower(nickname) text_pattern_ops, id);

create table tracker.board (
	person bigint primary key,
	today  bigint not null default 0,
	week   bigint not null default 0	-- today and the six days before
) with (fillfactor = 70);
create index board_today on tracker.board (today desc, person) where today > 0;
create index board_week on tracker.board (week desc, person) where week > 0;

-- The day that `today` means.
create table tracker.board_day (
	one boolean primary key default true check (one),
	day date not null
);
insert into tracker.board_day (day) values ('-infinity');

-- Jobs of a person hour by hour, kept for two days: the rate of the last 24 hours.
create table tracker.person_hour (
	person bigint not null,
	hour   timestamptz not null,
	done   bigint not null,
	last   timestamptz not null,	-- when it was added to
	primary key (person, hour)
) with (fillfactor = 70);

-- person_day is folded into by the keeper alone, a batch a statement. The first batch of a day
-- builds the boards anew from person_day; after that a batch adds its differences.
create function tracker.count_board(people bigint[], days date[], jobs bigint[]) returns void
language plpgsql set search_path = pg_catalog, tracker as $$
declare
	now_hour timestamptz := date_trunc('hour', clock_timestamp());
	this_day date := (clock_timestamp() at time zone 'UTC')::date;
	last_day date;
begin
	if people is null then
		return;
	end if;

	insert into tracker.person_hour as h (person, hour, done, last)
	select d.person, now_hour, sum(d.jobs), clock_timestamp()
	from unnest(people, days, jobs) d(person, day, jobs)
	where d.day >= this_day - 1
	group by d.person
	having sum(d.jobs) <> 0
	on conflict (person, hour) do update set done = h.done + excluded.done, last = excluded.last;

	select b.day into last_day from tracker.board_day b for update;
	if last_day = this_day then
		insert into tracker.board as b (person, today, week)
		select d.person, coalesce(sum(d.jobs) filter (where d.day = this_day), 0), sum(d.jobs)
		from unnest(people, days, jobs) d(person, day, jobs)
		where d.day > this_day - 7
		group by d.person
		on conflict (person) do update
			set today = b.today + excluded.today, week = b.week + excluded.week;
		return;
	end if;

	update tracker.board_day b set day = this_day;
	delete from tracker.person_hour h where h.hour < now_hour - interval '2 days';
	delete from tracker.board b where b.person is not null;
	insert into tracker.board (person, today, week)
	select d.person, coalesce(sum(d.done - d.withdrawn) filter (where d.day = this_day), 0),
		sum(d.done - d.withdrawn)
	from tracker.person_day d
	where d.day > this_day - 7
	group by d.person;
end
$$;

create function tracker.person_day_changed() returns trigger
language plpgsql set search_path = pg_catalog, tracker as $$
declare
	people bigint[];
	days   date[];
	jobs   bigint[];
begin
	if tg_op = 'INSERT' then
		select array_agg(d.person), array_agg(d.day), array_agg(d.jobs)
		into people, days, jobs
		from (
			select a.person, a.day, sum(a.done - a.withdrawn)::bigint as jobs
			from added a group by a.person, a.day
		) d;
	else
		select array_agg(d.person), array_agg(d.day), array_agg(d.jobs)
		into people, days, jobs
		from (
			select c.person, c.day, sum(c.jobs)::bigint as jobs
			from (
				select a.person, a.day, a.done - a.withdrawn as jobs from added a
				union all
				select w.person, w.day, w.withdrawn - w.done from was w
			) c
			group by c.person, c.day
		) d;
	end if;
	perform tracker.count_board(people, days, jobs);
	return null;
end
$$;

create trigger person_day_added after insert on tracker.person_day
	referencing new table as added
	for each statement execute function tracker.person_day_changed();
create trigger person_day_updated after update on tracker.person_day
	referencing old table as was new table as added
	for each statement execute function tracker.person_day_changed();
