-- The leaderboard, a page at a time.
--
-- The order is by jobs, then by who came first, so that ties stand still. Folded sums come from an
-- index; people with credit that is not folded yet (a minute's worth) are weighed with it, so that
-- the board is exact.
--
-- Caller	pages.
-- Answer	at most max_rows + 1 rows (one more tells that there are more) after (after_jobs,
--		after_id); null = from the top. period: today, week, all. rank is the row's place, counted
--		from the top; ties share none. by_hour24, spark (of 14 days): see read_lately. last_at: when a job of theirs was counted last
--		(to the day when that is more than two days ago).
-- Errors	none.
-- Locks	none.
-- Index	person_score, board_today, board_week, credit_fresh; see read_lately.
create or replace function tracker.read_board(period text, after_jobs int8, after_id int8,
	max_rows int4)
returns table (rank int8, id int8, nickname text, jobs int8, by_hour24 int8, last_at timestamptz,
	spark int8[])
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	v_period text := read_board.period;
	v_after  int8 := read_board.after_jobs;
	v_id     int8 := coalesce(read_board.after_id, 0);
	v_rows   int4 := read_board.max_rows + 1;
	v_day    date := (clock_timestamp() at time zone 'UTC')::date;
	-- Until the first bundle of a new day is folded, the boards still mean yesterday.
	v_stale  boolean := v_period = 'today'
		and not exists (select from tracker.board_day b where b.day = v_day);
	v_people int8[];
	v_jobs   int8[];
	v_above  int8;
begin
	with fresh as materialized (
		select f.person, f.jobs from tracker.read_fresh(v_period) f
	), folded as (
		(select p.id as person, p.score as jobs
		from tracker.person p
		where v_period = 'all' and p.score > 0
			and (v_after is null or (p.score <= v_after and (p.score < v_after or p.id > v_id)))
			and p.id not in (select f.person from fresh f)
		order by p.score desc, p.id
		limit v_rows)
		union all
		(select b.person, b.week
		from tracker.board b
		where v_period = 'week' and b.week > 0
			and (v_after is null or (b.week <= v_after and (b.week < v_after or b.person > v_id)))
			and b.person not in (select f.person from fresh f)
		order by b.week desc, b.person
		limit v_rows)
		union all
		(select b.person, b.today
		from tracker.board b
		where v_period = 'today' and not v_stale and b.today > 0
			and (v_after is null or (b.today <= v_after and (b.today < v_after or b.person > v_id)))
			and b.person not in (select f.person from fresh f)
		order by b.today desc, b.person
		limit v_rows)
	), taken as (
		select x.person, x.jobs
		from (
			select * from folded
			union all
			select w.person, w.jobs from fresh w
			where w.jobs > 0
				and (v_after is null or w.jobs < v_after or (w.jobs = v_after and w.person > v_id))
		) x
		order by x.jobs desc, x.person
		limit v_rows
	)
	select array_agg(t.person order by t.jobs desc, t.person),
		array_agg(t.jobs order by t.jobs desc, t.person)
	into v_people, v_jobs
	from taken t;
	if v_people is null then
		return;
	end if;

	v_above := 0;
	if v_after is not null then
		v_above := tracker.read_above(v_period, v_jobs[1], v_people[1]);
	end if;

	return query
	select v_above + n.i, p.id, p.nickname, v_jobs[n.i], l.by_hour24, tracker.read_last(p.id), l.spark
	from generate_subscripts(v_people, 1) n(i)
	cross join lateral (
		select q.id, q.nickname from tracker.person q where q.id = v_people[n.i] limit 1
	) p
	cross join tracker.read_lately(p.id, 14) l
	order by n.i;
end
$$;
