-- Answers those of a bundle of v1's who rest or have a trial, and has claim_fresh answer the others: so nobody
-- is sent the long way by a neighbour who rests.
--
-- Caller	claim_fresh, when a bundle is not its common case. Parameters: as there.
-- Answer	as claim_fresh, and for who rests a row 'rest': job is how many seconds more, attempt how many
--		ends in a row brought it about. No row: nobody does, and nothing was done.
-- Errors	none for one item.
-- Locks	the caller has locked the workers' rows; trial.
-- Index	worker by token; trial by lease.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.claim_awake(tokens uuid[], ages_us int8[], calls int8[],
	hints int8[], ids uuid[], answer_limit int4)
returns table (item int4, status text, worker int8, stage int2, job int8, lease uuid, attempt int4,
	data text)
language plpgsql
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	v_rest int4[];
	v_awake int4[];
	v_again boolean[];	-- by item: the question may be the same one once more
	w_trial int8[]; w_held uuid[];	-- by item: a trial to come, or one in hand
	t record;
begin
	select array_agg(g.n) filter (where q.rests), array_agg(g.n) filter (where q.rests is not true
			and q.trial is null and q.held is null),
		array_agg(q.trial order by g.n), array_agg(q.held order by g.n), array_agg(q.again order by g.n)
	into v_rest, v_awake, w_trial, w_held, v_again
	from generate_series(1, cardinality(tokens)) as g(n)
	left join lateral (
		select w.rest_until > v_now and w.trial is null and w.held_lease is null as rests, (
				select r.id from tracker.trial r
				where r.id = w.trial and w.held_lease is null and r.state = 'waiting'
					and tracker.has_input(r.stage, r.job)) as trial, (
				select r.lease from tracker.trial r
				where r.lease = w.held_lease and r.state = 'given'
					and tracker.has_input(r.stage, r.job)) as held,
			w.asked_kind = 'new_job' and w.repeats < 3
				and w.asked_at >= v_now - interval '60 seconds' as again
		from tracker.worker w
		where w.token = tokens[g.n] and w.gone_at is null
		limit 1) q on true;
	if v_rest is null and num_nonnulls(variadic w_trial) = 0 and num_nonnulls(variadic w_held) = 0 then
		return;
	end if;
	for t in
		select * from tracker.give_trials(tokens, ages_us, calls, w_trial, w_held, v_again, answer_limit)
	loop
		if t.job is null then
			v_awake := v_awake || t.pos;
		else
			return query select t.pos, 'job', t.worker, t.stage, t.job, t.lease, 1, t.data;
		end if;
	end loop;
	return query
		update tracker.worker w set seen = greatest(w.seen, v_now)
		from unnest(v_rest) as u(n)
		where w.token = tokens[u.n]
		returning u.n, 'rest', w.id, w.stage, tracker.left_to_rest(w.rest_until, v_now)::int8, null::uuid,
			w.bad_row + w.soft_row, null::text;
	v_awake := array(select u.n from unnest(v_awake) as u(n) order by u.n);
	if v_awake = '{}' then
		return;
	end if;
	return query
		select coalesce(v_awake[h.item], 0), h.status, h.worker, h.stage, h.job, h.lease, h.attempt, h.data
		from tracker.claim_fresh(
			array(select tokens[u.n] from unnest(v_awake) as u(n)),
			array(select ages_us[u.n] from unnest(v_awake) as u(n)),
			array(select calls[u.n] from unnest(v_awake) as u(n)), hints,
			array(select ids[u.n] from unnest(v_awake) as u(n)), answer_limit) h;
end $$;
