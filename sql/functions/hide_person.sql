-- Takes a person off all boards and out of the search there, or shows them again. What they did counts
-- as before, and their own page stays.
--
-- Caller	distcompute-admin person hide, show.
-- Answer	false when they are hidden, or shown, already.
-- Errors	TR002: there is no such person.
-- Locks	fold_credit's; the person; board.
-- Index	person by nickname and id.
create or replace function tracker.hide_person(of_person text, hide boolean)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_person int8 := tracker.find_person(of_person);
begin
	perform pg_advisory_xact_lock(hashtext('tracker.fold_credit'));
	perform from tracker.person p where p.id = v_person and not p.erased;
	if not found then
		raise exception 'there is no person ''%''', of_person using errcode = 'TR002';
	end if;
	update tracker.person p set hidden = hide where p.id = v_person and p.hidden <> hide;
	if not found then
		return false;
	end if;
	perform tracker.settle_board(array[v_person]);
	perform tracker.audit_act(case when hide then 'hide person' else 'show person' end, of_person, 1, null);
	return true;
end $$;
