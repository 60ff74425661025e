-- Hands out jobs to all fleets that ask at this moment, in one transaction. Leases of the same call
-- (rerun) and leases that `holding` does not list are sent again first, and count within want; of what
-- it lists is told what it has: the rest it has no longer. Nobody gets more than their allowance leaves.
--
-- Caller	domain/jobs.c, with the claims of fleets that wait. ages_us, hints, ids: see claim_fresh;
--		calls: random, tells a rerun; holding is two arrays: hold_jobs, without null, an item's in
--		ascending order behind those of the item before it, and hold_ends, where each item's end;
--		slots: how many jobs each says it can work on at a time, 0: it does not say. in_hand_most: what nobody may hold more of. Cap the sum of wants.
-- Answer	as claim_fresh, with a row for each job; besides, for each that says what it holds, a row
--		'held', whose data has the jobs of these that it has, with commas between; null: none; and for
--		each a row 'allowed', whose attempt is the allowance. Who gets none because they hold as many
--		hears 'full'.
-- Errors	none for one item: unknown tokens, nulls and numbers out of range are answered. See
--		lock_claimants.
-- Locks	worker (by token); lease (own); then a stage after the other: see deal_stage; tally.
-- Index	lease by worker, for holding and rerun, and by key; see lock_claimants and deal_stage.
-- Source	see claim_held.
drop function if exists tracker.claim_fleet(uuid[], int4[], int8[], int8[], boolean[], boolean[], int4[],
	int8[], int8[], uuid[], int4);
create or replace function tracker.claim_fleet(tokens uuid[], wants int4[], ages_us int8[],
	calls int8[], rerun boolean[], has_holding boolean[], hold_ends int4[], hold_jobs int8[],
	hints int8[], ids uuid[], answer_limit int4, slots int4[] default null,
	in_hand_most int4 default 1000)
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
	v_asked int8;	-- jobs, with one for each who wants none
	w_want int4[]; w_sent int8[];
	s_pos int4[]; s_bytes int8[]; s_lease tracker.lease[];	-- sent again
	d_pos int4[] := '{}';	-- whose each job is that was dealt
	w_dealt int4[];		-- how many each got of them
	r_pos int4[];		-- who has a trial in this answer; null: nobody
	t_stage int2[] := '{}'; t_batch int4[] := '{}'; t_ready int8[] := '{}'; t_retry int8[] := '{}';
	w record;
	d record;
	r record;
