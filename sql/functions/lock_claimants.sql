-- Locks the workers that ask for jobs, in order of token.
--
-- Caller	claim_held, claim_fleet. p_slots: how many jobs each says it can work on at a time, null or 0:
--		it says nothing; p_most: what nobody may hold more of.
-- Answer	aligned arrays, an element a worker that is present, in order of token; null when there is
--		none. items: its place among tokens; again: v1's next newJob may be the same question;
--		room: how many jobs more it may hold; below 0: it rests for so many seconds. is_tried: does one of
--		them have a trial to come?
--		dealt: the stages of these that are not paused, in the order in which they are dealt: A
--		last, for its frontier stays locked until commit.
-- Errors	cardinality_violation: a worker came twice, which the committer sees to.
-- Locks	worker (by token).
-- Index	worker by token; stage is read from end to end.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
drop function if exists tracker.lock_claimants(uuid[], int8[], int8[]);
create or replace function tracker.lock_claimants(p_tokens uuid[], p_ages_us int8[], p_calls int8[],
	p_slots int4[], p_most int4,
	out items int4[], out workers int8[], out stages int2[], out arrived timestamptz[],
	out calls int8[], out held_jobs int8[], out held_leases uuid[], out again boolean[],
	out room int4[], out is_tried boolean, out dealt int2[])
language plpgsql
as $$
#variable_conflict use_column
declare
	v_now timestamptz := clock_timestamp();
	v_twice boolean;
begin
	select array_agg(x.item), array_agg(x.id), array_agg(x.stage), array_agg(x.came),
		array_agg(coalesce(p_calls[x.item], 0)), array_agg(x.held_job), array_agg(x.held_lease),
		array_agg(x.asked_kind = 'new_job' and x.repeats < 3
			and x.asked_at >= x.came - interval '60 seconds'),
		array_agg(case when x.rest_until > v_now then -tracker.left_to_rest(x.rest_until, v_now)
			else greatest(least(tracker.allow(x.allowance, x.slots, x.done, p_slots[x.item]), p_most)
				- x.holds, 0) end),
		bool_or(x.trial is not null), bool_or(x.twice)
	into items, workers, stages, arrived, calls, held_jobs, held_leases, again, room, is_tried, v_twice
	from (
		select u.item, w.*, lag(w.id) over () = w.id as twice,
			v_now - make_interval(secs =>
				least(greatest(coalesce(p_ages_us[u.item], 0), 0), 1e12) / 1e6) as came
		from (
			select n.n::int4 as item, n.token from unnest(p_tokens) with ordinality as n(token, n)
			where n.token is not null
			order by n.token) u
		cross join lateral (
			select q.id, q.stage, q.held_job, q.held_lease, q.asked_kind, q.asked_at,
				q.repeats, q.gone_at, q.holds, q.allowance, q.slots,
				q.rest_until, q.trial, q.done
			from tracker.worker q
			where q.token = u.token offset 0
			for no key update) w
		where w.gone_at is null) x;
	dealt := array(
		select s.stage from tracker.stage s
		where not s.paused and s.stage = any (stages)
		order by s.stage desc);
	if v_twice then
		raise exception 'a worker asks twice in one bundle' using errcode = 'cardinality_violation';
	end if;
end $$;
