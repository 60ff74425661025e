-- Takes in results: the lease goes, the output comes, the next stage gets its work, people their
-- credit.
--
-- v1's items (lease null) mean the job that the worker holds, when they arrived after it was given, and
-- when they name no other (job). A result whose lease is gone is accepted while nobody else has had the job (take_late); a
-- worker that went idle is then present again. What was not accepted is judged by judge_result.
--
-- Caller	domain/jobs.c, with all completions that wait; complete_held, when it is not its case. A bundle
--		may hold many items of one worker.
-- Answer	one row an item: accepted, repeat, fenced, unknown, no_worker, no_job, done_before.
-- Errors	none for one item.
-- Locks	worker (by token); lease; those of take_late; output; ready; stage, for its line; tally; credit.
-- Index	worker by token and id; lease, output by key; stage by key; see take_late, judge_result.
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
	v_ok boolean := tracker.pass_barrier();
	v_now timestamptz := clock_timestamp();
	v_last_stage int2;
	v_count int4 := coalesce(cardinality(tokens), 0);
	v_matched int4;
	v_deleted int4;
	v_late int4 := 0;
	v_done int4;
	-- one element an item
	i record;
	i_tid tid[]; i_since timestamptz[]; i_attempt int4[]; i_from text[]; i_status text[];
	v_least int8; v_most int8; v_batch int4;	-- 8 * batch + stage; the batch of all, or null
	v_lined boolean;	-- what they feed is in line; null: they feed none
	i_batch int4[];		-- when there are several
	l record;
