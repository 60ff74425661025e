-- Completions over time, for the chart: net sums in buckets of equal length.
--
-- Caller	pages.
-- Answer	a row for each bucket and stage in which something happened; `bucket` counts from 0 at
--		`start`. Buckets without a row are 0. start and bucket_s are the same in every row; no row at
--		all means that nothing was done in that time.
-- Units	bar_s seconds a bucket, a multiple of 60; span_s seconds back from now, 0 = from the first
--		minute there is, with at most 120 buckets whatever bar_s says.
-- Errors	none.
-- Locks	none.
-- Index	pk of history (stage, minute).
create or replace function tracker.read_series(span_s int4, bar_s int4)
returns table (start timestamptz, bucket_s int4, buckets int4, bucket int4, stage int2, done int8)
language plpgsql stable parallel safe set search_path = pg_catalog, tracker as $$
#variable_conflict use_column
declare
	width  int8 := greatest(60, read_series.bar_s);
	stop   timestamptz := date_trunc('minute', clock_timestamp()) + interval '1 minute';
	origin timestamptz;
	many   int4;
begin
	if read_series.span_s > 0 then
		many := ceil(read_series.span_s::float8 / width);
	else
		select min(x.minute) into origin
		from tracker.stage s
		cross join lateral (
			(select h.minute from tracker.history h
			where h.stage = s.stage and h.done > 0 order by h.minute limit 1)
			union all
			(select y.minute from tracker.tally y
			where y.stage = s.stage and y.minute > '-infinity' and y.done > 0
			order by y.minute limit 1)
		) x;
		if origin is null then
			return;
		end if;
		width := greatest(60,
			ceil(extract(epoch from stop - origin) / 120 / 60)::int8 * 60);
		many := greatest(1, ceil(extract(epoch from stop - origin) / width))::int4;
	end if;
	origin := stop - make_interval(secs => (many * width)::float8);

	return query
	select origin, width::int4, many,
		floor(extract(epoch from x.minute - origin) / width)::int4, x.stage, sum(x.done)::int8
	from (
		select h.stage, h.minute, h.done - h.withdrawn as done from tracker.history h
		where h.stage between 1 and 5 and h.minute >= origin
		union all
		select y.stage, y.minute, y.done - y.withdrawn from tracker.tally y
		where y.minute >= origin
	) x
	group by 4, 5
	having sum(x.done) <> 0
	order by 4, 5;
end
$$;
