-- Takes a trial back that is not over. What the worker brings of it is then nobody's.
--
-- Caller	distcompute-admin trial --back.
-- Answer	nothing.
-- Errors	TR002: there is no such trial, or it is over.
-- Locks	the worker, the trial.
-- Index	trial by key; worker by id.
create or replace function tracker.drop_trial(trial int8)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_trial constant int8 := drop_trial.trial;
	v_target text;
begin
	perform from tracker.worker w
	where w.id = (select t.worker from tracker.trial t where t.id = v_trial)
	for no key update;
	update tracker.trial t set state = 'dropped', ended = clock_timestamp()
	where t.id = v_trial and t.state in ('waiting', 'given');
	if not found then
		raise exception 'trial % is not under way', v_trial using errcode = 'TR002';
	end if;
	update tracker.worker w set trial = null where w.trial = v_trial
		and w.id = (select t.worker from tracker.trial t where t.id = v_trial);
	select format('%s of stage %s', coalesce(w.name, '?'), tracker.letter_of(t.stage)) into v_target
	from tracker.trial t left join tracker.worker w on w.id = t.worker
	where t.id = v_trial;
	perform tracker.audit_act('drop trial', v_target, 1, jsonb_build_object('trial', v_trial));
end $$;
