-- Gives a worker a trial: a job that is done is handed to it once more, before anything else, when it asks next.
--
-- Caller	distcompute-admin trial.
-- Answer	the trial's number.
-- Errors	TR002: no such worker is here, the job has no result in that stage, or one is under way already.
-- Locks	the worker.
-- Index	worker by (stage, name); output by key; trial_worker.
create or replace function tracker.ask_trial(of_stage int2, name text, of_job int8)
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_worker int8;
	v_known text;
	v_trial int8;
begin
	select w.id into v_worker from tracker.worker w
	where w.stage = of_stage and w.name = ask_trial.name and w.gone_at is null
	for no key update;
	if not found then
		raise exception 'no worker ''%'' is present in stage %', name, chr(64 + of_stage)
			using errcode = 'TR002';
	end if;
	select o.data into v_known from tracker.output o where o.stage = of_stage and o.job = of_job;
	if not found then
		raise exception 'stage % has no result of job %, so what is right is not known',
			chr(64 + of_stage), of_job using errcode = 'TR002';
	end if;
	select t.id into v_trial from tracker.trial t
	where t.worker = v_worker and t.state in ('waiting', 'given');
	if found then
		raise exception 'trial % of that worker is not over', v_trial using errcode = 'TR002';
	end if;
	insert into tracker.trial (worker, stage, job, known) values (v_worker, of_stage, of_job, v_known)
	returning id into v_trial;
	update tracker.worker w set trial = v_trial where w.id = v_worker;
	perform tracker.audit_act('trial', format('%s of stage %s', name, tracker.letter_of(of_stage)), 1,
		jsonb_build_object('trial', v_trial, 'job', of_job));
	return v_trial;
end $$;
