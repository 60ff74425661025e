-- Changes what an operator says of a batch: its priority, its note.
--
-- Caller	distcompute-admin batch set. priority: -100 to 100, higher
--		goes first; note: one line for people; null: as it is.
-- Answer	what it was before: priority and note; no row: there is no such batch.
-- Errors	TR003: a number or a text that cannot be. lock_not_available: see await_barrier.
-- Locks	all of the barrier, for a moment, when the priority changes; batch; stage, for its line.
-- Index	batch and stage by key.
create or replace function tracker.set_batch(of_batch int4, priority int4, note text,
	patience_s int4 default 60)
returns table (old_priority int4, old_note text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_ok boolean;
	v_name text;
begin
	perform tracker.check_batch_says(set_batch.priority, set_batch.note);
	if set_batch.priority is not null then
		v_ok := tracker.await_barrier(patience_s);
	end if;
	select b.name, b.priority, b.note into v_name, old_priority, old_note from tracker.batch b
	where b.batch = of_batch for update;
	if not found then
		return;
	end if;
	update tracker.batch b set priority = coalesce(set_batch.priority, b.priority),
		note = coalesce(set_batch.note, b.note)
	where b.batch = of_batch;
	if set_batch.priority <> old_priority then
		update tracker.stage s set line = tracker.sort_line(s.line) where of_batch = any (s.line);
	end if;
	perform tracker.audit_act('set', format('batch "%s"', v_name), null, jsonb_strip_nulls(
		jsonb_build_object('priority', set_batch.priority, 'note', set_batch.note)));
	return next;
end $$;
