-- Ends the rest of a machine of somebody's own: "I have mended it".
--
-- Caller	web/api_own.c. worker: worker.id, as it stands in the page's form.
-- Answer	out: the session is none; unknown: no machine of theirs that is here; done.
-- Errors	none.
-- Locks	see end_rest.
-- Index	worker by id; see find_session.
create or replace function tracker.own_end_rest(session uuid, worker int8)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_person constant int8 := tracker.enter_session(own_end_rest.session);
begin
	if v_person is null then
		return 'out';
	end if;
	perform e.seconds
	from tracker.worker w cross join lateral tracker.end_rest(w.stage, w.name) e
	where w.id = own_end_rest.worker and w.person = v_person and w.gone_at is null;
	return case when found then 'done' else 'unknown' end;
end $$;
