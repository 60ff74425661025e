-- How much is left and how long it will take at the pace of late.
--
-- What is left is counted over the whole pipeline: a job of a two-stage project is two completions.
-- Jobs that have failed or are cancelled in a stage, or before it, will not come. The pace is the mean of the last
-- `samples` intervals of `interval_s` seconds, as many as there have been since the first completion;
-- before one whole interval is over, what there is (a minute at least) stands for it. Stages run
-- side by side, so the slowest one may set the time: the longer of both answers counts. What was sent
-- back is left to do again, and was work all the same (see read_pace).
--
-- Caller	pages.
-- Answer	one row. state: empty (no jobs), finished, calculating (nothing to go by yet), stalled
--		(nothing in all that time), moving. eta_s is null unless moving; low_s and high_s come from
--		the 10th and 90th percentile of the samples, null when there are fewer than three, high_s also
--		when the slow ones stood still.
-- Errors	none.
-- Locks	none.
-- Index	pk of history (stage, minute): samples * interval_s / 60 rows a stage.
create or replace function tracker.read_eta(interval_s int4, samples int4)
returns table (state text, total int8, done int8, remaining int8, eta_s int8, low_s int8,
	high_s int8, per_minute float8, sampled int4)
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
	width  float8 := greatest(60, read_eta.interval_s);
	most   int4 := greatest(1, read_eta.samples);
	moment timestamptz := clock_timestamp();
	stop   timestamptz := date_trunc('minute', moment);
	jobs   int8 := coalesce((select b.last from tracker.batch b order by b.first desc limit 1), 0);
	age    float8;
	rate   float8;		-- a second
	slow   float8;
	fast   float8;
	pinned float8;		-- seconds, by the slowest stage
	r      record;
begin
	select coalesce(sum(c.done), 0)::int8 as done,
		coalesce(sum(greatest(0, jobs - c.done - c.lost)), 0)::int8 as remaining,
		array_agg(greatest(0, jobs - c.done - c.lost) order by c.stage) as left_in
	into r
	from (
		select x.stage, x.done, sum(x.failed + x.cancelled) over (order by x.stage) as lost
		from tracker.read_counts() x
	) c;

	done := coalesce(r.done, 0);
	remaining := coalesce(r.remaining, 0);
	total := done + remaining;
	sampled := 0;
	per_minute := 0;
	if jobs = 0 then
		state := 'empty';
		return next;
		return;
	end if;

	select extract(epoch from moment - min(s.first_at)) into age from tracker.read_ends() s;
	if age is null then
		state := case when remaining = 0 then 'finished' else 'calculating' end;
		return next;
		return;
	end if;
	if age < width then
		-- The first interval is under way: all of it until now.
		if age >= 60 then
			select sum(p.done_24h) / age into rate from tracker.read_pace() p;
		end if;
	else
		sampled := least(most, floor(age / width))::int4;
		with minutes as materialized (
			select x.stage, floor(extract(epoch from stop - x.minute - interval '1 minute') / width)::int4 as i,
				sum(x.done) as done
			from (
				select h.stage, h.minute, h.done
				from tracker.stage s
				join tracker.history h on h.stage = s.stage
				where h.minute >= stop - make_interval(secs => sampled * width)
				union all
				select y.stage, y.minute, y.done from tracker.tally y
				where y.minute >= stop - make_interval(secs => sampled * width)
			) x
			where x.minute < stop
			group by 1, 2
		), slices as (
			select n.i, coalesce(sum(m.done), 0) / width as rate
			from generate_series(0, sampled - 1) n(i)
			left join minutes m on m.i = n.i
			group by n.i
		), stages as (
			-- A stage that began later is measured from its own first sample on.
			select m.stage, sum(m.done) / ((max(m.i) + 1) * width) as rate
			from minutes m
			where m.i between 0 and sampled - 1
			group by m.stage
			having sum(m.done) > 0
		)
		select avg(s.rate), percentile_cont(0.1) within group (order by s.rate),
			percentile_cont(0.9) within group (order by s.rate),
			(select max(r.left_in[t.stage] / t.rate) from stages t)
		into rate, slow, fast, pinned
		from slices s;
	end if;

	per_minute := coalesce(rate, 0) * 60;
	if remaining = 0 then
		state := 'finished';
	elsif rate is null then
		state := 'calculating';
	elsif rate <= 0 then
		state := 'stalled';
	else
		state := 'moving';
		eta_s := ceil(greatest(remaining / rate, coalesce(pinned, 0)));
		if sampled >= 3 then
			low_s := floor(least(eta_s, remaining / fast));
			high_s := case when slow > 0 then ceil(greatest(eta_s, remaining / slow)) end;
		end if;
	end if;
	return next;
end
$$;
