-- Ends the rest of a machine of somebody's own: "I have mended it".
--
-- Caller	web/api_own.c. worker: worker.id, as it stands in the page's form.
-- Answer	status, out: the session is none; unknown: no machine of theirs that is here; done. token: the machine's, by its
--		hash, when done: the caller tells all processes that the worker changed, for a call of it may wait.
-- Errors	none.
-- Locks	see end_rest_of.
-- Index	worker by id; see find_session.
drop function if exists tracker.own_end_rest(uuid, int8);
create or replace function tracker.own_end_rest(session uuid, worker int8, out status text, out token uuid)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_person constant int8 := tracker.enter_session(own_end_rest.session);
begin
	if v_person is null then
		status := 'out';
		return;
	end if;
	select e.token into own_end_rest.token
	from tracker.worker w cross join lateral tracker.end_rest_of(w.id) e
	where w.id = own_end_rest.worker and w.person in (select tracker.ids_of(v_person)) and w.gone_at is null;
	status := case when found then 'done' else 'unknown' end;
end $$;