begin
	if v_count = 0 then return; end if;
	i := tracker.lock_items(tokens, jobs, leases, ages_us);

	-- 1. The leases.
	with m as materialized (
		select u.n, 8 * x.batch::int8 + u.stage as fed, x.tid, x.since, x.attempt
		from unnest(i.workers, i.stages, i.jobs, i.leases, i.v1, i.arrived)
			with ordinality as u(worker, stage, job, lease, v1, arrived, n)
		left join lateral (
			select q.ctid as tid, q.id, q.worker, q.since, q.batch, q.attempt
			from tracker.lease q
			where q.stage = u.stage and q.job = u.job
			limit 1) x on x.id = u.lease and x.worker = u.worker
				and (not u.v1 or u.arrived >= x.since
					or x.since > clock_timestamp())),	-- the clock was set back
	g as (
		delete from tracker.lease q
		where q.ctid = any (array(select m.tid from m where m.tid is not null))
		returning 1)
	select array_agg(m.tid order by m.n), array_agg(m.since order by m.n),
		array_agg(m.attempt order by m.n), count(m.tid), (select count(*) from g), min(m.fed), max(m.fed),
		(select max(m.fed) / 8 = any (s.line) from tracker.stage s where s.stage = max(m.fed) % 8 + 1)
	into i_tid, i_since, i_attempt, v_matched, v_deleted, v_least, v_most, v_lined from m;

	-- The same lease twice in one bundle counts once, for the first.
	if v_matched > v_deleted then
		select array_agg(case when u.nth = 1 then u.tid end order by u.n),
			array_agg(case when u.nth = 1 then u.attempt end order by u.n)
		into i_tid, i_attempt
		from (
			select t.*, row_number() over (partition by t.tid order by t.n) as nth
			from unnest(i_tid, i_attempt) with ordinality as t(tid, attempt, n)) u;
	end if;
	if v_deleted < v_count then
		l := tracker.take_late(i.workers, i.stages, i.jobs, i.leases, i.gone, i.v1, i.arrived, i_tid,
			i_since, i_attempt);
		i_since := l.i_since;
		i_attempt := l.i_attempt;
		i_from := l.i_from;
		v_late := l.late;
	end if;
	if v_least = v_most and v_late = 0 then
		v_batch := v_most / 8;
		v_last_stage := case when v_lined is null then v_most % 8 else 5 end;
	else
		v_last_stage := (select max(s.stage) from tracker.stage s);
		i_batch := array(select tracker.batch_of(i.jobs[g.n]) from generate_series(1, v_count) as g(n));
	end if;

	-- 2. The results, and the next stage's work.
	with o as (
		insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished, data)
		select u.stage, u.job, u.worker, u.person, u.attempt, u.lease,
			coalesce(u.since, v_now), v_now, coalesce(u.data, '')
		from unnest(i.stages, i.jobs, i.workers, i.persons, i_attempt, i.leases, i_since, datas)
			as u(stage, job, worker, person, attempt, lease, since, data)
		where u.attempt is not null
		on conflict (stage, job) do nothing
		returning stage, job),
	r as (
		insert into tracker.ready (stage, batch, job)
		select o.stage + 1, coalesce(v_batch, tracker.batch_of(o.job)), o.job
		from o where o.stage < v_last_stage)
	select count(*) into v_done from o;
	if v_done > 0 and (v_batch is null or v_lined = false) then
		v_ok := tracker.join_line(array(select u.stage + 1 from unnest(i.stages) as u(stage))::int2[],
			coalesce(i_batch, array_fill(v_batch, array[v_count])));
	end if;

	if v_done = v_count then
		i_status := array_fill('accepted'::text, array[v_count]);
	else
		i_status := tracker.which_accepted(i.stages, i.jobs, i.leases, i_attempt,
			v_done < v_deleted + v_late);
	end if;

	-- 3. The workers.
	update tracker.worker w set
		seen = greatest(w.seen, v_now), done = w.done + c.done, holds = w.holds - c.held,
		allowance = least(w.allowance + c.done, 1000),
		bad_row = w.bad_row * (c.done = 0)::int4, soft_row = w.soft_row * (c.done = 0)::int4,
		rest_until = case when c.done > 0 then '-infinity' else w.rest_until end,
		recent = substr(c.recent || w.recent, 1, 80),
		asked_kind = 'other', asked_at = greatest(w.asked_at, c.arrived),
		gone_at = null, gone_why = null, held_job = case when c.v1_done then null else w.held_job end,
		held_lease = case when c.v1_done then null else w.held_lease end,
		last_kind = case when c.v1_done then 'completed' else w.last_kind end,
		last_at = case when c.v1_done then clock_timestamp() else w.last_at end,
		last_job = case when c.v1_done then c.job else w.last_job end,
		last_hash = case when c.v1_done then c.hash else w.last_hash end
	from (
		select u.worker, count(u.status) as done, count(u.tid) as held, max(u.arrived) as arrived,
			coalesce(string_agg(int8send(u.job), '' order by u.job desc)
				filter (where u.status is not null), '') as recent,
			bool_or(u.v1 and u.status is not null) as v1_done,
			max(u.job) filter (where u.v1 and u.status is not null) as job,
			(array_agg(u.hash) filter (where u.v1 and u.status is not null))[1] as hash
		from unnest(i.workers, i_status, i_tid, i.arrived, i.v1, i.jobs, hashes, i.gone)
			as u(worker, status, tid, arrived, v1, job, hash, gone)
		where u.worker is not null
		group by u.worker, u.gone
		having u.gone is null or count(u.status) > 0) c
	where w.id = c.worker;

	-- 4. Counts come last: whoever shares our slot waits for them.
	if v_done > 0 then
		v_ok := tracker.add_done(i.persons, i.stages, v_batch, i_batch, i_status, i_from, v_last_stage);
	end if;

	if v_done = v_count then
		return query
			select g.n, 'accepted', i.workers[g.n], i.stages[g.n], i.jobs[g.n]
			from generate_series(1, v_count) as g(n);
	else
		return query
			select u.n::int4,
				case when u.status is not null then u.status
				when u.worker is null then 'no_worker'
				else tracker.judge_result(u.v1, u.worker, u.stage,
					case when u.v1 then jobs[u.n] else u.job end, u.lease,
					u.arrived, u.data, u.hash) end,
				u.worker, u.stage, u.job
			from unnest(i_status, i.v1, i.workers, i.stages, i.jobs, i.leases, i.arrived,
				datas, hashes)
				with ordinality as u(status, v1, worker, stage, job, lease, arrived,
					data, hash, n);
	end if;
end $$;
