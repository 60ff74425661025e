-- Takes an undo in hand for a step: its line in audit is locked until commit.
--
-- Caller	undo_step, undo_take_back. begun: must it be under way, or must that be over?
-- Answer	the line.
-- Errors	TR002: there is none, or it is not so far.
-- Locks	the line; the barrier: append_stage and reset_jobs wait for whoever is past it, and are waited for.
-- Index	audit by key.
create or replace function tracker.hold_undo(undo int8, begun boolean)
returns tracker.audit
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	v_line tracker.audit;
begin
	select a.* into v_line from tracker.audit a where a.id = undo and a.act = 'undo' for update;
	if not found then
		raise exception 'there is no undo %', undo using errcode = 'TR002';
	elsif (v_line.state = 'begun') <> begun then
		raise exception 'undo % is not %', undo, case when begun then 'under way' else 'done' end
			using errcode = 'TR002';
	end if;
	perform tracker.pass_barrier();
	return v_line;
end $$;
