-- What these machines gave back or lost lately, the latest first, with the reasons in full; but not what went back
-- because they left, which would hide why.
--
-- Caller	web/page_own.c.
-- Answer	at most max_rows rows, and five of a machine.
-- Errors	none.
-- Locks	none.
-- Index	strike_worker.
create or replace function tracker.own_failures(workers int8[], max_rows int4)
returns table (worker int8, stage int2, job int8, kind text, reason text, at timestamptz)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select s.worker, s.stage, s.job, s.kind, s.reason, s.at
	from unnest(workers) as u(worker)
	cross join lateral (
		select x.* from tracker.strike x
		where x.worker = u.worker
			and (x.kind <> 'released' or x.chosen)
		order by x.at desc, x.id desc
		limit 5) s
	order by s.at desc, s.id desc
	limit max_rows
$$;
