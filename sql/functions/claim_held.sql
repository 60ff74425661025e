-- Answers v1's newJob for all who ask at this moment, whatever they hold. A newJob right after a newJob
-- (60 s, three times at most), or one that arrived before the held lease was given, hears the same
-- job again; otherwise what is held goes back ('abandoned'), and another job is handed out.
--
-- Caller	claim_fresh, when it is not its case; domain/jobs.c, when that has failed. Parameters: as
--		there, in any order of token.
-- Answer	as claim_fresh.
-- Errors	none for one item: unknown tokens, nulls and numbers out of range are answered. See
--		lock_claimants.
-- Locks	worker (by token); lease (own); strike, retry, failed of what was abandoned; then a stage
--		after the other: see deal_stage; tally.
-- Index	lease by key; see lock_claimants and deal_stage.
-- Source	lateral probes that the planner cannot turn into joins, because statistics of lease
--		are always wrong; locking selects are materialized, so that none is run twice
--		(PostgreSQL bug 15715).
create or replace function tracker.claim_held(tokens uuid[], ages_us int8[], calls int8[],
	hints int8[], ids uuid[], answer_limit int4)
returns table (item int4, status text, worker int8, stage int2, job int8, lease uuid, attempt int4,
	data text)
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
	v_stage int2;
	w_want int4[];
	w_room int4[];	-- below 0: it rests
	s_pos int4[]; s_lease tracker.lease[];	-- told again
	e_lease tracker.lease[];		-- abandoned
	d_pos int4[] := '{}'; d_job int8[] := '{}'; d_lease uuid[] := '{}';
	t_stage int2[] := '{}'; t_batch int4[] := '{}'; t_ready int8[] := '{}'; t_retry int8[] := '{}'; t_failed int8[] := '{}';
	w record;
	d record;
	b record;
begin
	w := tracker.lock_claimants(tokens, ages_us, calls, null, null);

	-- 1. What they hold.
	with h as materialized (
		select u.pos::int4 as pos, l.tid, l.lease, u.again or (l.since >= u.arrived
			and l.since <= clock_timestamp()) as again	-- else it was set back
		from unnest(w.workers, w.stages, w.held_jobs, w.held_leases, w.arrived, w.again)
			with ordinality as u(worker, stage, job, lease, arrived, again, pos)
		cross join lateral (
			select q.ctid as tid, q.id, q.worker, q.since, q as lease from tracker.lease q
			where q.stage = u.stage and q.job = u.job
			limit 1) l
		where l.id = u.lease and l.worker = u.worker),
	g as (
		delete from tracker.lease l
		where l.ctid = any (array(select h.tid from h where not h.again)))
	select array_agg(h.pos) filter (where h.again), array_agg(h.lease) filter (where h.again),
		array_agg(h.lease order by (h.lease).stage, (h.lease).job) filter (where not h.again)
	into s_pos, s_lease, e_lease from h;
	if e_lease is not null then
		b := tracker.give_back(e_lease, array_fill('abandoned'::text, array[cardinality(e_lease)]),
			null);
		w.room := array(
			select least(u.room, -nullif(tracker.left_to_rest(q.rest_until, clock_timestamp()), 0))
			from unnest(w.workers, w.room) with ordinality as u(worker, room, pos)
			join tracker.worker q on q.id = u.worker
			order by u.pos);
	end if;
	-- Here nobody is full: one job at a time, whatever else is in hand.
	w_room := array_replace(w.room, 0, 1);
	w_want := array(
		select (w_room[g.n] >= 0 and g.n <> all (coalesce(s_pos, '{}')))::int4
		from generate_series(1, cardinality(w.items)) as g(n));
	if s_pos is not null then
		return query
			select w.items[s_pos[l.ordinality]], 'job', l.worker, l.stage, l.job, l.id, l.attempt,
				tracker.input_of(l.stage, l.job, answer_limit / cardinality(s_pos))
			from unnest(s_lease) with ordinality as l;
		-- An answer that turns out undelivered takes back nothing that a later one has told.
		update tracker.lease l set call = w.calls[s_pos[u.ordinality]]
		from unnest(s_lease) with ordinality as u
		where l.stage = u.stage and l.job = u.job;
	end if;

	-- 2. Work, a stage after the other.
	foreach v_stage in array w.dealt loop
		d := tracker.deal_stage(v_stage, w.workers, w.stages, w_want, w.arrived, w.calls, null,
			answer_limit, ids[1 + cardinality(d_pos):], hints, null, 2);
		if d.hint is not null or d.due is not null or d.g_needs is not null then
			return query
				select 0, 'hint', null::int8, v_stage, d.hint, null::uuid, d.hint_batch, null::text
				where d.hint is not null
				union all
				select 0, 'due', null, v_stage, tracker.low_hint(d.due), null, null, null where d.due > '-infinity'
				union all
				select 0, 'gate', u.needs, v_stage, u.after_us, null, u.jobs, null
				from unnest(d.g_needs, d.g_after_us, d.g_jobs) as u(needs, after_us, jobs);
		end if;
		continue when d.t_ready is null;
		d_pos := d_pos || d.seats;
		d_job := d_job || d.jobs;
		d_lease := d_lease || d.leases;
		t_stage := t_stage || array_fill(v_stage, array[cardinality(d.t_batch)]);
		t_batch := t_batch || d.t_batch;
		t_ready := t_ready || d.t_ready;
		t_retry := t_retry || d.t_retry;
		return query
			select w.items[u.seat], 'job', w.workers[u.seat], v_stage, u.job, u.lease, u.attempt,
				u.data
			from unnest(d.seats, d.jobs, d.leases, d.attempts, d.datas)
				as u(seat, job, lease, attempt, data);
	end loop;

	-- 3. What each has asked and holds.
	update tracker.worker q set
		seen = greatest(q.seen, v_now), asked_kind = 'new_job',
		asked_at = v_now,	-- not when it came: it may have been parked for long
		claimed_at = greatest(q.claimed_at, u.arrived),
		repeats = case when u.again then least(q.repeats + 1, 1000) else 0 end,
		held_job = case when u.again then q.held_job else u.job end,
		held_lease = case when u.again then q.held_lease else u.lease end,
		holds = q.holds + (u.job is not null)::int4
	from (
		select c.worker, c.arrived, coalesce(c.pos = any (s_pos), false) as again, x.job, x.lease
		from unnest(w.workers, w.arrived) with ordinality as c(worker, arrived, pos)
		left join unnest(d_pos, d_job, d_lease) as x(pos, job, lease) on x.pos = c.pos) u
	where q.id = u.worker;

	-- 4. Counts come last: whoever shares our slot waits for them.
	if e_lease is not null then
		t_stage := t_stage || b.t_stages;
		t_batch := t_batch || b.t_batches;
		t_ready := t_ready || array_fill(0::int8, array[cardinality(b.t_stages)]);
		t_failed := array_fill(0::int8, array[cardinality(t_retry)]) || b.t_failed;
		t_retry := t_retry || b.t_retry;
	end if;
	if t_stage <> '{}' then
		v_ok := tracker.add_tally(t_stage, t_batch, t_ready, t_retry, null, null, t_failed);
	end if;
	if coalesce(cardinality(s_pos), 0) + cardinality(d_pos) < cardinality(tokens) then
		return query
			select * from tracker.answer_rest(cardinality(tokens), w.items, w.workers, w.stages, w_room,
				coalesce(s_pos, '{}') || d_pos);
	end if;
end $$;
