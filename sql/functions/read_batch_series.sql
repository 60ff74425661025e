-- Completions over time, for a chart, of one batch or of all: sums in buckets of equal length. Of what was sent back since
-- nothing counts (see read_pace).
--
-- Caller	pages; read_series. of_batch null: of all.
-- Answer	a row for each bucket and stage in which something happened; `bucket` counts from 0 at
--		`start`. Buckets without a row are 0. start and bucket_s are the same in every row; no row at
--		all means that nothing was done in that time.
-- Units	bar_s seconds a bucket, a multiple of 60; span_s seconds back from now, 0 = from the first
--		minute there is (of a batch that is over: to its last one), with 30 to 120 buckets whatever bar_s says.
-- Errors	none.
-- Locks	none.
-- Index	history, batch_history and tally by key.
create or replace function tracker.read_batch_series(of_batch int4, span_s int4, bar_s int4)
returns table (start timestamptz, bucket_s int4, buckets int4, bucket int4, stage int2, done int8)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	width  int8 := greatest(60, read_batch_series.bar_s);
	stop   timestamptz := date_trunc('minute', clock_timestamp()) + interval '1 minute';
	origin timestamptz;
	newest timestamptz;
	many   int4;
begin
	if read_batch_series.span_s > 0 then
		many := ceil(read_batch_series.span_s::float8 / width);
	else
		if of_batch is null then
			select min(s.first_at) into origin from tracker.read_ends() s;
		else
			select min(x.minute), max(x.minute) into origin, newest
			from (
				select h.minute from tracker.batch_history h
				where h.batch = of_batch and h.done > h.withdrawn
				union all
				select y.minute from tracker.tally y where y.batch = of_batch and y.done > y.withdrawn
			) x;
		end if;
		if origin is null then
			return;
		end if;
		if exists (select from tracker.batch b where b.batch = of_batch and b.ended is not null) then
			stop := newest + interval '1 minute';
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
			select h.stage, h.minute, h.done - h.withdrawn as done
			from tracker.stage s
			join tracker.history h on h.stage = s.stage
			where of_batch is null and h.minute >= origin
			union all
			select h.stage, h.minute, h.done - h.withdrawn
			from tracker.stage s
			join tracker.batch_history h on h.batch = of_batch and h.stage = s.stage
			where h.minute >= origin
			union all
			select y.stage, y.minute, y.done - y.withdrawn from tracker.tally y
			where (of_batch is null or y.batch = of_batch) and y.minute >= origin
		) b
		group by 1, 2
		having sum(b.done) > 0
	) x
	order by 4, 5;
end
$$;
