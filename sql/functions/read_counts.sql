-- The exact counts of every stage, from some hundred rows of tally and what stage A has ahead.
--
-- Caller	jobCount, pages, metrics, the keeper's ETA.
-- Answer	one row an enabled stage, in order. due: what waits in retry and may be taken now; after an undo
--		that is nearly all of it, so what may not is counted, and else what may, up to 100,000. leased: what is not anywhere else of what the stage was
--		fed with. done is net of what was withdrawn. gated: something in
--		its line has needs or a rate, see read_work. cancelled: what would be ready or in retry of
--		batches that are not cancelled. held: how much of ready is of paused batches; due has none
--		of that. held_retry: the same of retry.
-- Errors	none.
-- Locks	none. One snapshot: the numbers belong together.
-- Index	tally by key (it is as long as a minute, and its table as an undo left it); retry by (stage, due); batch by first; see count_ahead.
drop function if exists tracker.read_counts();
create function tracker.read_counts()
returns table (stage int2, name text, letter text, paused boolean, ready int8, retry int8, due int8,
	leased int8, done int8, failed int8, gated boolean, cancelled int8, held int8, held_retry int8)
language sql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
	select c.stage, c.name, c.letter, c.paused, c.ready, c.retry,
		case when c.retry = 0 then 0
			when l.later < 1000 and not c.has_paused then c.retry - l.later
			else (
				select count(*) from (
					select from tracker.retry r
					where r.stage = c.stage and r.due <= statement_timestamp()
						and not exists (
							select from tracker.batch b
							where b.batch = r.batch and (b.paused or b.cancelled))
					limit 100000) x) end,
		c.fed - c.ready - c.retry - c.done - c.failed - c.cancelled, c.done, c.failed, c.gated,
		c.cancelled, c.held, c.held_retry
	from (
		select s.stage, s.name, s.letter, s.paused, s.needs is not null as gated,
			case when s.stage = 1 then f.ahead else coalesce(t.ready, 0) end as ready,
			case when s.stage = 1 then f.jobs
				else coalesce(lag(t.done) over (order by s.stage), 0) end as fed,
			coalesce(t.retry, 0) as retry, coalesce(t.done, 0) as done,
			coalesce(t.failed, 0) as failed,
			coalesce(t.cancelled, 0) + coalesce(k.jobs, 0) as cancelled,
			case when s.stage = 1 then f.held else coalesce(t.held, 0) + coalesce((
				select sum(c.ready)::int8 from tracker.batch b
				join tracker.batch_count c on c.batch = b.batch and c.stage = s.stage
				where b.paused), 0) end as held,
			coalesce(t.held_retry, 0) + coalesce((
				select sum(c.retry)::int8 from tracker.batch b
				join tracker.batch_count c on c.batch = b.batch and c.stage = s.stage
				where b.paused), 0) as held_retry,
			exists (select from tracker.batch b where b.paused) as has_paused
		from tracker.stage s
		left join tracker.cancelled_count k on k.stage = s.stage
		cross join (select
			coalesce((select q.last from tracker.batch q order by q.first desc limit 1), 0) as jobs,
			a.ahead, a.held
			from (
				select coalesce(sum(q.jobs), 0)::int8 as ahead,
					coalesce(sum(q.jobs) filter (where b.paused), 0)::int8 as held
				from tracker.count_ahead() q join tracker.batch b on b.batch = q.batch) a) f
		left join (
			select q.stage, sum(case when b.cancelled then 0 else q.ready end)::int8 as ready,
				sum(case when b.cancelled then 0 else q.retry end)::int8 as retry,
				sum(q.done)::int8 as done, sum(q.failed)::int8 as failed,
				sum(case when b.cancelled then q.ready + q.retry else 0 end)::int8 as cancelled,
				sum(case when b.paused then q.ready else 0 end)::int8 as held,
				sum(case when b.paused then q.retry else 0 end)::int8 as held_retry
			from (
				select y.stage, y.batch, sum(y.ready) as ready, sum(y.retry) as retry,
					sum(y.done - y.withdrawn) as done, sum(y.failed) as failed
				from tracker.tally y group by y.stage, y.batch) q
			left join tracker.batch b on b.batch = q.batch
			group by q.stage) t on t.stage = s.stage) c
	cross join lateral (
		select case when c.retry > 0 then (
			select count(*) from (
				select from tracker.retry r
				where r.stage = c.stage and r.due > statement_timestamp()
					and not exists (
						select from tracker.batch b
						where b.batch = r.batch and b.cancelled)
				limit 1000) x) else 0 end as later
		offset 0) l
	order by c.stage
$$;
