-- Puts jobs back whose leases the caller has just deleted: each gets its row in strike, then waits
-- in retry (back-off doubling with each attempt; none after 'released') or, when this was its last
-- attempt, goes to failed.
--
-- Caller	claim_held (abandoned), return_jobs, end_workers, expire_leases.
-- Answer	what the caller has to add to the tally, as its last step; null arrays for no lease. Arrays
--		are aligned, in order of (stage, job); reasons may be null.
-- Errors	none.
-- Locks	the caller holds the workers' rows. strike, retry, failed: inserts of jobs that were
--		leased to those workers, so nobody else's.
-- Index	primary keys; worker by id.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.give_back(e_lease tracker.lease[], e_kind text[], e_reason text[],
	out t_stages int2[], out t_retry int8[], out t_failed int8[])
language plpgsql
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	e_last boolean[];
	p tracker.policy;
begin
	if coalesce(cardinality(e_lease), 0) = 0 then
		return;
	end if;
	select q.* into p from tracker.policy q where q.one;
	insert into tracker.strike (stage, job, worker, person, kind, reason, lease, at)
	select u.stage, u.job, u.worker,
		(select w.person from tracker.worker w where w.id = u.worker),
		e_kind[u.ordinality], coalesce(e_reason[u.ordinality], ''), u.id, v_now
	from unnest(e_lease) with ordinality as u;

	select array_agg(u.stage), array_agg(u.last), array_agg((not u.last)::int4::int8),
		array_agg(u.last::int4::int8)
	into t_stages, e_last, t_retry, t_failed
	from (
		select l.stage, e_kind[l.ordinality] <> 'released' and l.attempt >= p.max_attempts as last
		from unnest(e_lease) with ordinality as l
		order by l.ordinality) u;

	insert into tracker.retry (stage, job, due, attempt, flagged, lease, worker, since)
	select u.stage, u.job,
		case when u.kind = 'released' then v_now
		else v_now + make_interval(secs => least(p.backoff_max_s::float8,
			p.backoff_s::float8 * power(2::float8, least(u.attempt, 40) - 1))) end,
		case when u.kind = 'released' then u.attempt else u.attempt + 1 end,
		u.flagged or u.kind = 'flagged', u.id, u.worker, u.since
	from (
		select l.*, e_kind[l.ordinality] as kind from unnest(e_lease) with ordinality as l
		where not e_last[l.ordinality]) u;

	if true = any (e_last) then
		insert into tracker.failed (stage, job, kind, reason, attempt, lease, worker, since, at)
		select u.stage, u.job, e_kind[u.ordinality], coalesce(e_reason[u.ordinality], ''),
			u.attempt, u.id, u.worker, u.since, v_now
		from unnest(e_lease) with ordinality as u
		where e_last[u.ordinality];
	end if;

	update tracker.worker w set struck = w.struck + c.n
	from (
		select u.worker, count(*) as n
		from unnest(e_lease) with ordinality as u
		where e_kind[u.ordinality] <> 'released'
		group by u.worker) c
	where w.id = c.worker;
end $$;
