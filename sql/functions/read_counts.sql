-- The exact counts of every stage, from some hundred rows of tally and the frontier.
--
-- Caller	jobCount, pages, metrics, the keeper's ETA.
-- Answer	one row an enabled stage, in order. due: what waits in retry and may be taken now
--		(counted up to 100,000). done is net of what was withdrawn.
-- Errors	none.
-- Locks	none. One snapshot: the numbers belong together.
-- Index	tally by key; retry by (stage, due).
create or replace function tracker.read_counts()
returns table (stage int2, name text, letter text, paused boolean, ready int8, retry int8, due int8,
	leased int8, done int8, failed int8)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
	select s.stage, s.name, s.letter, s.paused,
		case when s.stage = 1 then (select f.last - f.next + 1 from tracker.frontier f
			order by f.epoch desc limit 1)
			else coalesce(t.ready, 0) end,
		coalesce(t.retry, 0),
		case when t.retry > 0 then (
			select count(*) from (
				select from tracker.retry r
				where r.stage = s.stage and r.due <= statement_timestamp()
				limit 100000) x) else 0 end,
		coalesce(t.leased, 0), coalesce(t.done, 0), coalesce(t.failed, 0)
	from tracker.stage s
	left join (
		select q.stage, sum(q.ready)::int8 as ready, sum(q.retry)::int8 as retry,
			sum(q.leased)::int8 as leased, sum(q.done - q.withdrawn)::int8 as done,
			sum(q.failed)::int8 as failed
		from tracker.tally q group by q.stage) t on t.stage = s.stage
	order by s.stage
$$;
