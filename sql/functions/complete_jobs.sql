-- Takes in results: the lease goes, the output comes, the next stage gets its work, people their
-- credit.
--
-- v1 items (job and lease null) mean the job that the worker holds, when they arrived after it was
-- given; the same data again, with no newJob between, is a 'repeat'. A result whose lease is gone
-- is accepted while nobody else has had the job: by deleting the retry row, or the failed row of a
-- time-out, that names its lease; a worker that went idle is then present again.
--
-- Caller	domain/jobs.c, with all completions that wait; complete_held, when it is not its case. A bundle may hold many items of one
--		worker.
-- Answer	one row an item: accepted, repeat, fenced, unknown, no_worker, no_job, done_before.
-- Errors	none for one item.
-- Locks	worker (by token); retry and failed rows of late results (by key); output; tally;
--		credit.
-- Index	worker by token and id; lease, retry, failed, output by key; strike by (stage, job)
--		for refused items.
-- Source	lateral probes and arrays of ctid, because statistics of lease are always wrong: a
--		join of K by K cost 120 ms at K = 256.
create or replace function tracker.complete_jobs(tokens uuid[], jobs int8[], leases uuid[],
	datas text[], hashes uuid[], ages_us int8[])
returns table (item int4, status text, worker int8, stage int2, job int8)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	v_last_stage int2;
	v_count int4 := coalesce(cardinality(tokens), 0);
	-- one element an item
	i_worker int8[]; i_stage int2[]; i_person int8[]; i_job int8[]; i_lease uuid[];
	i_v1 boolean[];
	i_arrived timestamptz[]; i_gone text[]; i_tid tid[]; i_since timestamptz[];
	i_attempt int4[];
	i_from text[]; i_status text[];
	v_matched int4; v_deleted int4; v_done int4;
	v_since timestamptz; v_attempt int4; v_late int4 := 0; v_ok boolean;
	a record;
