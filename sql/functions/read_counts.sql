-- The exact counts of every stage, from some hundred rows of tally and what stage A has ahead.
--
-- Caller	jobCount, pages, metrics, the keeper's ETA.
-- Answer	one row an enabled stage, in order. due: what waits in retry and may be taken now
--		(counted up to 100,000). leased: what is not anywhere else of what the stage was
--		fed with. done is net of what was withdrawn. gated: something in
--		its line has needs or a rate, see read_work.
-- Errors	none.
-- Locks	none. One snapshot: the numbers belong together.
-- Index	tally by key; retry by (stage, due); batch by first; see count_ahead.
drop function if exists tracker.read_counts();
create function tracker.read_counts()
returns table (stage int2, name text, letter text, paused boolean, ready int8, retry int8, due int8,
	leased int8, done int8, failed int8, gated boolean)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
	select c.stage, c.name, c.letter, c.paused, c.ready, c.retry,
		case when c.retry > 0 then (
			select count(*) from (
				select from tracker.retry r
				where r.stage = c.stage and r.due <= statement_timestamp()
				limit 100000) x) else 0 end,
		c.fed - c.ready - c.retry - c.done - c.failed, c.done, c.failed, c.gated
	from (
		select s.stage, s.name, s.letter, s.paused, s.needs is not null as gated,
			case when s.stage = 1 then f.ahead else coalesce(t.ready, 0) end as ready,
			case when s.stage = 1 then f.jobs
				else coalesce(lag(t.done) over (order by s.stage), 0) end as fed,
			coalesce(t.retry, 0) as retry, coalesce(t.done, 0) as done,
			coalesce(t.failed, 0) as failed
		from tracker.stage s
		cross join (select
			coalesce((select q.last from tracker.batch q order by q.first desc limit 1), 0) as jobs,
			(select coalesce(sum(a.jobs), 0)::int8 from tracker.count_ahead() a) as ahead) f
		left join (
			select q.stage, sum(q.ready)::int8 as ready, sum(q.retry)::int8 as retry,
				sum(q.done - q.withdrawn)::int8 as done,
				sum(q.failed)::int8 as failed
			from tracker.tally q group by q.stage) t on t.stage = s.stage) c
	order by c.stage
$$;
