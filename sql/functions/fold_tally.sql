-- Folds the counts of minutes that are over into the base rows of stages (batch 0) and of batches
-- (batch_count), and keeps them for charts: by the minute for eight days, then by the hour.
-- A batch of which nothing is left to be done has ended.
--
-- Caller	run/keeper.c, every few seconds.
-- Answer	how many rows were folded.
-- Errors	none.
-- Locks	tally, in order of its key, as those who write it; one fold at a time (the second
--		does nothing); batch, when one has ended or goes on.
-- Index	tally, history, batch_history and batch_count by key; batch_history_minute.
create or replace function tracker.fold_tally()
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	v_count int8;
	v_batches int4[];
begin
	if not pg_try_advisory_xact_lock(hashtext('tracker.fold_tally')) then
		return 0;
	end if;
	with l as materialized (
		select t.ctid as tid from tracker.tally t
		where t.slot >= 0 and t.minute < date_trunc('minute', statement_timestamp())
		order by t.stage, t.batch, t.minute, t.slot
		for update),
	d as materialized (
		delete from tracker.tally t where t.ctid = any (array(select l.tid from l))
		returning t.*),
	e as (	-- what of a cancelled batch would be ready or in retry is cancelled
		select d.stage, d.batch, case when b.cancelled then 0 else d.ready end as ready,
			case when b.cancelled then 0 else d.retry end as retry, d.done, d.withdrawn, d.failed,
			case when b.cancelled then d.ready + d.retry else 0 end as cancelled
		from d left join tracker.batch b on b.batch = d.batch),
	h as (
		insert into tracker.history as h (stage, minute, done, withdrawn, failed)
		select d.stage, d.minute, sum(d.done), sum(d.withdrawn), sum(d.failed)
		from d group by d.stage, d.minute
		having sum(d.done) <> 0 or sum(d.withdrawn) <> 0 or sum(d.failed) <> 0
		order by d.stage, d.minute
		on conflict (stage, minute) do update set done = h.done + excluded.done,
			withdrawn = h.withdrawn + excluded.withdrawn,
			failed = h.failed + excluded.failed),
	b as (
		insert into tracker.tally as t (stage, batch, minute, slot, ready, retry, done, withdrawn,
			failed)
		select e.stage, 0, '-infinity', -1, sum(e.ready), sum(e.retry), sum(e.done),
			sum(e.withdrawn), sum(e.failed)
		from e group by e.stage order by e.stage
		on conflict (stage, batch, minute, slot) do update set
			ready = t.ready + excluded.ready, retry = t.retry + excluded.retry,
			done = t.done + excluded.done, withdrawn = t.withdrawn + excluded.withdrawn,
			failed = t.failed + excluded.failed),
	k as (
		insert into tracker.cancelled_count as k (stage, jobs)
		select e.stage, sum(e.cancelled) from e group by e.stage having sum(e.cancelled) <> 0
		order by e.stage
		on conflict (stage) do update set jobs = k.jobs + excluded.jobs),
	c as (
		insert into tracker.batch_count as c (batch, stage, ready, retry, done, withdrawn, failed,
			cancelled)
		select e.batch, e.stage, sum(e.ready), sum(e.retry), sum(e.done), sum(e.withdrawn),
			sum(e.failed), sum(e.cancelled)
		from e group by e.batch, e.stage order by e.batch, e.stage
		on conflict (batch, stage) do update set
			ready = c.ready + excluded.ready, retry = c.retry + excluded.retry,
			done = c.done + excluded.done, withdrawn = c.withdrawn + excluded.withdrawn,
			failed = c.failed + excluded.failed,
			cancelled = c.cancelled + excluded.cancelled),
	y as (
		insert into tracker.batch_history as h (batch, stage, minute, done, withdrawn)
		select d.batch, d.stage, d.minute, sum(d.done), sum(d.withdrawn)
		from d group by d.batch, d.stage, d.minute
		having sum(d.done) <> 0 or sum(d.withdrawn) <> 0
		order by d.batch, d.stage, d.minute
		on conflict (batch, stage, minute, hourly) do update set done = h.done + excluded.done,
			withdrawn = h.withdrawn + excluded.withdrawn)
	select count(*), array_agg(distinct d.batch) into v_count, v_batches from d;

	-- Nothing was done: those that are open are looked at, since one of a database of before batches may be over long since.
	if v_batches is null then
		v_batches := array(select b.batch from tracker.batch b where b.ended is null);
	end if;
	update tracker.batch b set ended = case when c.open = 0 then clock_timestamp() end
	from (
		select q.batch, sum(q.ready + q.retry + q.leased) as open
		from tracker.read_batches(v_batches) q group by q.batch) c
	where b.batch = c.batch and (b.ended is null) = (c.open = 0);

	-- The row of minute :00 takes in the rest of its hour.
	with d as materialized (
		delete from tracker.history h
		where h.minute < date_trunc('hour', statement_timestamp()) - interval '8 days'
			and h.minute <> date_trunc('hour', h.minute, 'UTC')
		returning h.*)
	insert into tracker.history as h (stage, minute, done, withdrawn, failed)
	select d.stage, date_trunc('hour', d.minute, 'UTC'), sum(d.done), sum(d.withdrawn),
		sum(d.failed)
	from d group by 1, 2 order by 1, 2
	on conflict (stage, minute) do update set done = h.done + excluded.done,
		withdrawn = h.withdrawn + excluded.withdrawn, failed = h.failed + excluded.failed;
	with d as materialized (
		delete from tracker.batch_history h
		where not h.hourly and h.minute < date_trunc('hour', statement_timestamp()) - interval '8 days'
		returning h.*)
	insert into tracker.batch_history as h (batch, stage, hourly, minute, done, withdrawn)
	select d.batch, d.stage, true, date_trunc('hour', d.minute, 'UTC'), sum(d.done), sum(d.withdrawn)
	from d group by 1, 2, 4 order by 1, 2, 4
	on conflict (batch, stage, minute, hourly) do update set done = h.done + excluded.done,
		withdrawn = h.withdrawn + excluded.withdrawn;
	return v_count;
end $$;
