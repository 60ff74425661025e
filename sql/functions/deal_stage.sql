-- Hands out jobs of one stage to those who ask for them, a batch of its line after the other: work that came
-- back first, up to half while there is fresh work; everyone's first before anyone's second, and who waits
-- longest before others. Who flagged, failed, let go or last had a job is passed over for it while there is something else.
-- What an answer has no room for waits again, as if it had just come back. Needs, rates, hurried jobs: see deal_gated.
--
-- Caller	claim_held, claim_fleet: once for each stage; deal_gated: once for each batch (p_batch; null: the
--		stage's line). w_*: all claimants of the call, of any stage; w_sent: bytes of data that an answer
--		holds already, null: none, so a first job has room whatever its length. p_limit: bytes of an
--		answer. p_ids: of leases. p_hints: see claim_fresh. p_round: 0: hurried jobs alone; 1: none is passed over in vain (2).
-- Answer	aligned arrays, an element a job handed out: the place of its claimant in w_*, its lease and
--		data. datas: null when longer than its share of p_limit (see fetch_inputs). t_*: what the
--		caller has to add to the tally, an element a batch; null: there was no work. hint, hint_batch:
--		the last position taken from ready, and of which batch; due: see low_of; null: keep the old ones. is_cut:
--		some data is long. g_*: what waits for its turn, see deal_gated.
-- Errors	none.
-- Locks	retry and ready SKIP LOCKED; gate; frontier; lease: inserts.
-- Index	line, and output by key; see take_fresh; strike by (stage, job).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.deal_stage(p_stage int2, w_worker int8[], w_stage int2[],
	w_want int4[], w_arrived timestamptz[], w_call int8[], w_sent int8[], p_limit int4,
	p_ids uuid[], p_hints int8[], p_batch int4, p_round int4, out seats int4[], out jobs int8[],
	out leases uuid[], out attempts int4[], out datas text[], out t_batch int4[], out t_ready int8[],
	out t_retry int8[], out hint int8, out hint_batch int4, out due timestamptz, out is_cut boolean, out g_needs int8[],
	out g_after_us int8[], out g_jobs int4[])
language plpgsql
as $$
#variable_conflict use_column
declare
	c_most constant int4 := 4096;	-- jobs handed out by one call, a stage
	v_now timestamptz := clock_timestamp();
	v_want int4;
	v_sent int8;
	v_long int8;
	v_dealt int4;
	v_back int4;		-- how many of them came back: they are the first
	v_batch int4; v_batches int4[];	-- the first in line; of each job, when there are several
	v_gated boolean;
	v_flagged boolean[]; v_fits boolean[];
	r record;		-- what came back
	f record;		-- fresh work
	s record;
begin
	if cardinality(w_worker) = 1 then
		v_want := least(w_want[1], c_most); v_sent := coalesce(w_sent[1], 0);
	else
		select least(coalesce(sum(u.want), 0), c_most)::int4, coalesce(max(u.sent), 0) into v_want, v_sent
		from unnest(w_stage, w_want, w_sent) as u(stage, want, sent)
		where u.stage = p_stage and u.want > 0;
	end if;
	if v_want = 0 then return; end if;
	select coalesce(p_batch, s.line[1]), p_batch is null and (s.needs is not null or s.hurried is not null)
	into v_batch, v_gated from tracker.stage s where s.stage = p_stage;
	if v_gated or v_batch is null then
		select * into seats, jobs, leases, attempts, datas, t_batch, t_ready, t_retry, hint, hint_batch,
			g_needs, g_after_us, g_jobs
		from tracker.deal_gated(p_stage, w_worker, w_stage, w_want, w_arrived, w_call, w_sent, p_limit,
			p_ids, p_hints)
		where v_gated;
		return;
	end if;

	-- What came back, up to half; fresh work; more of what came back; then the batches behind.
	r := tracker.take_returned(p_stage, v_batch, case when p_round > 0 then (v_want + 1) / 2 else v_want end,
		case when p_round > 0 then tracker.low_of(p_hints, p_stage) end, case when p_round > 0 then v_now else '-infinity' end, '{}');
	if p_batch is null then
		f := tracker.take_fresh(p_stage, v_batch, v_want - cardinality(r.jobs),
			case when p_hints[5 + p_stage] = v_batch then p_hints[p_stage] else 0 end);
	else
		f := tracker.take_gated(p_stage, v_batch, case when p_round > 0 then v_want - cardinality(r.jobs) end,
			case when p_hints[5 + p_stage] = v_batch then p_hints[p_stage] else 0 end);
	end if;
	hint := f.hint; hint_batch := v_batch; due := r.due;
	v_dealt := cardinality(r.jobs) + cardinality(f.jobs);
	if v_dealt < v_want and p_round > 0 then
		s := tracker.take_behind(p_stage, v_want, v_now, p_hints[p_stage],
			p_hints[5 + p_stage]::int4, v_batch, r, f,
			case when p_batch is not null then array[p_batch] end);
		r := s;
		f.jobs := s.fresh;
		v_batches := s.batches || s.fresh_batches;
		hint := s.hint; hint_batch := s.hint_batch;
		v_dealt := cardinality(v_batches);
	end if;
	if v_dealt = 0 then return; end if;

	-- Who gets which.
	if cardinality(w_worker) = 1 then
		seats := array_fill(1, array[v_dealt]);
	else
		seats := array(
			select u.pos::int4
			from unnest(w_stage, w_want, w_arrived) with ordinality as u(stage, want, arrived, pos)
			cross join lateral generate_series(1, least(u.want, v_dealt)) as n(n)
			where u.stage = p_stage
			order by n.n, u.arrived, u.pos
			limit v_dealt);
	end if;
	if r.workers && w_worker or cardinality(r.jobs) > 0 and tracker.has_struck(p_stage, r.jobs, w_worker) then
		s := tracker.seat_returned(p_stage, v_now,
			array(select w_worker[seats[g.n]] from generate_series(1, v_dealt) as g(n)),
			r.jobs, coalesce(v_batches, array_fill(v_batch, array[v_dealt])), r.attempts, r.flagged,
			r.workers, f.jobs, hint, hint_batch,
			case when p_round = 0 then '{}' when p_batch is not null then array[p_batch] end, p_round = 2);
		r := s;
		f.jobs := s.fresh;
		v_batches := s.batches;
		hint := s.hint; hint_batch := s.hint_batch;
		seats := array(select seats[u.n] from unnest(s.seats) with ordinality as u(n, at) order by u.at);
		v_dealt := cardinality(seats);
		if v_dealt = 0 then return; end if;	-- all were passed over
	end if;
	v_back := cardinality(r.jobs);
	jobs := r.jobs || f.jobs;
	attempts := r.attempts || array_fill(1, array[v_dealt - v_back]);
	v_flagged := r.flagged || array_fill(false, array[v_dealt - v_back]);

	-- Their data. While none is longer than its share there is room for all.
	v_long := (p_limit - v_sent) / v_dealt;
	if p_stage = 1 then
		datas := array(
			select (
				select case when octet_length(j.data) <= v_long then j.data end
				from tracker.job j where j.number = jobs[g.n])
			from generate_series(1, v_dealt) as g(n));
	else
		datas := array(
			select (
				select case when octet_length(o.data) <= v_long then o.data end
				from tracker.output o where o.stage = p_stage - 1 and o.job = jobs[g.n])
			from generate_series(1, v_dealt) as g(n));
	end if;
	if array_position(datas, null) is not null then
		v_fits := tracker.fit_jobs(p_stage, jobs, seats, w_sent, p_limit);
		is_cut := true;
		insert into tracker.retry (stage, batch, job, due, attempt)
		select p_stage, coalesce(v_batches[g.n], v_batch), jobs[g.n], v_now, 1
		from generate_series(v_back + 1, v_dealt) as g(n) where not v_fits[g.n] order by jobs[g.n];
	end if;

	if v_fits is null and v_batches is null then
		t_batch := array[v_batch];
		t_ready := array[case when p_stage = 1 then 0 else v_back - v_dealt end];
		t_retry := array[-v_back];
	else
		select * into t_batch, t_ready, t_retry
		from tracker.count_dealt(p_stage, v_batch, v_batches, v_fits, v_back, v_dealt);
	end if;
	if v_fits is not null then
		select array_agg(u.seat), array_agg(u.job), array_agg(coalesce(u.batch, v_batch)),
			array_agg(u.attempt), array_agg(u.flagged), array_agg(u.data),
			count(*) filter (where u.n <= v_back), count(*)
		into seats, jobs, v_batches, attempts, v_flagged, datas, v_back, v_dealt
		from unnest(seats, jobs, v_batches, attempts, v_flagged, datas, v_fits)
			with ordinality as u(seat, job, batch, attempt, flagged, data, fits, n) where u.fits;
	end if;

	if v_back > 0 then
		delete from tracker.retry t
		where t.ctid = any (array(
			select x.tid from generate_series(1, v_back) as g(n) cross join lateral (
				select q.ctid as tid from tracker.retry q
				where q.stage = p_stage and q.job = jobs[g.n] limit 1) x));
	end if;
	leases := p_ids[1:v_dealt];
	if cardinality(leases) < v_dealt then
		leases := array(select coalesce(p_ids[g.n], gen_random_uuid()) from generate_series(1, v_dealt) as g(n)); end if;
	insert into tracker.lease (stage, batch, job, id, worker, since, attempt, flagged, call)
	select p_stage, coalesce(v_batches[g.n], v_batch), jobs[g.n], leases[g.n], w_worker[seats[g.n]], v_now,
		attempts[g.n], v_flagged[g.n], w_call[seats[g.n]] from generate_series(1, v_dealt) as g(n);
end $$;
