-- Writes down a step of the taking back of an undo: in the undo's line, which says so while they are a part of its
-- results, and in one of who takes it back.
--
-- That line is begun by the first step of theirs in which something came back, and named by the undo's (back).
--
-- Caller	undo_take_back. p_undone: the undo's line, held; what came back in this step; p_over: nothing is left.
-- Answer	none.
-- Errors	none.
-- Locks	both lines.
-- Index	audit by key.
create or replace function tracker.audit_back(p_undone tracker.audit, p_jobs int8, p_results int8, p_over boolean)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
	v_line int8 := p_undone.details ->> 'back';
	v_now timestamptz := clock_timestamp();
begin
	-- That of somebody else, who was broken off, is over now.
	update tracker.audit a set state = 'done', changed = v_now
	where a.id = v_line and a.state = 'begun' and (p_over or p_results > 0 and a.who <> tracker.acting());
	if p_results = 0 then
		return;
	end if;
	if not exists (select from tracker.audit a where a.id = v_line and a.state = 'begun') then
		v_line := tracker.audit_act('take back', 'undo ' || p_undone.id, 0,
			jsonb_build_object('undo', p_undone.id, 'jobs', 0), 'begun');
	end if;
	update tracker.audit a set count = a.count + p_results, changed = v_now,
		details = a.details || jsonb_build_object('jobs', (a.details ->> 'jobs')::int8 + p_jobs)
	where a.id = v_line;
	update tracker.audit a set changed = v_now,
		state = case when coalesce((a.details ->> 'taken_back')::int8, 0) + p_results < a.count then 'part back'
			else 'taken back' end,
		details = a.details || jsonb_build_object('back', v_line,
			'taken_back', coalesce((a.details ->> 'taken_back')::int8, 0) + p_results)
	where a.id = p_undone.id;
end $$;
