-- Takes in the results of v1's completeJob: the common case in few statements, that each is of the job
-- that its worker holds, and its batch is in the line of the next stage already. Everything else is for
-- complete_jobs, which it then calls.
--
-- Caller	domain/jobs.c, with all completions that wait when each is v1's, in ascending order of token
--		(or it is no common case).
-- Answer	as complete_jobs.
-- Errors	nothing has happened, and complete_jobs should be called instead:
--		serialization_failure when a lease went while its worker's row was waited for,
--		unique_violation when an output was there already, which is impossible while the laws hold.
-- Locks	as complete_jobs: worker (by token), lease, output, ready, tally, credit.
-- Index	worker by token; lease and output by key; stage by key.
-- Source	see claim_fresh. ON CONFLICT would cost 55,000 instructions a call and 11,000 a result.
create or replace function tracker.complete_held(tokens uuid[], datas text[], hashes uuid[],
	ages_us int8[])
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
	v_found int4 := cardinality(tokens);
	v_now timestamptz := clock_timestamp();
	w_tid tid[]; w_person int8[]; l_tid tid[];	-- one element an item
	v_answered int4;
	v_last_stage int2 := 5;	-- not before it, when all are of one stage that feeds another
	v_least int8; v_most int8;	-- of stage and batch: 8 * batch + stage
	v_lined boolean;	-- what they feed is in line; null: they feed none
	v_minute timestamptz := date_trunc('minute', statement_timestamp());
	v_slot int2 := tracker.own_slot();
begin
	select array_agg(l.tid), array_agg(l.person), array_agg(q.tid),
		min(8 * q.batch::int8 + l.stage),
		max(8 * q.batch::int8 + l.stage), (
			select max(8 * q.batch::int8 + l.stage) / 8 = any (s.line) from tracker.stage s
			where s.stage = max(8 * q.batch::int8 + l.stage) % 8 + 1)
	into w_tid, w_person, l_tid, v_least, v_most, v_lined
	from generate_series(1, v_found) as g(n)
	cross join lateral (
		select q.ctid as tid, q.id, q.stage, q.person, q.held_job, q.held_lease, q.gone_at
		from tracker.worker q
		where q.token = tokens[g.n] offset 0
		for no key update) l
	cross join lateral (
		select q.ctid as tid, q.id, q.worker, q.since, q.batch
		from tracker.lease q
		where q.stage = l.stage and q.job = l.held_job
		limit 1) q
	where l.gone_at is null and q.id = l.held_lease and q.worker = l.id
		and q.since <= v_now - greatest(coalesce(ages_us[g.n], 0), 0) * interval '1 us'
		and (g.n = 1 or tokens[g.n] > tokens[g.n - 1]);
	if v_least <> v_most then
		v_last_stage := (select max(s.stage) from tracker.stage s);
		v_lined := not exists (
			select from generate_series(1, v_found) as g(n)
			join tracker.lease l on l.ctid = l_tid[g.n]
			join tracker.stage s on s.stage = l.stage + 1
			where l.batch <> all (s.line));
	elsif v_lined is null then
		v_last_stage := 0;	-- they feed none
	end if;
	if v_lined = false or cardinality(w_tid) is distinct from v_found then
		return query
			select * from tracker.complete_jobs(tokens, array_fill(null::int8, array[v_found]),
				array_fill(null::uuid, array[v_found]), datas, hashes, ages_us);
		return;
	end if;

	return query
	with d as (
		delete from tracker.lease l using generate_series(1, v_found) as g(n)
		where l.ctid = l_tid[g.n]
		returning g.n, l.stage, l.batch, l.job, l.id, l.worker, l.since, l.attempt),
	o as (
		insert into tracker.output (stage, job, worker, person, attempt, lease, started,
			finished, data)
		select d.stage, d.job, d.worker, w_person[d.n], d.attempt, d.id, d.since, v_now,
			coalesce(datas[d.n], '')
		from d),
	y as (
		insert into tracker.ready (stage, batch, job)
		select d.stage + 1, d.batch, d.job from d where d.stage < v_last_stage),
	t as (
		insert into tracker.tally as t (stage, batch, minute, slot, ready, done)
		select c.stage, c.batch, v_minute, v_slot, sum(c.ready)::int8, sum(c.done)::int8
		from (
			select d.stage, d.batch, 0 as ready, 1 as done from d
			union all
			select (d.stage + 1)::int2, d.batch, 1, 0 from d where d.stage < v_last_stage) c
		group by c.stage, c.batch
		order by c.stage, c.batch
		on conflict (stage, batch, minute, slot) do update set
			ready = t.ready + excluded.ready, done = t.done + excluded.done),
	c as (
		insert into tracker.credit as c (person, stage, minute, slot, done)
		select w_person[d.n], d.stage, v_minute, v_slot, count(*)
		from d
		group by 1, 2
		order by 1, 2
		on conflict (person, stage, minute, slot) do update set
			done = c.done + excluded.done)
	update tracker.worker w set
		seen = greatest(w.seen, v_now), done = w.done + 1,
		recent = substr(int8send(w.held_job) || w.recent, 1, 80),
		asked_kind = 'other',
		asked_at = greatest(w.asked_at,
			v_now - greatest(coalesce(ages_us[g.n], 0), 0) * interval '1 us'),
		held_job = null, held_lease = null, holds = w.holds - 1,
		allowance = least(w.allowance + 1, 1000), bad_row = 0, soft_row = 0,
		rest_until = '-infinity', last_kind = 'completed',
		last_at = clock_timestamp(), last_job = w.held_job, last_hash = hashes[g.n]
	from generate_series(1, v_found) as g(n)
	where w.ctid = w_tid[g.n] and (select count(*) from d) = v_found
	returning g.n, 'accepted', w.id, w.stage, w.last_job;

	-- The leases were read as they were before we waited for the worker's row, and the keeper may have
	-- taken one back while we did.
	get diagnostics v_answered = row_count;
	if v_answered < v_found then
		raise exception 'a lease went while its worker was waited for'
			using errcode = 'serialization_failure';
	end if;
end $$;
