-- Puts jobs back whose leases the caller has just deleted: each gets its row in strike, then waits in
-- retry or, when that was its last attempt (is_over), goes to failed. The back-off doubles with each bad
-- end or release; there is none after 'freed': a bye, a drop, an answer that did not arrive.
--
-- Caller	claim_held (abandoned), return_jobs, end_workers, expire_leases. Kinds: timed_out, abandoned,
--		failed, flagged: bad ends; released: by the worker's own choice; freed: by nobody's.
-- Answer	what the caller has to add to the tally, as its last step; null arrays for no lease. Arrays
--		are aligned, in order of (stage, job); reasons may be null.
-- Errors	none.
-- Locks	the caller holds the workers' rows. strike, retry, failed: inserts of jobs that were
--		leased to those workers, so nobody else's. stage: see join_line.
-- Index	primary keys; worker by id; strike by (stage, job), when attempts are used up.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.give_back(e_lease tracker.lease[], e_kind text[], e_reason text[],
	out t_stages int2[], out t_batches int4[], out t_retry int8[], out t_failed int8[])
language plpgsql
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	e_last boolean[];
	e_ends int4[];	-- what the back-off doubles with
	e_why text[];
	l tracker.lease;
	p tracker.policy;
	b record;
begin
	if coalesce(cardinality(e_lease), 0) = 0 then
		return;
	end if;
	select q.* into p from tracker.policy q where q.one;
	insert into tracker.strike (stage, job, worker, person, network, kind, chosen, reason, lease, at)
	select u.stage, u.job, u.worker, w.person, w.network,
		case e_kind[u.ordinality] when 'freed' then 'released' else e_kind[u.ordinality] end,
		e_kind[u.ordinality] = 'released', coalesce(e_reason[u.ordinality], ''), u.id, v_now
	from unnest(e_lease) with ordinality as u
	join tracker.worker w on w.id = u.worker
	order by u.ordinality;

	-- Only these may be over: whose attempts are used up, and whom a worker has let go.
	for n in 1 .. cardinality(e_lease) loop
		l := e_lease[n];
		e_ends[n] := case e_kind[n] when 'freed' then 0 when 'released' then 1 else l.attempt end;
		e_last[n] := false;
		e_why[n] := coalesce(e_reason[n], '');
		continue when e_kind[n] = 'freed' or (e_kind[n] <> 'released' and l.attempt < p.max_attempts);
		b := tracker.count_blame(l.stage, l.job);
		e_ends[n] := b.bad + b.let_go;
		e_last[n] := (
			select tracker.is_over(p, s, b.bad, b.let_go, b.own, b.workers, b.people, b.networks)
			from tracker.stage s where s.stage = l.stage);
		e_why[n] := format('%s bad %s by %s %s of %s %s%s', b.bad,
			case b.bad when 1 then 'end' else 'ends' end, b.workers,
			case b.workers when 1 then 'worker' else 'workers' end, b.people,
			case b.people when 1 then 'person' else 'people' end,
			case when e_why[n] = '' then '' else ', at last: ' || e_why[n] end);
	end loop;
	select array_agg(u.stage order by u.ordinality), array_agg(u.batch order by u.ordinality),
		array_agg((not e_last[u.ordinality])::int4::int8 order by u.ordinality),
		array_agg(e_last[u.ordinality]::int4::int8 order by u.ordinality)
	into t_stages, t_batches, t_retry, t_failed
	from unnest(e_lease) with ordinality as u;

	insert into tracker.retry (stage, batch, job, due, attempt, flagged, lease, worker, since)
	select u.stage, u.batch, u.job,
		case when e_ends[u.ordinality] = 0 then v_now
		else v_now + make_interval(secs => least(p.backoff_max_s::float8,
			p.backoff_s::float8 * power(2::float8, least(e_ends[u.ordinality], 40) - 1))) end,
		case when e_kind[u.ordinality] in ('released', 'freed') then u.attempt else u.attempt + 1 end,
		u.flagged or e_kind[u.ordinality] = 'flagged', u.id, u.worker, u.since
	from unnest(e_lease) with ordinality as u
	where not e_last[u.ordinality];

	perform tracker.join_line(t_stages, t_batches);
	if true = any (e_last) then
		insert into tracker.failed (stage, job, kind, reason, attempt, lease, worker, since, at)
		select u.stage, u.job, e_kind[u.ordinality], e_why[u.ordinality], u.attempt, u.id, u.worker,
			u.since, v_now
		from unnest(e_lease) with ordinality as u
		where e_last[u.ordinality];
	end if;

	update tracker.worker w set
		struck = w.struck + c.bad, holds = w.holds - c.ended,
		allowance = greatest(w.allowance - c.bad, 1),
		bad_row = w.bad_row + c.hard, soft_row = w.soft_row + c.soft,
		rest_until = case when c.hard + c.soft = 0 then w.rest_until
			else greatest(w.rest_until,
				v_now + tracker.rest_after(w.bad_row + c.hard, w.soft_row + c.soft)) end
	from (
		select u.worker, count(*)::int4 as ended,
			(count(*) filter (where e_kind[u.ordinality] not in ('released', 'freed')))::int4 as bad,
			(count(*) filter (where e_kind[u.ordinality] in ('failed', 'abandoned')))::int4 as hard,
			(count(*) filter (where e_kind[u.ordinality] in ('flagged', 'released')))::int4 as soft
		from unnest(e_lease) with ordinality as u
		group by u.worker) c
	where w.id = c.worker;
end $$;
