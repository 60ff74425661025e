-- Takes jobs back from workers that say so: failed, flagged as bad input, or released untouched.
--
-- A flag is one strike of that worker against the input. When flag_limit different workers have
-- flagged it since it was made (or put back by the operator), the job goes back one stage: the
-- output that they refused is set aside, its credit withdrawn; at stage A the job becomes failed.
-- The stage before counts the refused output as a failed attempt, so that nothing goes round for
-- ever. v1 flags (job and lease null) mean the job that the worker holds, when they arrived after
-- it was given.
--
-- Caller	domain/jobs.c, with all returns that wait. kinds: failed, flagged, released;
--		undelivered: the answer that handed it out did not arrive, `reason` is that answer's
--		call; released, unless a later call has been told of the lease again.
-- Answer	one row an item: accepted, repeat, fenced, unknown, no_worker, no_job; freed_stage:
--		where work became due at once, else null.
-- Errors	none for one item; an unknown kind is taken as failed.
-- Locks	worker (by token); strike, retry, failed: see give_back; output; tally; credit.
-- Index	worker by token and id; lease, retry, output by key; strike by (stage, job).
create or replace function tracker.return_jobs(tokens uuid[], jobs int8[], leases uuid[],
	kinds text[], reasons text[], ages_us int8[], max_attempts int4, flag_limit int4,
	backoff_s int4, backoff_max_s int4)
returns table (item int4, status text, worker int8, stage int2, job int8, freed_stage int2)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	v_count int4 := coalesce(cardinality(tokens), 0);
	-- one element an item
	i_worker int8[]; i_stage int2[]; i_job int8[]; i_lease uuid[]; i_kind text[];
	i_v1 boolean[];
	i_arrived timestamptz[]; i_gone text[]; i_attempt int4[]; i_status text[]; i_freed int2[];
	-- one element a lease that ended
	e_item int4[]; e_stage int2[]; e_job int8[]; e_lease uuid[]; e_worker int8[];
	e_attempt int4[];
	e_flagged boolean[]; e_since timestamptz[]; e_kind text[]; e_reason text[];
	v_flags int4; v_since timestamptz; v_ok boolean;
	-- tally and credit
	t_stage int2[]; t_retry int8[]; t_withdrawn int8[]; t_failed int8[];
	c_person int8[] := '{}'; c_stage int2[] := '{}';
	a record; b record;
