-- Opens an undo: writes down who refuses which results, and why. undo_step then sets them aside.
--
-- Caller	distcompute-admin undo. Conditions: see find_results. keep: their makers keep the credit.
-- Answer	the undo's number, which is its line's in audit; null when there is no such result.
-- Errors	find_results's. TR003: see check_line.
-- Locks	none but its own rows.
-- Index	find_results's; ready is read once; batch by first.
drop function if exists tracker.undo_begin(text, text, int2, timestamptz, timestamptz, cidr, text, text, boolean);
create or replace function tracker.undo_begin(of_person text, of_worker text, of_stage int2,
	since timestamptz, until timestamptz, of_address cidr, of_label text, reason text,
	keep boolean, of_batch text default null)
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_nestloop = off	-- one pass over ready, however few rows statistics know in it
set jit = off
as $$
#variable_conflict use_column
declare
	v_undo int8;
	v_count int8;
	v_mark int8;
begin
	perform tracker.check_line('a reason', undo_begin.reason);
	v_undo := tracker.audit_act('undo', reason, 0, jsonb_strip_nulls(jsonb_build_object(
		'person', of_person, 'worker', of_worker, 'stage', of_stage,
		'since', since, 'until', until, 'address', of_address, 'label', of_label, 'batch', of_batch,
		'reason', coalesce(reason, ''), 'keep_credit', coalesce(keep, false),
		'jobs', 0)), 'begun');
	v_mark := coalesce(pg_sequence_last_value(pg_get_serial_sequence('tracker.ready', 'position')), 0);
	insert into tracker.undo_item (undo, stage, batch, job, lease, line, place)
	select v_undo, f.stage, tracker.batch_of(f.job), f.job, f.lease, q.stage, q.position
	from (
		select distinct on (r.job) r.stage, r.job, r.lease
		from tracker.find_results(of_person, of_worker, of_stage, since, until,
			of_address, of_label, of_batch) r
		order by r.job, r.stage) f
	left join tracker.ready q on q.job = f.job and q.stage > f.stage;
	get diagnostics v_count = row_count;
	if v_count = 0 then
		delete from tracker.audit a where a.id = v_undo;
		return null;
	end if;
	update tracker.audit a set details = a.details || jsonb_build_object('left', v_count, 'mark', v_mark)
	where a.id = v_undo;
	return v_undo;
end $$;
