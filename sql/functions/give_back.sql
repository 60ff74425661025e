-- Puts jobs back whose leases the caller has just deleted: each gets its row in strike, then waits
-- in retry (back-off doubling with each attempt; none after 'released') or, when this was its last
-- attempt, goes to failed.
--
-- Caller	claim_jobs (abandoned), return_jobs, close_workers, reap_workers, expire_leases,
--		drop_worker.
-- Answer	what the caller has to add to the tally, as its last step. Arrays are aligned;
--		attempts is the number of the attempt that ended.
-- Errors	none.
-- Locks	the caller holds the workers' rows. strike, retry, failed: inserts of jobs that were
--		leased to those workers, so nobody else's.
-- Index	primary keys; worker by id.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.give_back(stages int2[], jobs int8[], leases uuid[],
	workers int8[], attempts int4[], flagged boolean[], since timestamptz[], kinds text[],
	reasons text[], max_attempts int4, backoff_s int4, backoff_max_s int4,
	out t_stages int2[], out t_retry int8[], out t_failed int8[])
language plpgsql
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	v_last boolean[];
begin
	if coalesce(cardinality(jobs), 0) = 0 then
		return;
	end if;
	insert into tracker.strike (stage, job, worker, person, kind, reason, lease, at)
	select u.stage, u.job, u.worker,
		(select w.person from tracker.worker w where w.id = u.worker), u.kind,
		coalesce(u.reason, ''), u.lease, v_now
	from unnest(stages, jobs, workers, kinds, reasons, leases)
		as u(stage, job, worker, kind, reason, lease)
	order by u.stage, u.job;

	v_last := array(
		select u.kind <> 'released' and u.attempt >= max_attempts
		from unnest(kinds, attempts) with ordinality as u(kind, attempt, n)
		order by u.n);

	insert into tracker.retry (stage, job, due, attempt, flagged, lease, worker, since)
	select u.stage, u.job,
		case when u.kind = 'released' then v_now
		else v_now + make_interval(secs => least(backoff_max_s::float8,
			backoff_s::float8 * power(2::float8, least(u.attempt, 40) - 1))) end,
		case when u.kind = 'released' then u.attempt else u.attempt + 1 end,
		u.flagged or u.kind = 'flagged', u.lease, u.worker, u.since
	from unnest(stages, jobs, workers, kinds, leases, attempts, flagged, since, v_last)
		as u(stage, job, worker, kind, lease, attempt, flagged, since, last)
	where not u.last
	order by u.stage, u.job;

	if true = any (v_last) then
		insert into tracker.failed (stage, job, kind, reason, attempt, lease, worker, since,
			at)
		select u.stage, u.job, u.kind, coalesce(u.reason, ''), u.attempt, u.lease, u.worker,
			u.since, v_now
		from unnest(stages, jobs, workers, kinds, reasons, leases, attempts, since, v_last)
			as u(stage, job, worker, kind, reason, lease, attempt, since, last)
		where u.last
		order by u.stage, u.job;
	end if;

	update tracker.worker w set struck = w.struck + c.n
	from (
		select u.worker, count(*) as n
		from unnest(workers, kinds) as u(worker, kind)
		where u.kind <> 'released'
		group by u.worker) c
	where w.id = c.worker;

	select array_agg(u.stage), array_agg((not u.last)::int4::int8),
		array_agg(u.last::int4::int8)
	into t_stages, t_retry, t_failed
	from unnest(stages, v_last) as u(stage, last);
end $$;
