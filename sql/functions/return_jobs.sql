-- Takes jobs back from workers that say so: failed, flagged as bad input, or released untouched.
--
-- A flag is one strike of that worker against the input; a second one lets the job go. When enough
-- different ones have flagged it (count_flags), the job goes back one stage (refuse_input). v1's items (job and lease null)
-- mean the job that the worker holds, when they arrived after it was given.
--
-- Caller	domain/jobs.c, with all returns that wait. kinds: failed, flagged, released;
--		undelivered: the answer that handed it out did not arrive, `reason` is that answer's
--		call; freed, unless a later call has been told of the lease again.
-- Answer	one row an item: accepted, repeat, fenced, unknown, no_worker, no_job; freed_stage:
--		where work became due at once, else null.
-- Errors	none for one item; an unknown kind is taken as failed.
-- Locks	worker (by token); lease; strike, retry, failed: see give_back; output; tally; credit.
-- Index	worker by token and id; lease, retry, output by key; strike by (stage, job).
create or replace function tracker.return_jobs(tokens uuid[], jobs int8[], leases uuid[],
	kinds text[], reasons text[], ages_us int8[])
returns table (item int4, status text, worker int8, stage int2, job int8, freed_stage int2)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.pass_barrier();
	v_now timestamptz := clock_timestamp();
	v_count int4 := coalesce(cardinality(tokens), 0);
	-- one element an item
	i record;
	i_kind text[]; i_status text[]; i_freed int2[];
	-- one element a lease that ended
	e_item int4[]; e_lease tracker.lease[]; e_kind text[]; e_reason text[];
	t_stage int2[]; t_batch int4[]; t_retry int8[]; t_withdrawn int8[]; t_failed int8[];
	t_made timestamptz[]; c_made timestamptz[] := '{}';
	c_person int8[] := '{}'; c_stage int2[] := '{}';
	a record;
	b record;
