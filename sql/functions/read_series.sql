-- Completions over time, for the chart: sums in buckets of equal length. A result that was sent back
-- since counts where it was made (see read_pace).
--
-- Caller	pages.
-- Answer	a row for each bucket and stage in which something happened; `bucket` counts from 0 at
--		`start`. Buckets without a row are 0. start and bucket_s are the same in every row; no row at
--		all means that nothing was done in that time.
-- Units	bar_s seconds a bucket, a multiple of 60; span_s seconds back from now, 0 = from the first
--		minute there is, with 30 to 120 buckets whatever bar_s says.
-- Errors	none.
-- Locks	none.
-- Index	pk of history (stage, minute).
create or replace function tracker.read_series(span_s int4, bar_s int4)
returns table (start timestamptz, bucket_s int4, buckets int4, bucket int4, stage int2, done int8)
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp as $$
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
		select min(s.first_at) into origin from tracker.read_ends() s;
		if origin is null then
			return;
		end if;
		width := greatest(60,
			ceil(extract(epoch from stop - origin) / 120 / 60)::int8 * 60);
		many := greatest(30, ceil(extract(epoch from stop - origin) / width))::int4;
	end if;
	origin := stop - make_interval(secs => (many * width)::float8);

	return query
	select origin, width::int4, many,
		(extract(epoch from x.bin - origin) / width)::int4, x.stage, x.done
	from (
		select date_bin(make_interval(secs => width::float8), b.minute, origin) as bin, b.stage,
			sum(b.done)::int8 as done
		from (
			select h.stage, h.minute, h.done
			from tracker.stage s
			join tracker.history h on h.stage = s.stage
			where h.minute >= origin
			union all
			select y.stage, y.minute, y.done from tracker.tally y
			where y.minute >= origin
		) b
		group by 1, 2
		having sum(b.done) <> 0
	) x
	order by 4, 5;
end
$$;