begin
	-- append_stage and reset_jobs wait for whoever is past this line, and are waited for.
	v_ok := pg_advisory_xact_lock_shared(x'64637374'::int)::text is not null;

	-- 1. The workers, locked in order of token.
	with w as materialized (
		select l.*
		from (select distinct t.token from unnest(tokens) as t(token)
			where t.token is not null order by t.token) u
		cross join lateral (
			select q.token, q.id, q.stage, q.person, q.gone_why, q.held_job,
				q.held_lease
			from tracker.worker q where q.token = u.token
			for no key update) l)
	select array_agg(x.id), array_agg(x.stage), array_agg(x.person), array_agg(x.gone_why),
		array_agg(case when x.v1 then x.held_job else x.job end),
		array_agg(case when x.v1 then x.held_lease else x.lease end),
		array_agg(x.v1), array_agg(x.arrived), (select max(s.stage) from tracker.stage s)
	into i_worker, i_stage, i_person, i_gone, i_job, i_lease, i_v1, i_arrived, v_last_stage
	from (
		select w.*, n.job, n.lease, n.job is null and n.lease is null as v1,
			v_now - make_interval(secs =>
				least(greatest(coalesce(n.age, 0), 0), 1e12) / 1e6) as arrived
		from unnest(tokens, jobs, leases, ages_us)
			with ordinality as n(token, job, lease, age, n)
		left join w on w.token = n.token
		order by n.n) x;
	if v_count = 0 then
		return;
	end if;

	-- 2. The leases.
	with m as materialized (
		select i.n, x.tid, x.since, x.attempt
		from unnest(i_worker, i_stage, i_job, i_lease, i_v1, i_arrived)
			with ordinality as i(worker, stage, job, lease, v1, arrived, n)
		left join lateral (
			select q.ctid as tid, q.id, q.worker, q.since, q.attempt
			from tracker.lease q
			where q.stage = i.stage and q.job = i.job
			limit 1) x on x.id = i.lease and x.worker = i.worker
				and (not i.v1 or i.arrived >= x.since
					or x.since > clock_timestamp())),	-- the clock was set back
	g as (
		delete from tracker.lease l
		where l.ctid = any (array(select m.tid from m where m.tid is not null))
		returning 1)
	select array_agg(m.tid order by m.n), array_agg(m.since order by m.n),
		array_agg(m.attempt order by m.n), count(m.tid), (select count(*) from g)
	into i_tid, i_since, i_attempt, v_matched, v_deleted from m;
	i_from := array_fill(null::text, array[v_count]);

	-- The same lease twice in one bundle counts once, for the first.
	if v_matched > v_deleted then
		for a in
			select u.n::int4 as n from (
				select t.n,
					row_number() over (partition by t.tid order by t.n) as nth
				from unnest(i_tid) with ordinality as t(tid, n)
				where t.tid is not null) u
			where u.nth > 1
		loop
			i_tid[a.n] := null;
			i_attempt[a.n] := null;
		end loop;
	end if;

	-- 3. Late results: what nobody else has had since.
	if v_deleted < v_count then
		for a in
			select min(i.n)::int4 as n, i.stage, i.job, i.lease
			from unnest(i_worker, i_stage, i_job, i_lease, i_gone, i_tid, i_v1,
				i_arrived)
				with ordinality as i(worker, stage, job, lease, gone, tid, v1,
					arrived, n)
			where i.tid is null and i.worker is not null and i.job is not null
				and i.lease is not null and coalesce(i.gone, 'idle') = 'idle'
				and (exists (select from tracker.retry r
					where r.stage = i.stage and r.job = i.job
						and r.lease = i.lease
						and r.worker = i.worker
						and (not i.v1 or i.arrived >= r.since
						or r.since > clock_timestamp()))
				or exists (select from tracker.failed f
					where f.stage = i.stage and f.job = i.job
						and f.lease = i.lease
						and f.worker = i.worker and f.kind = 'timed_out'
						and (not i.v1 or i.arrived >= f.since
						or f.since > clock_timestamp())))
			group by i.stage, i.job, i.lease
			order by i.stage, i.job
		loop
			delete from tracker.retry r
			where r.stage = a.stage and r.job = a.job and r.lease = a.lease
			returning r.since, r.attempt - (exists (
				select from tracker.strike s
				where s.stage = r.stage and s.job = r.job and s.lease = r.lease
					and s.kind <> 'released'))::int4
			into v_since, v_attempt;
			if found then
				i_from[a.n] := 'retry';
			else
				delete from tracker.failed f
				where f.stage = a.stage and f.job = a.job and f.lease = a.lease
					and f.kind = 'timed_out'
				returning f.since, f.attempt into v_since, v_attempt;
				continue when not found;
				i_from[a.n] := 'failed';
			end if;
			i_since[a.n] := v_since;
			i_attempt[a.n] := v_attempt;
			v_late := v_late + 1;
		end loop;
	end if;

	-- 4. The results, and the next stage's work.
	with o as (
		insert into tracker.output (stage, job, worker, person, attempt, lease, started,
			finished, data)
		select i.stage, i.job, i.worker, i.person, i.attempt, i.lease,
			coalesce(i.since, v_now), v_now, coalesce(i.data, '')
		from unnest(i_stage, i_job, i_worker, i_person, i_attempt, i_lease, i_since, datas)
			as i(stage, job, worker, person, attempt, lease, since, data)
		where i.attempt is not null
		on conflict (stage, job) do nothing
		returning stage, job),
	r as (
		insert into tracker.ready (stage, job)
		select o.stage + 1, o.job from o where o.stage < v_last_stage)
	select count(*) into v_done from o;

	if v_done = v_count then
		i_status := array_fill('accepted'::text, array[v_count]);
	elsif v_done = v_deleted + v_late then
		i_status := array(
			select case when i.attempt is not null then 'accepted' end
			from unnest(i_attempt) with ordinality as i(attempt, n) order by i.n);
	else
		-- An output was there already: impossible while the laws hold; not counted again.
		i_status := array(
			select case when i.attempt is not null and exists (
				select from tracker.output o
				where o.stage = i.stage and o.job = i.job and o.lease = i.lease)
					then 'accepted' end
			from unnest(i_attempt, i_stage, i_job, i_lease)
				with ordinality as i(attempt, stage, job, lease, n)
			order by i.n);
	end if;

	-- 5. The workers.
	update tracker.worker w set
		seen = greatest(w.seen, v_now), done = w.done + c.done,
		recent = substr(c.recent || w.recent, 1, 80),
		asked_kind = 'other', asked_at = greatest(w.asked_at, c.arrived),
		gone_at = null, gone_why = null,
		held_job = case when c.v1_done then null else w.held_job end,
		held_lease = case when c.v1_done then null else w.held_lease end,
		last_kind = case when c.v1_done then 'completed' else w.last_kind end,
		last_at = case when c.v1_done then clock_timestamp() else w.last_at end,
		last_job = case when c.v1_done then c.job else w.last_job end,
		last_hash = case when c.v1_done then c.hash else w.last_hash end
	from (
		select i.worker, count(i.status) as done, max(i.arrived) as arrived,
			coalesce(string_agg(int8send(i.job), '' order by i.job desc)
				filter (where i.status is not null), '') as recent,
			bool_or(i.v1 and i.status is not null) as v1_done,
			max(i.job) filter (where i.v1 and i.status is not null) as job,
			(array_agg(i.hash) filter (where i.v1 and i.status is not null))[1] as hash
		from unnest(i_worker, i_status, i_arrived, i_v1, i_job, hashes, i_gone)
			as i(worker, status, arrived, v1, job, hash, gone)
		where i.worker is not null
		group by i.worker, i.gone
		having i.gone is null or count(i.status) > 0) c
	where w.id = c.worker;

	-- 6. Counts.
	if v_done > 0 then
		v_ok := tracker.add_done(i_person, i_stage, i_status, i_from, v_last_stage);
	end if;

	-- 7. The answers. Statements see what others committed meanwhile.
	if v_done = v_count then
		return query
			select i.n::int4, 'accepted', i.worker, i.stage, i.job
			from unnest(i_worker, i_stage, i_job)
				with ordinality as i(worker, stage, job, n);
		return;
	end if;
	return query
		select i.n::int4,
			case when i.status is not null then i.status
			when i.worker is null then 'no_worker'
			when i.v1 then (
				select case
				when w.gone_at is not null then 'no_worker'
				when w.last_kind = 'completed' and w.last_hash = i.hash
					and not (w.claimed_at > w.last_at
						and i.arrived > w.claimed_at) then 'repeat'
				when w.held_job is not null then
					case when exists (select from tracker.output o
						where o.stage = w.stage and o.job = w.held_job)
					then 'done_before' else 'no_job' end
				when w.last_kind = 'completed' and w.claimed_at <= w.last_at
					then 'done_before'
				else 'no_job' end
				from tracker.worker w where w.id = i.worker)
			else coalesce(
				(select case when o.data = coalesce(i.data, '') then 'repeat'
					else 'fenced' end
				from tracker.output o
				where o.stage = i.stage and o.job = i.job and o.lease = i.lease),
				(select 'repeat' from tracker.refused_output o
				where o.stage = i.stage and o.job = i.job and o.lease = i.lease
					limit 1),
				(select 'fenced' from tracker.strike s
				where s.stage = i.stage and s.job = i.job and s.lease = i.lease
					limit 1),
				'unknown')
			end,
			i.worker, i.stage, i.job
		from unnest(i_worker, i_stage, i_job, i_lease, i_v1, i_arrived, i_status, datas,
			hashes)
			with ordinality as i(worker, stage, job, lease, v1, arrived, status, data,
				hash, n);
end $$;