begin
	if v_count = 0 then
		return;
	end if;
	i := tracker.lock_items(tokens, jobs, leases, ages_us);
	i_kind := array(
		select case when kinds[g.n] in ('flagged', 'released', 'undelivered') then kinds[g.n]
			else 'failed' end
		from generate_series(1, v_count) as g(n));

	-- 1. The leases; the same one twice counts once, for the first.
	with m as materialized (
		select distinct on (x.tid) u.n::int4 as n, x.*,
			case when u.kind = 'undelivered' then 'freed' else u.kind end as kind,
			case when u.kind = 'undelivered' then 'the answer could not be delivered'
				else coalesce(u.reason, '') end as reason
		from unnest(i.workers, i.stages, i.jobs, i.leases, i.v1, i.arrived, i_kind, reasons)
			with ordinality as u(worker, stage, job, lease, v1, arrived, kind, reason, n)
		cross join lateral (
			select q.ctid as tid, q.stage, q.job, q.id, q.worker, q.since, q.call, q as lease
			from tracker.lease q
			where q.stage = u.stage and q.job = u.job
			limit 1) x
		where x.id = u.lease and x.worker = u.worker and (not u.v1 or u.arrived >= x.since
				or x.since > clock_timestamp())	-- the clock was set back
			and (u.kind <> 'undelivered' or x.call::text = u.reason)
		order by x.tid, u.n),
	g as (
		delete from tracker.lease l where l.ctid = any (array(select m.tid from m)))
	select array_agg(m.n), array_agg(m.lease), array_agg(m.kind), array_agg(m.reason)
	into e_item, e_lease, e_kind, e_reason
	from (select * from m order by m.stage, m.job) m;

	-- A worker's second flag of one input says nothing new: it lets the job go.
	if 'flagged' = any (e_kind) then
		e_kind := array(
			select case when e_kind[l.ordinality] = 'flagged'
					and (tracker.count_flags(l.stage, l.job, l.worker)).mine then 'released'
				else e_kind[l.ordinality] end
			from unnest(e_lease) with ordinality as l order by l.ordinality);
	end if;

	i_status := array_fill(null::text, array[v_count]);
	i_freed := array_fill(null::int2, array[v_count]);
	b := tracker.give_back(e_lease, e_kind, e_reason);
	t_stage := b.t_stages;
	t_batch := b.t_batches;
	t_retry := b.t_retry;
	t_failed := b.t_failed;
	t_withdrawn := array_fill(0::int8, array[coalesce(cardinality(t_stage), 0)]);
	t_made := array_fill(null::timestamptz, array[coalesce(cardinality(t_stage), 0)]);
	for n in 1 .. coalesce(cardinality(e_item), 0) loop
		i_status[e_item[n]] := 'accepted';
		if e_kind[n] = 'freed' then
			i_freed[e_item[n]] := t_stage[n];
		end if;
	end loop;

	-- 2. Inputs that enough workers have refused.
	if 'flagged' = any (e_kind) then
		for a in
			select e_item[l.ordinality] as n, l.stage, l.job, e_reason[l.ordinality] as reason
			from unnest(e_lease) with ordinality as l
			where e_kind[l.ordinality] = 'flagged'
			order by l.ordinality
		loop
			b := tracker.count_flags(a.stage, a.job, null);
			continue when not b.enough;
			b := tracker.refuse_input(a.stage, a.job, a.reason, b.flags);
			if b.again then
				i_freed[a.n] := a.stage - 1;
			end if;
			t_stage := t_stage || b.t_stages;
			t_batch := t_batch || b.t_batches;
			t_retry := t_retry || b.t_retry;
			t_withdrawn := t_withdrawn || b.t_withdrawn;
			t_failed := t_failed || b.t_failed;
			t_made := t_made || b.t_made;
			if b.person is not null then
				c_person := c_person || b.person;
				c_stage := c_stage || (a.stage - 1)::int2;
				c_made := c_made || b.t_made[1];
			end if;
		end loop;
	end if;

	-- 3. The workers.
	update tracker.worker w set
		seen = greatest(w.seen, v_now), asked_kind = 'other',
		asked_at = greatest(w.asked_at, c.arrived),
		held_job = case when c.v1_flag then null else w.held_job end,
		held_lease = case when c.v1_flag then null else w.held_lease end,
		last_kind = case when c.v1_flag then 'flagged' else w.last_kind end,
		last_at = case when c.v1_flag then clock_timestamp() else w.last_at end,
		last_job = case when c.v1_flag then c.job else w.last_job end,
		last_hash = case when c.v1_flag then null else w.last_hash end
	from (
		select u.worker, max(u.arrived) as arrived,
			bool_or(u.v1 and u.status is not null) as v1_flag,
			max(u.job) filter (where u.v1 and u.status is not null) as job
		from unnest(i.workers, i_status, i.arrived, i.v1, i.jobs, i.gone)
			as u(worker, status, arrived, v1, job, gone)
		where u.worker is not null and u.gone is null
		group by u.worker) c
	where w.id = c.worker;

	-- 4. Counts come last: whoever shares our slot waits for them.
	if t_stage is not null then
		v_ok := case when c_person = '{}' then
			tracker.add_tally(t_stage, t_batch, null, t_retry, null, null, t_failed)
			else tracker.add_withdrawn(t_stage, t_batch, null, t_retry, t_withdrawn, t_failed, t_made) end;
	end if;
	if c_person <> '{}' then
		v_ok := tracker.add_credit(c_person, c_stage, null,
			array_fill(1::int8, array[cardinality(c_person)]), null, c_made);
	end if;
	return query
		select u.n::int4,
			case when u.status is not null then u.status
			when u.worker is null then 'no_worker'
			else tracker.judge_return(u.v1, u.worker, u.stage, u.job, u.lease, u.arrived, u.kind,
				u.reason)
			end,
			u.worker, u.stage, u.job, u.freed
		from unnest(i_status, i.workers, i.v1, i.stages, i.jobs, i.leases, i.arrived, i_kind,
			reasons, i_freed)
			with ordinality as u(status, worker, v1, stage, job, lease, arrived, kind, reason,
				freed, n);
end $$;
