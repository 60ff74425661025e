-- Attempts that fail: how many lately, since when, whose, and how.
--
-- What a worker gives back untouched is no attempt. Looks at the last 5,000 of what ended badly and at
-- no more: where these are not the whole five minutes, their pace stands for it.
--
-- Caller	pages, metrics, distcompute-admin status.
-- Answer	a row for each stage in which an attempt failed in the last five minutes (four whole ones
--		and the one that runs, as read_pace's done_5m). bad: how many; workers: of how many; kind: what
--		happened most; reason: what was said last. since: the first that failed after the last minute in
--		which more was done than failed; null when those 5,000 do not reach so far.
-- Errors	none.
-- Locks	none.
-- Index	strike by id, backwards; pk of history (stage, minute).
create or replace function tracker.read_failing()
returns table (stage int2, bad int8, workers int8, kind text, reason text, since timestamptz)
language sql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off set jit = off
as $$
	with t as materialized (
		select x.now, date_trunc('minute', x.now) - interval '4 minutes' as lately
		from (select clock_timestamp() as now) x
	), seen as materialized (
		select s.id, s.stage, s.worker, s.kind, s.reason, s.at, date_trunc('minute', s.at) as minute
		from (
			select q.* from tracker.strike q
			order by q.id desc
			limit case when (	-- mostly nothing failed
				select n.at >= t.lately from tracker.strike n, t order by n.id desc limit 1
			) then 5000 else 0 end
		) s
		cross join t
		where s.kind in ('timed_out', 'abandoned', 'failed', 'flagged')
			and s.at > t.now - interval '24 hours'
	), ends as materialized (
		select min(s.at) as first_at, count(*) >= 5000 as is_cut from seen s
	), lately as materialized (
		select s.stage, count(*) as bad, count(distinct s.worker) as workers,
			mode() within group (order by s.kind) as kind,
			(array_agg(s.reason order by s.id desc))[1] as reason
		from seen s
		cross join t
		where s.minute >= t.lately
		group by s.stage
	)
	select l.stage,
		case when e.is_cut and e.first_at > t.lately
			then (l.bad * extract(epoch from t.now - t.lately)
				/ greatest(1, extract(epoch from t.now - e.first_at)))::int8
			else l.bad end,
		l.workers, l.kind, l.reason,
		case when g.minute is not null or not e.is_cut then
			(select min(s.at) from seen s where s.stage = l.stage
				and s.at >= coalesce(g.minute + interval '1 minute', '-infinity')) end
	from lately l
	cross join t
	cross join ends e
	cross join lateral (	-- the last good minute
		select max(d.minute) as minute
		from (
			select x.minute, sum(x.done) as done
			from (
				select h.minute, h.done from tracker.history h
				where h.stage = l.stage and h.minute >= date_trunc('minute', e.first_at)
				union all
				select y.minute, y.done from tracker.tally y
				where y.stage = l.stage and y.minute >= date_trunc('minute', e.first_at)
			) x
			group by x.minute
		) d
		where d.minute < date_trunc('minute', t.now)
			and d.done > (select count(*) from seen s where s.stage = l.stage and s.minute = d.minute)
	) g
	order by l.stage
$$;