begin
	w := tracker.lock_claimants(tokens, ages_us, calls, slots, in_hand_most);
	if cardinality(tokens) = 1 and w.items is not null then
		w_want := array[greatest(least(wants[1], w.room[1]), 0)];
		v_asked := greatest(wants[1], 1);
	else
		w_want := array(
			select greatest(least(wants[w.items[g.n]], w.room[g.n]), 0)
			from generate_series(1, cardinality(w.items)) as g(n));
		select sum(greatest(u.want, 1)) into v_asked from unnest(wants) as u(want);
	end if;

	-- 1. Trials; leases whose answer was lost, and what of the jobs that they list is theirs.
	if w.is_tried or true = any (rerun) or true = any (has_holding) then
		for r in
			select t.* from tracker.tell_trials(w.items, w.workers, w.arrived, w.calls,
				array(select wants[u.item] from unnest(w.items) with ordinality as u(item, n) order by u.n),
				rerun, has_holding, hold_ends, hold_jobs, answer_limit) t
		loop
			r_pos := r_pos || r.pos;
			w_want[r.pos] := greatest(w_want[r.pos] - 1, 0);
			return query
				select w.items[r.pos], 'job', r.worker, r.stage, r.job, r.lease, 1, r.data;
		end loop;
		select array_agg(x.pos), array_agg(x.bytes), array_agg(x.lease)
		into s_pos, s_bytes, s_lease
		from tracker.list_unheard(w.items, w.workers, w.held_leases, w.arrived, w.calls,
			array(select greatest(coalesce(wants[u.item], 0), 0)
				from unnest(w.items) with ordinality as u(item, n) order by u.n),
			rerun, has_holding, hold_ends, hold_jobs, answer_limit) x;
		return query
			select u.item, 'held', u.worker, u.stage, null::int8, null::uuid, null::int4, (
				select string_agg(x.job::text, ',')
				from (
					select q.job from tracker.lease q
					where q.worker = u.worker and h.jobs[width_bucket(q.job, h.jobs)] = q.job
					union all
					select t.job from tracker.trial t
					where t.worker = u.worker and t.state = 'given'
						and t.job = any (h.jobs)) x)
			from unnest(w.items, w.workers, w.stages) as u(item, worker, stage)
			cross join lateral (
				select hold_jobs[coalesce(hold_ends[u.item - 1], 0) + 1 : hold_ends[u.item]] as jobs
				offset 0) h
			where has_holding[u.item];
	end if;
	if s_pos is not null then
		return query
			select w.items[s_pos[l.ordinality]], 'job', l.worker, l.stage, l.job, l.id, l.attempt,
				tracker.input_of(l.stage, l.job, answer_limit / cardinality(s_pos))
			from unnest(s_lease) with ordinality as l;
		-- An answer that turns out undelivered takes back nothing that a later one has told.
		update tracker.lease l set call = w.calls[s_pos[u.ordinality]]
		from unnest(s_lease) with ordinality as u
		where l.stage = u.stage and l.job = u.job;
		select array_agg(x.want order by x.n), array_agg(x.sent order by x.n)
		into w_want, w_sent
		from (
			select g.n, greatest(least(w_want[g.n], wants[w.items[g.n]] - count(s.pos)::int4), 0) as want,
				sum(s.bytes)::int8 as sent
			from generate_series(1, cardinality(w.items)) as g(n)
			left join unnest(s_pos, s_bytes) as s(pos, bytes) on s.pos = g.n
			group by g.n) x;
	end if;

	-- 2. Work, a stage after the other.
	foreach v_stage in array w.dealt loop
		d := tracker.deal_stage(v_stage, w.workers, w.stages, w_want, w.arrived, w.calls, w_sent,
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

	if cardinality(w.items) = 1 then
		w_dealt := array[cardinality(d_pos)];
	else
		w_dealt := array(
			select coalesce(d.dealt, 0) from generate_series(1, cardinality(w.items)) as g(n)
			left join (
				select s.pos, count(*)::int4 as dealt from unnest(d_pos) as s(pos)
				group by s.pos) d on d.pos = g.n
			order by g.n);
	end if;
	return query
		update tracker.worker q set
			seen = greatest(q.seen, v_now), asked_kind = 'sync', asked_at = v_now,
			holds = q.holds + u.dealt,
			allowance = tracker.allow(q.allowance, q.slots, q.done, claim_fleet.slots[u.item]),
			slots = case when q.done = 0 and q.allowance < q.slots then q.slots
				else greatest(q.slots, least(claim_fleet.slots[u.item], 256)) end
		from unnest(w.items, w.workers, w_dealt) as u(item, worker, dealt)
		where q.id = u.worker
		returning u.item, 'allowed', q.id, q.stage, null::int8, null::uuid,
			least(q.allowance, in_hand_most), null::text;

	-- 3. Counts come last: whoever shares our slot waits for them.
	if t_stage <> '{}' then
		v_ok := tracker.add_tally(t_stage, t_batch, t_ready, t_retry, null, null, null);
	end if;
	if s_pos is not null or cardinality(d_pos) < v_asked then
		return query
			select * from tracker.answer_rest(cardinality(tokens), w.items, w.workers, w.stages,
				w.room, coalesce(s_pos, '{}') || d_pos || coalesce(r_pos, '{}'));
	end if;
end $$;
