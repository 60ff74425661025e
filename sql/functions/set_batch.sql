-- Changes what an operator says of a batch: its priority, its note, what it needs, its rate; all that is said, or nothing.
--
-- Caller	distcompute-admin batch set. priority: -100 to 100, higher
--		goes first; note: one line for people; needs: see set_batch_needs; rate: see set_batch_rate; null: as it is.
-- Answer	what it was before; no row: there is no such batch.
-- Errors	TR003: a number or a text that cannot be; it is cancelled. lock_not_available: see await_barrier.
-- Locks	all of the barrier, for a moment, when more than the note changes; those of set_batch_needs and set_batch_rate;
--		batch; stage, for its line.
-- Index	batch, gate and stage by key.
create or replace function tracker.set_batch(of_batch int4, priority int4, note text,
	patience_s int4 default 60, needs text default null, rate int4 default null)
returns table (old_priority int4, old_note text, old_needs text, old_rate int4)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_ok boolean;
	v_name text;
	v_new jsonb := '{}';	-- what is another now
	v_cancelled boolean;
begin
	perform tracker.check_batch_says(set_batch.priority, set_batch.note);
	if set_batch.priority is not null or set_batch.needs is not null or set_batch.rate is not null then
		v_ok := tracker.await_barrier(patience_s);
	end if;
	select b.name, b.priority, b.note, tracker.mask_words(b.needs), coalesce((
		select g.rate from tracker.gate g where g.stage = 1 and g.batch = of_batch), 0), b.cancelled
	into v_name, old_priority, old_note, old_needs, old_rate, v_cancelled from tracker.batch b
	where b.batch = of_batch;
	if not found then
		return;
	end if;
	if v_cancelled and num_nonnulls(set_batch.priority, set_batch.needs, set_batch.rate) > 0 then
		raise exception 'it is cancelled: there is nothing to set but its note'
			using errcode = 'TR003';
	end if;
	if set_batch.needs is not null and tracker.set_batch_needs(of_batch, set_batch.needs, patience_s, false) then
		v_new := jsonb_build_object('needs', (
			select tracker.mask_words(b.needs) from tracker.batch b where b.batch = of_batch));
	end if;
	if set_batch.rate is not null and tracker.set_batch_rate(of_batch, set_batch.rate, patience_s, false) then
		v_new := v_new || jsonb_build_object('rate', set_batch.rate);
	end if;
	if set_batch.priority <> old_priority then
		v_new := v_new || jsonb_build_object('priority', set_batch.priority);
	end if;
	if set_batch.note <> old_note then
		v_new := v_new || jsonb_build_object('note', set_batch.note);
	end if;
	update tracker.batch b set priority = coalesce(set_batch.priority, b.priority),
		note = coalesce(set_batch.note, b.note)
	where b.batch = of_batch and (b.priority <> set_batch.priority or b.note <> set_batch.note);
	if set_batch.priority <> old_priority then
		update tracker.stage s set line = tracker.sort_line(s.line) where of_batch = any (s.line);
	end if;
	if v_new <> '{}' then
		perform tracker.audit_act('set', format('batch "%s"', v_name), null, v_new);
	end if;
	return next;
end $$;
