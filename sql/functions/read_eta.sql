-- How much is left and how long it will take at the pace of late.
--
-- What is left is counted over the whole pipeline: a job of a two-stage project is two completions.
-- Jobs that have failed or are cancelled in a stage, or before it, will not come. The pace is the mean of the last
-- `samples` intervals of `interval_s` seconds, as many as there have been since the first completion;
-- before one whole interval is over, what there is (a minute at least) stands for it. Stages run
-- side by side, so the slowest one may set the time: the longer of both answers counts. What was sent
-- back is left to do again, and no part of the pace (see read_pace).
--
-- Caller	pages.
-- Answer	one row. state: empty (no jobs), finished, cancelled (nothing is left and nothing was done), calculating
--		(nothing to go by yet), stalled (nothing in all that time), moving. eta_s is null unless
--		moving; low_s and high_s are bounds: what so few results allow (as_sure), wider by the 10th and 90th
--		percentile of the samples when there are three, and by the time in which nothing was finished of late;
--		high_s is null when slow samples stood still. shown_s: eta_s as it is known.
-- Errors	none.
-- Locks	none.
-- Index	pk of history (stage, minute): samples * interval_s / 60 rows a stage; tally by key.
drop function if exists tracker.read_eta(int4, int4);
create function tracker.read_eta(interval_s int4, samples int4)
returns table (state text, total int8, done int8, remaining int8, eta_s int8, low_s int8,
	high_s int8, per_minute float8, sampled int4, shown_s int8)
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
as $$
#variable_conflict use_column
declare
	v_width float8 := greatest(60, read_eta.interval_s);
	v_most int4 := greatest(1, read_eta.samples);
	v_now timestamptz := clock_timestamp();
	v_stop timestamptz := date_trunc('minute', v_now);
	v_jobs int8 := coalesce((select b.last from tracker.batch b order by b.first desc limit 1), 0);
	v_age float8;
	v_rate float8;		-- a second
	v_slow float8;
	v_fast float8;
	v_pinned float8;		-- seconds, by the slowest stage
	v_results int8;		-- by which the pace is known
	v_silent_s float8;	-- since the last of them
	v_sure record;
	r record;
begin
	select coalesce(sum(c.done), 0)::int8 as done,
		coalesce(sum(greatest(0, v_jobs - c.done - c.lost)), 0)::int8 as remaining,
		array_agg(greatest(0, v_jobs - c.done - c.lost) order by c.stage) as left_in,
		bool_or(c.failed > 0) as has_failed, bool_or(c.cancelled > 0) as has_cancelled
	into r
	from (
		select x.stage, x.done, x.failed, x.cancelled, sum(x.failed + x.cancelled) over (order by x.stage) as lost
		from tracker.read_counts() x
	) c;

	done := coalesce(r.done, 0);
	remaining := coalesce(r.remaining, 0);
	total := done + remaining;
	sampled := 0;
	per_minute := 0;
	if v_jobs = 0 then
		state := 'empty';
		return next;
		return;
	end if;

	select extract(epoch from v_now - min(s.first_at)),
		extract(epoch from v_now - max(s.last_at) - interval '1 minute')
	into v_age, v_silent_s from tracker.read_ends() s;
	if v_age is null then
		state := case when remaining > 0 then 'calculating'
			when r.has_cancelled and not r.has_failed then 'cancelled' else 'finished' end;
		return next;
		return;
	end if;
	if v_age < v_width then
		-- The first interval is under way: all of it until now.
		if v_age >= 60 then
			select sum(p.done_24h), sum(p.done_24h) / v_age into v_results, v_rate
			from tracker.read_pace() p;
		end if;
	else
		sampled := least(v_most, floor(v_age / v_width))::int4;
		with minutes as materialized (
			select x.stage, floor(extract(epoch from v_stop - x.minute - interval '1 minute') / v_width)::int4 as i,
				sum(x.done) as done
			from (
				select h.stage, h.minute, h.done - h.withdrawn as done
				from tracker.stage s
				join tracker.history h on h.stage = s.stage
				where h.minute >= v_stop - make_interval(secs => sampled * v_width)
				union all
				select y.stage, y.minute, y.done - y.withdrawn from tracker.tally y
				where y.minute >= v_stop - make_interval(secs => sampled * v_width)
			) x
			group by 1, 2	-- the minute that runs is before the first slice
		), slices as (
			select n.i, greatest(0, sum(m.done)) / v_width as rate
			from generate_series(0, sampled - 1) n(i)
			left join minutes m on m.i = n.i
			group by n.i
		), stages as (
			-- A stage that began later is measured from its own first sample on.
			select m.stage, sum(m.done) / ((max(m.i) + 1) * v_width) as rate
			from minutes m
			where m.i between 0 and sampled - 1
			group by m.stage
			having sum(m.done) > 0
		)
		select avg(s.rate), percentile_cont(0.1) within group (order by s.rate),
			percentile_cont(0.9) within group (order by s.rate),
			(select max(r.left_in[t.stage] / t.rate) from stages t), round(sum(s.rate) * v_width)
		into v_rate, v_slow, v_fast, v_pinned, v_results
		from slices s;
	end if;

	per_minute := coalesce(v_rate, 0) * 60;
	if remaining = 0 then
		state := 'finished';
	elsif v_rate is null then
		state := 'calculating';
	elsif v_rate <= 0 then
		state := 'stalled';
	else
		state := 'moving';
		eta_s := ceil(greatest(remaining / v_rate, coalesce(v_pinned, 0)));
		v_sure := tracker.as_sure(v_results);
		low_s := floor(eta_s * v_sure.low);
		high_s := ceil(greatest(eta_s * v_sure.high, eta_s + v_silent_s));
		if sampled >= 3 then
			low_s := floor(least(low_s, remaining / v_fast));
			high_s := case when v_slow > 0 then ceil(greatest(high_s, remaining / v_slow)) end;
		end if;
		shown_s := tracker.as_known(eta_s, low_s, high_s);
	end if;
	return next;
end
$$;
