-- Takes in what a worker made of a trial.
--
-- Caller	judge_result, judge_return: of a lease that is none of the pipeline's. p_kind: completed, failed,
--		flagged, released, undelivered (see return_jobs); p_said: the result, or the reason.
-- Answer	accepted, or repeat; null: it is no trial of this worker.
-- Errors	none.
-- Locks	the caller holds the worker's row; trial.
-- Index	trial by lease; worker by id.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.end_trial(p_v1 boolean, p_worker int8, p_lease uuid, p_kind text,
	p_said text, p_hash uuid)
returns text
language plpgsql
as $$
declare
	v_trial tracker.trial;
	v_same boolean;
begin
	if p_lease is null then
		return null;
	end if;
	select t.* into v_trial from tracker.trial t where t.lease = p_lease and t.worker = p_worker for update;
	if not found then
		return null;
	end if;
	if p_kind = 'undelivered' then
		update tracker.trial t set state = 'waiting', given = null
		where t.id = v_trial.id and t.state = 'given' and t.call::text = p_said;
		if found then
			update tracker.worker w set trial = v_trial.id,
				held_job = case when w.held_lease = p_lease then null else w.held_job end,
				held_lease = case when w.held_lease = p_lease then null else w.held_lease end
			where w.id = p_worker;
		end if;
		return 'accepted';
	end if;
	if v_trial.state in ('waiting', 'given') then
		v_same := p_kind = 'completed' and v_trial.known = coalesce(p_said, '');
		update tracker.trial t set ended = clock_timestamp(),
			state = case when p_kind <> 'completed' then p_kind when v_same then 'same' else 'other' end,
			said = case when not v_same then p_said end
		where t.id = v_trial.id;
	end if;
	update tracker.worker w set
		trial = case when w.trial = v_trial.id then null else w.trial end,
		held_job = case when w.held_lease = p_lease then null else w.held_job end,
		held_lease = case when w.held_lease = p_lease then null else w.held_lease end,
		last_kind = case when p_v1 then p_kind else w.last_kind end,
		last_at = case when p_v1 then clock_timestamp() else w.last_at end,
		last_job = case when p_v1 then v_trial.job else w.last_job end,
		last_hash = case when p_v1 then p_hash else w.last_hash end
	where w.id = p_worker;
	return case when v_trial.state in ('waiting', 'given') then 'accepted' else 'repeat' end;
end $$;
