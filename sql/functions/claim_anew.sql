-- Answers v1's newJob for a bundle when what is due longest of the batch is to be done anew, as after an undo, and it is its
-- turn: all get that, or fresh work when it is too little, for little more than claim_fresh costs. Also when the first batch in
-- line has nothing left and another one has its turn: of that all get fresh work, unless something is due there.
--
-- Caller	claim_fresh, which has locked the workers' rows (w_tid, in the order of the items) and knows that all may have
--		a job of this stage and batch. p_fresh: it is another batch than the first in line. Other parameters: as there.
-- Answer	as claim_fresh; no row: it is not so, and nothing was done.
-- Errors	none for one item.
-- Locks	retry and ready SKIP LOCKED, or frontier; lease, tally; see claim_held.
-- Index	see take_anew and take_fresh; job and output by key.
-- Source	apart, so that claim_fresh costs nothing more; it has the reasons of how it is written. Runs under its caller's
--		settings: a SET of its own would cost as much as the work.
drop function if exists tracker.claim_anew(int2, int4, tid[], uuid[], int8[], int8[], int8[], uuid[], int4);
create or replace function tracker.claim_anew(p_stage int2, p_batch int4, w_tid tid[], tokens uuid[],
	ages_us int8[], calls int8[], hints int8[], ids uuid[], answer_limit int4, p_fresh boolean)
returns table (item int4, status text, worker int8, stage int2, job int8, lease uuid, attempt int4,
	data text)
language plpgsql
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	v_found int4 := cardinality(w_tid);
	v_back int8[];		-- jobs that are done anew
	v_jobs int8[];		-- and then fresh ones
	v_turn int4[];		-- by item: whose turn it is, when there is too little
	v_hint int8;
	v_due timestamptz;
	a record;
begin
	select t.jobs, t.low into v_back, v_due
	from tracker.take_anew(p_stage, p_batch, v_found, tracker.low_of(hints, p_stage), v_now, w_tid) t;
	if v_back = '{}' and (not p_fresh or exists (
			select from tracker.retry r
			where r.stage = p_stage and r.batch = p_batch and r.due <= v_now)) then
		return;
	end if;
	v_jobs := v_back;
	if cardinality(v_jobs) < v_found then
		a := tracker.take_fresh(p_stage, p_batch, v_found - cardinality(v_back),
			case when hints[5 + p_stage] = p_batch then hints[p_stage] else 0 end);
		v_hint := a.hint;
		v_jobs := v_back || a.jobs;
		if v_jobs = '{}' then
			return;
		end if;
		v_turn := tracker.turns_of(ages_us, v_found);
	end if;

	return query with x as (
		update tracker.worker w set
			seen = greatest(w.seen, v_now), asked_kind = 'new_job', asked_at = v_now,
			claimed_at = greatest(w.claimed_at,
				v_now - greatest(coalesce(ages_us[g.n], 0), 0) * interval '1 us'),
			repeats = 0, held_job = v_jobs[g.turn], held_lease = ids[g.n], holds = w.holds + 1
		from (
			select s.n, coalesce(v_turn[s.n], s.n) as turn
			from generate_series(1, v_found) as s(n)) g
		where w.ctid = w_tid[g.n] and g.turn <= cardinality(v_jobs)
		returning g.n, w.id, w.held_job, w.held_lease),
	l as (
		insert into tracker.lease (stage, batch, job, id, worker, since, attempt, call)
		select p_stage, p_batch, x.held_job, x.held_lease, x.id, clock_timestamp(), 1, calls[x.n] from x)
	select x.n, 'job', x.id, p_stage, x.held_job, x.held_lease, 1, (
		select case when octet_length(o.data) <= answer_limit / v_found then o.data end
		from (
			select j.data from tracker.job j where p_stage = 1 and j.number = x.held_job
			union all
			select q.data from tracker.output q
			where p_stage > 1 and q.stage = p_stage - 1 and q.job = x.held_job) o)
	from x;

	insert into tracker.tally as t (stage, batch, minute, slot, ready, retry)
	values (p_stage, p_batch, date_trunc('minute', statement_timestamp()), tracker.own_slot(),
		case when p_stage > 1 then cardinality(v_back) - cardinality(v_jobs) else 0 end, -cardinality(v_back))
	on conflict (stage, batch, minute, slot) do update set
		ready = t.ready + excluded.ready, retry = t.retry + excluded.retry;
	return query
		select 0, u.what, null::int8, p_stage, u.hint, null::uuid, p_batch, null::text
		from (values ('hint', v_hint), ('due', tracker.low_hint(v_due))) as u(what, hint) where u.hint is not null;
	if cardinality(v_jobs) < v_found then
		return query
			select h.* from tracker.claim_some(array(
					select g.n from generate_series(1, v_found) as g(n) where v_turn[g.n] > cardinality(v_jobs)),
				tokens, ages_us, calls, hints, ids, answer_limit) h;
	end if;
end $$;
