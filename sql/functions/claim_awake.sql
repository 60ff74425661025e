-- Answers those of a bundle of v1's who rest, and has claim_fresh answer the others: so nobody is sent the
-- long way by a neighbour who rests.
--
-- Caller	claim_fresh, when a bundle is not its common case. Parameters: as there.
-- Answer	as claim_fresh, and for who rests a row 'rest': job is how many seconds more, attempt how many
--		ends in a row brought it about. No row: nobody rests, and nothing was done.
-- Errors	none for one item.
-- Locks	the caller has locked the workers' rows.
-- Index	worker by token.
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
begin
	select array_agg(g.n) filter (where q.id is not null), array_agg(g.n) filter (where q.id is null)
	into v_rest, v_awake
	from generate_series(1, cardinality(tokens)) as g(n)
	left join lateral (
		select w.id from tracker.worker w
		where w.token = tokens[g.n] and w.rest_until > v_now and w.gone_at is null
			and w.held_lease is null	-- else it may be told its job again
		limit 1) q on true;
	if v_rest is null then
		return;
	end if;
	return query
		update tracker.worker w set seen = greatest(w.seen, v_now)
		from unnest(v_rest) as u(n)
		where w.token = tokens[u.n]
		returning u.n, 'rest', w.id, w.stage, tracker.left_to_rest(w.rest_until, v_now)::int8, null::uuid,
			w.bad_row + w.soft_row, null::text;
	if v_awake is null then
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