begin
	if v_count = 0 then
		return;
	end if;
	-- append_stage and reset_jobs wait for whoever is past this line, and are waited for.
	v_ok := pg_advisory_xact_lock_shared(x'64637374'::int)::text is not null;

	-- 1. The workers, locked in order of token.
	with w as materialized (
		select l.*
		from (select distinct t.token from unnest(tokens) as t(token)
			where t.token is not null order by t.token) u
		cross join lateral (
			select q.token, q.id, q.stage, q.gone_why, q.held_job, q.held_lease
			from tracker.worker q where q.token = u.token
			for no key update) l)
	select array_agg(x.id), array_agg(x.stage), array_agg(x.gone_why),
		array_agg(case when x.v1 then x.held_job else x.job end),
		array_agg(case when x.v1 then x.held_lease else x.lease end),
		array_agg(case when x.kind in ('flagged', 'released', 'undelivered') then x.kind
			else 'failed' end),
		array_agg(x.v1), array_agg(x.arrived)
	into i_worker, i_stage, i_gone, i_job, i_lease, i_kind, i_v1, i_arrived
	from (
		select w.*, n.job, n.lease, n.kind, n.job is null and n.lease is null as v1,
			v_now - make_interval(secs =>
				least(greatest(coalesce(n.age, 0), 0), 1e12) / 1e6) as arrived
		from unnest(tokens, jobs, leases, kinds, ages_us)
			with ordinality as n(token, job, lease, kind, age, n)
		left join w on w.token = n.token
		order by n.n) x;

	-- 2. The leases; the same one twice counts once, for the first.
	with m as materialized (
		select distinct on (x.tid) i.n::int4 as n, x.*,
			case when i.kind = 'undelivered' then 'released' else i.kind end as kind,
			case when i.kind = 'undelivered' then 'the answer could not be delivered'
				else coalesce(i.reason, '') end as reason
		from unnest(i_worker, i_stage, i_job, i_lease, i_v1, i_arrived, i_kind, reasons)
			with ordinality as i(worker, stage, job, lease, v1, arrived, kind, reason,
				n)
		cross join lateral (
			select q.ctid as tid, q.stage, q.job, q.id, q.worker, q.attempt, q.flagged,
				q.since, q.call
			from tracker.lease q
			where q.stage = i.stage and q.job = i.job
			limit 1) x
		where x.id = i.lease and x.worker = i.worker and (not i.v1 or i.arrived >= x.since
				or x.since > clock_timestamp())	-- the clock was set back
			and (i.kind <> 'undelivered' or x.call::text = i.reason)
		order by x.tid, i.n),
	g as (
		delete from tracker.lease l where l.ctid = any (array(select m.tid from m)))
	select array_agg(m.n), array_agg(m.stage), array_agg(m.job), array_agg(m.id),
		array_agg(m.worker), array_agg(m.attempt), array_agg(m.flagged), array_agg(m.since),
		array_agg(m.kind), array_agg(m.reason)
	into e_item, e_stage, e_job, e_lease, e_worker, e_attempt, e_flagged, e_since, e_kind,
		e_reason
	from (select * from m order by m.stage, m.job) m;

	i_status := array_fill(null::text, array[v_count]);
	i_freed := array_fill(null::int2, array[v_count]);
	b := tracker.give_back(e_stage, e_job, e_lease, e_worker, e_attempt, e_flagged, e_since,
		e_kind, e_reason, max_attempts, backoff_s, backoff_max_s);
	t_stage := b.t_stages;
	t_retry := b.t_retry;
	t_failed := b.t_failed;
	t_withdrawn := array_fill(0::int8, array[coalesce(cardinality(t_stage), 0)]);
	for i in 1 .. coalesce(cardinality(e_item), 0) loop
		i_status[e_item[i]] := 'accepted';
		if e_kind[i] = 'released' then
			i_freed[e_item[i]] := e_stage[i];
		end if;
	end loop;

	-- 3. Inputs that enough workers have refused.
	if 'flagged' = any (e_kind) then
		for a in
			select u.n, u.stage, u.job, u.reason
			from unnest(e_item, e_stage, e_job, e_kind, e_reason) as u(n, stage, job,
				kind, reason)
			where u.kind = 'flagged'
			order by u.stage, u.job
		loop
			v_since := case when a.stage > 1 then (
				select q.finished from tracker.output q
				where q.stage = a.stage - 1 and q.job = a.job) end;
			select count(distinct s.worker) into v_flags
			from tracker.strike s
			where s.stage = a.stage and s.job = a.job and s.kind = 'flagged'
				and s.at >= coalesce(v_since, '-infinity')
				and s.id > coalesce((
					select max(q.id) from tracker.strike q
					where q.stage = a.stage and q.job = a.job
						and q.kind = 'requeued'), 0);
			continue when v_flags < flag_limit;
			b := tracker.refuse_input(a.stage, a.job, a.reason, v_flags, max_attempts);
			if b.again then
				i_freed[a.n] := a.stage - 1;
			end if;
			t_stage := t_stage || b.t_stages;
			t_retry := t_retry || b.t_retry;
			t_withdrawn := t_withdrawn || b.t_withdrawn;
			t_failed := t_failed || b.t_failed;
			if b.person is not null then
				c_person := c_person || b.person;
				c_stage := c_stage || (a.stage - 1)::int2;
			end if;
		end loop;
	end if;

	-- 4. The workers.
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
		select i.worker, max(i.arrived) as arrived,
			bool_or(i.v1 and i.status is not null) as v1_flag,
			max(i.job) filter (where i.v1 and i.status is not null) as job
		from unnest(i_worker, i_status, i_arrived, i_v1, i_job, i_gone)
			as i(worker, status, arrived, v1, job, gone)
		where i.worker is not null and i.gone is null
		group by i.worker) c
	where w.id = c.worker;

	-- 5. Counts.
	if t_stage is not null then
		v_ok := tracker.add_tally(t_stage, null, t_retry, null, t_withdrawn, t_failed);
	end if;
	if c_person <> '{}' then
		v_ok := tracker.add_credit(c_person, c_stage, null,
			array_fill(1::int8, array[cardinality(c_person)]));
	end if;

	-- 6. The answers.
	return query
		select i.n::int4,
			case when i.status is not null then i.status
			when i.worker is null then 'no_worker'
			when i.v1 then (
				select case
				when w.gone_at is not null then 'no_worker'
				when w.last_kind = 'flagged'
					and not (w.claimed_at > w.last_at
						and i.arrived > w.claimed_at) then 'repeat'
				else 'no_job' end
				from tracker.worker w where w.id = i.worker)
			else coalesce(
				(select case when s.kind = i.kind or i.kind in ('released', 'undelivered')
					then 'repeat'
					else 'fenced' end
				from tracker.strike s
				where s.stage = i.stage and s.job = i.job and s.lease = i.lease
				order by s.kind = i.kind desc limit 1),
				(select 'fenced' from tracker.output q
				where q.stage = i.stage and q.job = i.job and q.lease = i.lease),
				(select 'fenced' from tracker.refused_output q
				where q.stage = i.stage and q.job = i.job and q.lease = i.lease
					limit 1),
				'unknown')
			end,
			i.worker, i.stage, i.job, i.freed
		from unnest(i_worker, i_stage, i_job, i_lease, i_kind, i_v1, i_arrived, i_status,
			i_freed)
			with ordinality as i(worker, stage, job, lease, kind, v1, arrived, status,
				freed, n);
end $$;
