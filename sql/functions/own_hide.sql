-- Takes somebody's own machines off all pages but their own, or shows them again.
--
-- Caller	web/api_own.c.
-- Answer	out: the session is none; done, also when it was so already.
-- Errors	none.
-- Locks	the person.
-- Index	see find_session.
create or replace function tracker.own_hide(session uuid, hide boolean)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_person constant int8 := tracker.enter_session(own_hide.session);
begin
	if v_person is null then
		return 'out';
	end if;
	update tracker.person p set machines_hidden = own_hide.hide
	where p.id = v_person and p.machines_hidden <> own_hide.hide;
	if found then
		perform tracker.audit_act(case when own_hide.hide then 'hide machines' else 'show machines' end,
			'person ' || tracker.called(v_person), 1, null);
	end if;
	return 'done';
end $$;
