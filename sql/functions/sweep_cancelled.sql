-- Takes away what waits of cancelled batches and no act can want again, a bite at a time: counts know already that
-- it is cancelled, but the rows cost room, and claims look whether something in retry is due.
--
-- That is what came back in stage A. What was in hand within the last day stays: its worker may still bring the
-- result, which counts. So does what an undo put back, for the undo may be taken back, and all of later stages: a
-- send-back or an undo looks for it there.
--
-- Caller	run/keeper.c, every few seconds. most: rows, so that a bite takes some 50 ms.
-- Answer	how many rows went.
-- Errors	none.
-- Locks	the barrier's share; retry: rows, SKIP LOCKED; batch.
-- Index	batch_unswept; retry by (stage, batch, due).
create or replace function tracker.sweep_cancelled(most int4)
returns int4
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	c_late constant interval := '1 day';
	v_ok boolean := tracker.pass_barrier();
	v_left int4 := most;
	v_gone int4;
	b record;
begin
	for b in
		select q.batch, q.ended from tracker.batch q where q.cancelled and not q.swept order by q.batch
	loop
		with t as materialized (
			select q.ctid as tid from tracker.retry q
			where q.stage = 1 and q.batch = b.batch and q.lease is not null
				and q.since < clock_timestamp() - c_late
			order by q.due limit v_left for update skip locked)
		delete from tracker.retry q where q.ctid = any (array(select t.tid from t));
		get diagnostics v_gone = row_count;
		v_left := v_left - v_gone;
		exit when v_left <= 0;
		update tracker.batch q set swept = true
		where q.batch = b.batch and q.ended < clock_timestamp() - c_late;
	end loop;
	return most - v_left;
end $$;
