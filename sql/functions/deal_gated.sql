-- Hands out jobs of one stage, in whose line something has needs or a rate, or is hurried: hurried jobs first; then a
-- batch after the other, in the order of the line, each to those who have what it needs, as many as its rate and the
-- stage's let pass. Who was passed over for what it had before, and got nothing else, gets that in the end.
--
-- At most eight batches are tried in vain, the rest once a second; those that nobody here has what they need
-- for, or whose turn has not come, cost no look at their work.
--
-- Caller	deal_stage; parameters as there.
-- Answer	as deal_stage. g_*: work that somebody here would have got, but for a rate: see list_waits.
-- Errors	none.
-- Locks	see deal_stage; batches in the order of the line.
-- Index	worker by id; gate and stage by key; retry by (stage, due); see deal_stage.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.deal_gated(p_stage int2, w_worker int8[], w_stage int2[],
	w_want int4[], w_arrived timestamptz[], w_call int8[], w_sent int8[], p_limit int4,
	p_ids uuid[], p_hints int8[], out seats int4[], out jobs int8[], out leases uuid[],
	out attempts int4[], out datas text[], out t_batch int4[], out t_ready int8[], out t_retry int8[],
	out hint int8, out hint_batch int4, out g_needs int8[], out g_after_us int8[], out g_jobs int4[])
language plpgsql
as $$
#variable_conflict use_column
declare
	c_most constant int4 := 8;	-- batches that are tried in vain
	v_now timestamptz := clock_timestamp();
	v_has int8[] := array(		-- of who wants a job of this stage; null: of who does not
		select case when w_stage[g.n] = p_stage and w_want[g.n] > 0 then coalesce((
			select q.has from tracker.worker q where q.id = w_worker[g.n]), 0) end
		from generate_series(1, cardinality(w_worker)) as g(n) order by g.n);
	v_any int8 := (select bit_or(u.has) from unnest(v_has) as u(has));
	v_sent int8[] := w_sent;
	v_want int4[] := w_want;	-- how many more each wants
	v_fit int4[];		-- the same of those who have what the batch needs
	v_closed int4[] := array(	-- whose turn has not come; 0: the stage's
		select g.batch from tracker.gate g
		where g.stage = p_stage and g.batch = any ((
				select s.line || 0 from tracker.stage s where s.stage = p_stage)::int4[])
			and tracker.gate_room(g.rate, g.free_at, v_now) = 0);
	v_back boolean := exists (	-- no rate holds up what came back
		select from tracker.retry r where r.stage = p_stage and r.due <= v_now);
	v_hurried int4[] := array(
		select distinct r.batch from tracker.retry r where r.stage = p_stage and r.due = '-infinity');
	v_again int4[] := '{}';	-- batches that may have more, for who was passed over
	v_tried int4 := 0;
	v_dealt boolean;
	b record;
	d record;
begin
	seats := '{}'; jobs := '{}'; leases := '{}'; attempts := '{}'; datas := '{}';
	for b in
		select u.batch, coalesce(u.needs, 0) as needs, p.round
		from tracker.stage s
		cross join generate_series(0, 2) as p(round)	-- see deal_stage
		cross join lateral unnest(s.line, s.needs) with ordinality as u(batch, needs, place)
		where s.stage = p_stage and coalesce(u.needs, 0) & ~v_any = 0
			and case p.round when 0 then u.batch = any (v_hurried)
				else v_back or p.round = 1 and u.batch <> all (v_closed) and 0 <> all (v_closed) end
		order by p.round, u.place
	loop
		continue when b.round = 2 and b.batch <> all (v_again);
		v_fit := array(
			select case when v_has[g.n] & b.needs = b.needs then v_want[g.n] else 0 end
			from generate_series(1, cardinality(v_want)) as g(n) order by g.n);
		continue when 0 = all (v_fit);
		v_dealt := b.round = 0 or tracker.has_work(p_stage, b.batch, v_now);
		if v_dealt then
			d := tracker.deal_stage(p_stage, w_worker, w_stage, v_fit, w_arrived, w_call, v_sent,
				p_limit, p_ids[1 + cardinality(jobs):], p_hints, b.batch, b.round);
			if v_back then
				v_again := v_again || b.batch;
			end if;
			v_dealt := d.t_ready is not null;
		end if;
		if not v_dealt then
			v_tried := v_tried + (b.round > 0)::int4;
			exit when v_tried = c_most and not tracker.may_look_on(p_stage);
			continue;
		end if;
		seats := seats || d.seats;
		jobs := jobs || d.jobs;
		leases := leases || d.leases;
		attempts := attempts || d.attempts;
		datas := datas || d.datas;
		t_batch := t_batch || d.t_batch;
		t_ready := t_ready || d.t_ready;
		t_retry := t_retry || d.t_retry;
		if d.hint is not null then
			hint := d.hint;
			hint_batch := d.hint_batch;
		end if;
		-- Who has long data in its answer gets no more of another batch.
		select array_agg(x.want order by x.n), array_agg(x.sent order by x.n) into v_want, v_sent
		from (
			select g.n, case when d.is_cut and (count(u.job) > 0 or v_sent[g.n] is not null) then 0
				else v_want[g.n] - count(u.job)::int4 end as want,
				(case when count(u.job) > 0 then coalesce(v_sent[g.n], 0)
				+ coalesce(sum(octet_length(u.data)), 0) else v_sent[g.n] end)::int8 as sent
			from generate_series(1, cardinality(v_want)) as g(n)
			left join unnest(d.seats, d.jobs, d.datas) as u(seat, job, data) on u.seat = g.n
			group by g.n) x;
		exit when 0 = all (v_want);
	end loop;

	-- Who is left may be waiting for somebody's turn.
	if exists (select from tracker.gate g where g.stage = p_stage) then
		select array_agg(x.needs), array_agg(x.after_us), array_agg(x.jobs)
		into g_needs, g_after_us, g_jobs
		from tracker.list_waits(p_stage, array(
			select v_has[g.n] from generate_series(1, cardinality(v_want)) as g(n)
			where v_want[g.n] > 0 and v_has[g.n] is not null)) x;
	end if;
end $$;
