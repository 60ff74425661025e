-- Takes jobs of a batch that nobody has had yet: from its range of stage A, or from what is ready in a
-- later stage.
--
-- The scan of what is ready starts behind the last position taken, since rows that were deleted there
-- may still be dead weight. A row may appear behind that position when its transaction took the
-- number earlier and committed later, so a scan that comes back short starts again from the
-- beginning; how often is bounded by what it costs (at most 2 % of the time, at least once a
-- second).
--
-- Caller	claim_fresh, deal_stage, take_behind, seat_returned. p_hint: the last position taken of this batch, 0: not
--		known.
-- Answer	the jobs in order, and the last position taken (null: keep the old one).
-- Errors	none.
-- Locks	ready: rows, SKIP LOCKED. Stage A: the batch's row of frontier, until commit.
-- Index	ready's and frontier's primary keys.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.take_fresh(p_stage int2, p_batch int4, p_want int4, p_hint int8,
	out jobs int8[], out hint int8)
language plpgsql
as $$
#variable_conflict use_column
declare
	v_more int8[];
	v_position int8;
	v_began timestamptz;
	v_after text;
begin
	jobs := '{}';
	if p_want <= 0 then
		return;
	end if;
	if p_stage = 1 then
		loop
			update tracker.frontier f
			set next = least(f.next + p_want - cardinality(jobs), f.last + 1), previous = f.next,
				epoch = greatest(f.epoch, tracker.now_epoch())
			where f.batch = p_batch and f.next <= f.last and f.epoch >= (
				select max(m.epoch) from tracker.frontier m where m.batch = p_batch)
			returning array(select generate_series(f.previous, f.next - 1)) into v_more;
			jobs := jobs || v_more;
			exit when cardinality(jobs) = p_want or not tracker.begin_stretch(p_batch);
		end loop;
		return;
	end if;

	with t as materialized (
		select q.ctid as tid from tracker.ready q
		where q.stage = p_stage and q.batch = p_batch and q.position > p_hint
		order by q.position limit p_want
		for update skip locked),
	d as (
		delete from tracker.ready r where r.ctid = any (array(select t.tid from t))
		returning r.job, r.position)
	select coalesce(array_agg(d.job order by d.position), '{}'), max(d.position)
	into jobs, hint from d;

	if cardinality(jobs) = p_want or p_hint <= 0 then
		return;
	end if;
	v_began := clock_timestamp();
	v_after := current_setting('tracker.rescan_' || p_stage, true);
	if v_after <> '' and v_began < v_after::timestamptz
		and v_after::timestamptz < v_began + interval '2 seconds' then
		return;
	end if;
	with t as materialized (
		select q.ctid as tid from tracker.ready q
		where q.stage = p_stage and q.batch = p_batch and q.position <= p_hint
		order by q.position limit p_want - cardinality(jobs)
		for update skip locked),
	d as (
		delete from tracker.ready r where r.ctid = any (array(select t.tid from t))
		returning r.job, r.position)
	select coalesce(array_agg(d.job order by d.position), '{}'), max(d.position)
	into v_more, v_position from d;
	jobs := v_more || jobs;
	hint := coalesce(hint, v_position);
	perform set_config('tracker.rescan_' || p_stage,
		(clock_timestamp() + least(interval '1 second',
		(clock_timestamp() - v_began) * 50))::text, false);
end $$;
