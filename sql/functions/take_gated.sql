-- Takes jobs of a batch that nobody has had yet, as take_fresh, and not more than the rates of the stage
-- and of the batch let pass.
--
-- Caller	deal_stage, seat_returned, of a line in which something has needs or a rate.
-- Answer	as take_fresh.
-- Errors	none.
-- Locks	gate: the stage's row and the batch's, until commit; then as take_fresh.
-- Index	gate by key; see take_fresh.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.take_gated(p_stage int2, p_batch int4, p_want int4, p_hint int8,
	out jobs int8[], out hint int8)
language plpgsql
as $$
#variable_conflict use_column
declare
	v_room int4;
	v_now timestamptz;
	a record;
begin
	jobs := '{}';
	if coalesce(p_want, 0) <= 0 then
		return;
	end if;
	with g as materialized (
		select q.rate, q.free_at from tracker.gate q
		where q.stage = p_stage and q.batch in (0, p_batch)
		order by q.batch
		for update)
	select min(tracker.gate_room(g.rate, g.free_at, clock_timestamp())) into v_room from g;
	a := tracker.take_fresh(p_stage, p_batch, least(p_want, coalesce(v_room, p_want)), p_hint);
	jobs := a.jobs;
	hint := a.hint;
	if v_room is not null and jobs <> '{}' then
		v_now := clock_timestamp();
		update tracker.gate g set free_at = v_now + interval '1 second'
			* (tracker.gate_behind(g.rate, g.free_at, v_now) + cardinality(jobs) * 60.0 / g.rate)
		where g.stage = p_stage and g.batch in (0, p_batch);
	end if;
end $$;
