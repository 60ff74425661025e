-- Takes an undo in hand for a step: its line in audit is locked until commit.
--
-- Caller	undo_step, undo_take_back. begun: must it be under way, or must that be over?
-- Answer	the line.
-- Errors	TR002: there is none, or it is not so far; a reset has deleted its jobs since.
-- Locks	the barrier: append_stage and reset_jobs wait for whoever is past it, and are waited for. Then the line, which a
--		reset writes to with the barrier in its hand.
-- Index	audit by key.
create or replace function tracker.hold_undo(undo int8, begun boolean)
returns tracker.audit
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	v_line tracker.audit;
begin
	perform tracker.pass_barrier();
	select a.* into v_line from tracker.audit a where a.id = undo and a.act = 'undo' for update;
	if not found then
		raise exception 'there is no undo %', undo using errcode = 'TR002';
	elsif exists (select from tracker.audit r where r.id > undo and r.act = 'reset') then
		raise exception 'undo % was of jobs that a reset has deleted since', undo using errcode = 'TR002';
	elsif (v_line.state = 'begun') <> begun then
		raise exception using errcode = 'TR002', message = case when begun then format('undo %s is done already', undo)
			else format('undo %s is not done yet: first undo --resume %1$s', undo) end;
	end if;
	return v_line;
end $$;
