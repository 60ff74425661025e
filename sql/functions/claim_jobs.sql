-- Hands out jobs to all who ask at this moment, in one transaction.
--
-- v1 (want is 1): a newJob right after a newJob (60 s, three times at most), or one that arrived
-- before the held lease was given, hears the same job again; otherwise what is held goes back
-- ('abandoned').
-- sync: leases of the same call (rerun) and leases that `holding` does not list are sent again
-- first, and count towards want; jobs that it lists and does not own are told as 'drop'.
-- Work that came back goes first, up to half of the bundle while there is fresh work. Who flagged or
-- last had a job is passed over for it while there is something else. Everyone gets a first job
-- before anyone gets a second.
--
-- Caller	domain/jobs.c, with all claims that wait; claim_fresh, when it is not its case. ages_us: how long each has waited in the
--		tracker. hints[stage]: the position last heard in a 'hint' row, 0 at first. Cap the
--		sum of wants.
-- Answer	'job' rows (handed out or sent again), or one of none, paused, unknown an item; drop
--		rows besides; 'hint' rows with item 0 (stage, job = position).
-- Errors	none for one item: unknown tokens, nulls and numbers out of range are answered.
-- Locks	worker (by token); lease (own); strike, retry, failed of what was abandoned; retry
--		and ready SKIP LOCKED; frontier; tally.
-- Index	worker by token and id; lease by key, by worker for holding and rerun; retry by
--		(stage, due); ready by key; job and output by key.
-- Source	lateral probes that the planner cannot turn into joins, because statistics of lease
--		are always wrong; locking selects are materialized, so that none is run twice
--		(PostgreSQL bug 15715).
create or replace function tracker.claim_jobs(tokens uuid[], wants int4[], ages_us int8[],
	calls int8[], v1 boolean[], rerun boolean[], hold_items int4[], hold_jobs int8[],
	has_holding boolean[], hints int8[], max_attempts int4, backoff_s int4, backoff_max_s int4)
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
	c_bundle_max constant int4 := 4096;	-- jobs handed out by one call, a stage
	v_now timestamptz := clock_timestamp();
	v_since timestamptz;
	-- one element a claimant, in order of token
	w_item int4[]; w_worker int8[]; w_stage int2[]; w_want int4[]; w_arrived timestamptz[];
	w_call int8[]; w_v1 boolean[]; w_rerun boolean[]; w_holds boolean[]; w_twin boolean[];
	w_job int8[]; w_lease uuid[]; w_again boolean[]; w_sent int4[]; w_twin_of int4[];
	v_any_v1 boolean; v_any_held boolean; v_any_sync boolean; v_any_twin boolean;
	v_wanted int8; v_least int4; v_ok boolean;
	-- one element a job sent again
	s_pos int4[] := '{}'; s_job int8[] := '{}'; s_lease uuid[] := '{}';
	s_attempt int4[] := '{}';
	-- one element a job abandoned
	b_stage int2[]; b_job int8[]; b_lease uuid[]; b_worker int8[]; b_attempt int4[];
	b_flagged boolean[]; b_since timestamptz[];
	-- one element a job handed out
	g_pos int4[] := '{}'; g_stage int2[] := '{}'; g_job int8[] := '{}';
	g_attempt int4[] := '{}';
	g_flagged boolean[] := '{}'; g_id uuid[] := '{}';
	-- tally
	t_stage int2[] := '{}'; t_ready int8[] := '{}'; t_retry int8[] := '{}';
	t_failed int8[];
	h_stage int2[] := '{}'; h_position int8[] := '{}';
	-- the stage at work: what came back (r_), fresh work (f_), seats
	v_stages int2[]; v_paused boolean[]; v_stage int2; v_want int4; v_half int4; v_left int4;
	v_taken int4; v_given int4; v_fresh int4; v_found int4; v_fresh_hint int8;
	r_job int8[]; r_attempt int4[]; r_flagged boolean[]; r_worker int8[]; r_pos int4[];
	f_job int8[]; v_seat int4[];
	i int4; k int4;
	a record; b record;
