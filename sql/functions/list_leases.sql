-- Jobs that have been in hand for long, the longest first.
--
-- Caller	distcompute-admin leases. of_stage null: of all.
-- Answer	at most max_rows leases that are at least older_s seconds old. seen: when their worker was heard
--		last, as PostgreSQL knows (Redis may know better).
-- Errors	none.
-- Locks	none.
-- Index	worker and person by id; lease is read whole: it is as long as the work in hand.
create or replace function tracker.list_leases(older_s int8, of_stage int2, max_rows int4)
returns table (stage int2, job int8, worker text, person text, since timestamptz, attempt int4,
	seen timestamptz, label text)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
	select l.stage, l.job, w.name, tracker.called(w.person), l.since, l.attempt, w.seen, w.label
	from (
		select q.* from tracker.lease q
		where q.since <= clock_timestamp() - make_interval(secs => older_s)
			and (of_stage is null or q.stage = of_stage)
		order by q.since, q.stage, q.job
		limit max_rows) l
	left join lateral (select q.* from tracker.worker q where q.id = l.worker offset 0) w on true
	order by l.since, l.stage, l.job
$$;