begin
	-- append_stage and reset_jobs wait for whoever is past this line, and are waited for.
	v_ok := pg_advisory_xact_lock_shared(x'64637374'::int)::text is not null;

	-- 1. The workers, locked in order of token.
	select array_agg(x.item), array_agg(x.worker), array_agg(x.stage), array_agg(x.want),
		array_agg(x.arrived), array_agg(x.call), array_agg(x.v1), array_agg(x.rerun),
		array_agg(x.holds), array_agg(x.twin), array_agg(x.held_job),
		array_agg(x.held_lease), array_agg(x.again), bool_or(x.v1),
		bool_or(x.v1 and x.held_lease is not null),
		bool_or(not x.v1 and (x.rerun or x.holds)), bool_or(x.twin), sum(x.want),
		min(x.want),
		(select array_agg(s.stage order by s.stage) from tracker.stage s),
		(select array_agg(s.paused order by s.stage) from tracker.stage s)
	into w_item, w_worker, w_stage, w_want, w_arrived, w_call, w_v1, w_rerun, w_holds, w_twin,
		w_job, w_lease, w_again, v_any_v1, v_any_held, v_any_sync, v_any_twin, v_wanted,
		v_least, v_stages, v_paused
	from (
		select u.item, w.id as worker, w.stage, u.v1, u.rerun, u.holds, u.call, u.arrived,
			case when u.v1 then 1 else u.want end as want,
			u.v1 and lag(u.v1) over () and lag(w.id) over () = w.id as twin,
			w.held_job, w.held_lease,
			w.asked_kind = 'new_job' and w.repeats < 3
				and w.asked_at >= u.arrived - interval '60 seconds' as again
		from (
			select n.n::int4 as item, n.token, greatest(coalesce(n.want, 0), 0) as want,
				v_now - make_interval(secs =>
					least(greatest(coalesce(n.age, 0), 0), 1e12) / 1e6)
					as arrived,
				coalesce(n.call, 0) as call, coalesce(n.v1, false) as v1,
				coalesce(n.rerun, false) as rerun, coalesce(n.holds, false) as holds
			from unnest(tokens, wants, ages_us, calls, v1, rerun, has_holding)
				with ordinality as n(token, want, age, call, v1, rerun, holds, n)
			where n.token is not null
			order by n.token, coalesce(n.v1, false), n.n) u
		cross join lateral (
			select q.id, q.stage, q.held_job, q.held_lease, q.asked_kind, q.asked_at,
				q.repeats, q.gone_at
			from tracker.worker q
			where q.token = u.token offset 0
			for no key update) w
		where w.gone_at is null) x;
	v_found := coalesce(cardinality(w_item), 0);
	w_sent := array_fill(0, array[v_found]);

	-- A v1 question that came twice in one bundle is asked once: twin of the one before it.
	if v_any_twin then
		for i in 1 .. v_found loop
			if w_twin[i] then
				w_want[i] := 0;
			end if;
		end loop;
	end if;

	-- 2. v1: the job in hand is told again, or abandoned.
	if v_any_held then
		for a in
			select c.pos::int4 as pos, c.again or (l.since >= c.arrived
				and l.since <= clock_timestamp()) as again,	-- else it was set back
				l.*
			from unnest(w_worker, w_stage, w_job, w_lease, w_arrived, w_again, w_v1,
				w_twin)
				with ordinality as c(worker, stage, job, lease, arrived, again, v1,
					twin, pos)
			cross join lateral (
				select q.stage, q.job, q.id, q.worker, q.since, q.attempt, q.flagged
				from tracker.lease q
				where q.stage = c.stage and q.job = c.job
				limit 1) l
			where l.id = c.lease and l.worker = c.worker and c.v1 and c.twin is not true
			order by l.stage, l.job
		loop
			if a.again then
				s_pos := s_pos || a.pos;
				s_job := s_job || a.job;
				s_lease := s_lease || a.id;
				s_attempt := s_attempt || a.attempt;
				w_want[a.pos] := 0;
				w_sent[a.pos] := 1;
			else
				delete from tracker.lease q where q.stage = a.stage
					and q.job = a.job;
				b_stage := b_stage || a.stage;
				b_job := b_job || a.job;
				b_lease := b_lease || a.id;
				b_worker := b_worker || a.worker;
				b_attempt := b_attempt || a.attempt;
				b_flagged := b_flagged || a.flagged;
				b_since := b_since || a.since;
			end if;
		end loop;
	end if;

	if b_job is not null then
		b := tracker.give_back(b_stage, b_job, b_lease, b_worker, b_attempt, b_flagged,
			b_since, array_fill('abandoned'::text, array[cardinality(b_job)]),
			array_fill(''::text, array[cardinality(b_job)]), max_attempts, backoff_s,
			backoff_max_s);
	end if;

	-- 3. sync: leases whose answer was lost, and jobs that are no longer theirs.
	if v_any_sync then
		for a in
			select c.pos::int4 as pos, l.*
			from unnest(w_worker, w_item, w_lease, w_arrived, w_call, w_rerun, w_holds,
				w_v1)
				with ordinality as c(worker, item, lease, arrived, call, rerun,
					holds, v1, pos)
			cross join lateral (
				select q.job, q.id, q.attempt, q.since, q.call from tracker.lease q
				where q.worker = c.worker
				offset 0) l
			where not c.v1 and (c.rerun or c.holds) and l.id is distinct from c.lease
				and ((c.rerun and l.call = c.call)
				or (c.holds and l.since < c.arrived
				and not exists (
					select from unnest(hold_items, hold_jobs) as h(item, job)
					where h.item = c.item and h.job = l.job)))
			order by c.pos, l.since, l.job
		loop
			s_pos := s_pos || a.pos;
			s_job := s_job || a.job;
			s_lease := s_lease || a.id;
			s_attempt := s_attempt || a.attempt;
			w_want[a.pos] := greatest(w_want[a.pos] - 1, 0);
			w_sent[a.pos] := w_sent[a.pos] + 1;
		end loop;
		return query
			select distinct c.item, 'drop', c.worker, c.stage, h.job, null::uuid,
				null::int4, null::text
			from unnest(hold_items, hold_jobs) as h(item, job)
			join unnest(w_item, w_worker, w_stage, w_holds, w_v1)
				as c(item, worker, stage, holds, v1)
				on c.item = h.item and c.holds and not c.v1
			where h.job is not null and (
				select l.worker from tracker.lease l
				where l.stage = c.stage and l.job = h.job)
				is distinct from c.worker;
	end if;

	-- What is sent again is this call's now: an earlier answer that turns out undelivered takes
	-- nothing back (return_jobs).
	if cardinality(s_pos) > 0 then
		update tracker.lease l set call = w_call[u.pos]
		from unnest(s_pos, s_job) as u(pos, job)
		where l.stage = w_stage[u.pos] and l.job = u.job;
	end if;

	-- 4. Work, stage by stage; A last, for its frontier stays locked until we commit.
	for v_stage, v_want in
		select c.stage, least(sum(c.want), c_bundle_max)::int4
		from unnest(w_stage, w_want) as c(stage, want)
		where c.want > 0 group by c.stage order by c.stage desc
	loop
		k := array_position(v_stages, v_stage);
		continue when k is null or v_paused[k];

		-- What came back: up to half.
		v_half := (v_want + 1) / 2;
		a := tracker.take_returned(v_stage, v_half, v_now, '{}');
		r_job := a.jobs;
		r_attempt := a.attempts;
		r_flagged := a.flagged;
		r_worker := a.workers;
		k := coalesce(cardinality(r_job), 0);

		-- Fresh work for the rest; what came back again when that is not enough.
		a := tracker.take_fresh(v_stage, v_want - k, coalesce(hints[v_stage], 0));
		f_job := a.jobs;
		v_fresh_hint := a.hint;
		v_left := v_want - k - cardinality(f_job);
		if v_left > 0 and k = v_half then
			a := tracker.take_returned(v_stage, v_left, v_now, r_job);
			r_job := r_job || a.jobs;
			r_attempt := r_attempt || a.attempts;
			r_flagged := r_flagged || a.flagged;
			r_worker := r_worker || a.workers;
			k := cardinality(r_job);
		end if;
		v_taken := k + cardinality(f_job);
		continue when v_taken = 0;

		-- Seats: everyone's first, then everyone's second.
		if v_found = 1 then
			v_seat := array_fill(1, array[v_taken]);
		else
			v_seat := array(
				select c.pos from unnest(w_stage, w_want, w_item)
					with ordinality as c(stage, want, item, pos)
				cross join lateral
					generate_series(1, least(c.want, v_taken)) as r(r)
				where c.stage = v_stage
				order by r.r, c.item
				limit v_taken);
		end if;

		if k > 0 and (r_worker && w_worker or true = any (r_flagged)) then
			a := tracker.seat_returned(v_stage, v_now,
				array(select w_worker[u.pos] from unnest(v_seat)
					with ordinality as u(pos, n)
					order by u.n),
				r_job, r_attempt, r_flagged, r_worker, f_job,
				coalesce(v_fresh_hint, hints[v_stage], 0));
			r_job := a.jobs;
			r_attempt := a.attempts;
			r_flagged := a.flagged;
			f_job := a.fresh;
			v_fresh_hint := nullif(a.hint, coalesce(hints[v_stage], 0));
			r_pos := array(select v_seat[u.seat] from unnest(a.seats)
				with ordinality as u(seat, n)
				order by u.n);
			k := cardinality(r_job);
		else
			r_pos := v_seat;
		end if;

		if k > 0 then
			delete from tracker.retry t
			where t.ctid = any (array(
				select x.tid from unnest(r_job) as u(job)
				cross join lateral (
					select q.ctid as tid from tracker.retry q
					where q.stage = v_stage and q.job = u.job limit 1) x));
		end if;
		v_taken := k + cardinality(f_job);
		g_pos := g_pos || r_pos[:v_taken];
		g_stage := g_stage || array_fill(v_stage, array[v_taken]);
		g_job := g_job || r_job || f_job;
		g_attempt := g_attempt || r_attempt || array_fill(1, array[cardinality(f_job)]);
		g_flagged := g_flagged || r_flagged || array_fill(false, array[cardinality(f_job)]);
		t_stage := t_stage || v_stage;
		t_ready := t_ready || case when v_stage = 1 then 0
			else -cardinality(f_job) end::int8;
		t_retry := t_retry || (-k)::int8;
		if v_fresh_hint is not null then
			h_stage := h_stage || v_stage;
			h_position := h_position || v_fresh_hint;
		end if;
	end loop;

	-- 5. Leases, and what each worker has asked and holds.
	v_given := cardinality(g_job);
	v_fresh := v_given;
	v_since := clock_timestamp();
	if v_given > 0 then
		if v_given = 1 then
			g_id := array[gen_random_uuid()];
		else
			g_id := array(select gen_random_uuid() from generate_series(1, v_given));
		end if;
		insert into tracker.lease (stage, job, id, worker, since, attempt, flagged, call)
		select u.stage, u.job, u.id, w_worker[u.pos], v_since, u.attempt, u.flagged,
			w_call[u.pos]
		from unnest(g_pos, g_stage, g_job, g_id, g_attempt, g_flagged)
			as u(pos, stage, job, id, attempt, flagged);
	end if;

	if v_any_v1 then
		update tracker.worker w set
			seen = greatest(w.seen, v_now),
			asked_kind = case when c.v1 then 'new_job' else 'sync' end,
			asked_at = v_now,	-- not c.arrived: it may have been parked for long
			claimed_at = case when c.v1 then greatest(w.claimed_at, c.arrived)
				else w.claimed_at end,
			repeats = case when c.v1 and c.sent > 0 then least(w.repeats + 1, 1000)
				else 0 end,
			held_job = case when not c.v1 or c.sent > 0 then w.held_job else c.job end,
			held_lease = case when not c.v1 or c.sent > 0 then w.held_lease
				else c.id end
		from (
			select distinct on (u.worker) u.worker, u.v1, u.arrived, u.sent, g.job, g.id
			from unnest(w_worker, w_v1, w_arrived, w_sent, w_twin)
				with ordinality as u(worker, v1, arrived, sent, twin, pos)
			left join unnest(g_pos, g_job, g_id) as g(pos, job, id) on g.pos = u.pos
			where not coalesce(u.twin, false)
			order by u.worker, u.v1 desc) c
		where w.id = c.worker;
	else
		update tracker.worker w set
			seen = greatest(w.seen, v_now), asked_kind = 'sync', asked_at = v_now
		from (select distinct u.worker from unnest(w_worker) as u(worker)) c
		where w.id = c.worker;
	end if;

	-- 6. Counts come last: whoever shares our slot waits for them.
	t_failed := array_fill(0::int8, array[cardinality(t_stage)]);
	if b_job is not null then
		t_ready := t_ready || array_fill(0::int8, array[cardinality(b_job)]);
		t_stage := t_stage || b.t_stages;
		t_retry := t_retry || b.t_retry;
		t_failed := t_failed || b.t_failed;
	end if;
	if t_stage <> '{}' then
		v_ok := tracker.add_tally(t_stage, t_ready, t_retry, null, null, t_failed);
	end if;

	-- 7. The answers.
	if v_any_twin then
		-- A twin hears what the one before it heard.
		w_twin_of := array_fill(null::int4, array[v_found]);
		for i in 2 .. v_found loop
			if w_twin[i] then
				w_twin_of[i] := coalesce(w_twin_of[i - 1], i - 1);
			end if;
		end loop;
	end if;
	if cardinality(s_pos) > 0 then
		g_pos := s_pos || g_pos;
		g_stage := array(select w_stage[u.pos] from unnest(s_pos)
			with ordinality as u(pos, n)
			order by u.n) || g_stage;
		g_job := s_job || g_job;
		g_id := s_lease || g_id;
		g_attempt := s_attempt || g_attempt;
		v_given := v_given + cardinality(s_pos);
	end if;
	if v_any_twin and v_given > 0 then
		select g_pos || coalesce(array_agg(c.pos::int4), '{}'),
			g_stage || coalesce(array_agg(g.stage), '{}'),
			g_job || coalesce(array_agg(g.job), '{}'),
			g_id || coalesce(array_agg(g.id), '{}'),
			g_attempt || coalesce(array_agg(g.attempt), '{}')
		into g_pos, g_stage, g_job, g_id, g_attempt
		from unnest(w_twin_of) with ordinality as c(twin_of, pos)
		join unnest(g_pos, g_stage, g_job, g_id, g_attempt)
			as g(pos, stage, job, id, attempt)
			on g.pos = c.twin_of;
		v_given := cardinality(g_pos);
	end if;
	if v_given > 0 and 1 = all (g_stage) then
		return query
			select w_item[u.pos], 'job', w_worker[u.pos], u.stage, u.job, u.id,
				u.attempt,
				(select j.data from tracker.job j where j.number = u.job)
			from unnest(g_pos, g_stage, g_job, g_id, g_attempt)
				as u(pos, stage, job, id, attempt);
	elsif v_given > 0 then
		return query
			select w_item[u.pos], 'job', w_worker[u.pos], u.stage, u.job, u.id,
				u.attempt,
				case when u.stage = 1
				then (select j.data from tracker.job j where j.number = u.job)
				else (select o.data from tracker.output o
					where o.stage = u.stage - 1 and o.job = u.job) end
			from unnest(g_pos, g_stage, g_job, g_id, g_attempt)
				as u(pos, stage, job, id, attempt);
	end if;
	if v_least = 0 or v_fresh < v_wanted then
		return query
			select c.item,
				case when v_paused[array_position(v_stages, c.stage)] then 'paused'
				else 'none' end,
				c.worker, c.stage, null::int8, null::uuid, null::int4, null::text
			from unnest(w_item, w_worker, w_stage)
				with ordinality as c(item, worker, stage, pos)
			where c.pos <> all (g_pos);
	end if;
	if v_found < cardinality(tokens) then
		return query
			select n::int4, 'unknown', null::int8, null::int2, null::int8, null::uuid,
				null::int4, null::text
			from generate_series(1, cardinality(tokens)) n
			where v_found = 0 or n <> all (w_item);
	end if;
	if cardinality(h_stage) > 0 then
		return query
			select 0, 'hint', null::int8, h.stage, h.position, null::uuid, null::int4,
				null::text
			from unnest(h_stage, h_position) as h(stage, position);
	end if;
end $$;
