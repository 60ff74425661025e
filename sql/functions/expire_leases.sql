-- Puts jobs back whose lease is older than its stage allows, even if their worker talks. Time in which
-- nobody could be heard is not counted (silent_since).
--
-- Caller	run/keeper.c, when a job time-out is set. timeouts_s[stage], 0 is off.
-- Answer	one row a job, with the token hash of its worker.
-- Errors	none.
-- Locks	worker (by token), then looks again; lease; see give_back.
-- Index	lease by key (every lease of a stage with a time-out is looked at: as many as jobs
--		in hand).
create or replace function tracker.expire_leases(timeouts_s int4[], max_attempts int4,
	backoff_s int4, backoff_max_s int4)
returns table (stage int2, job int8, worker uuid)
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	v_oldest timestamptz[];	-- by stage: leases since before this are over
	v_workers int8[];
	v_tokens uuid[];
	e_stage int2[]; e_job int8[]; e_lease uuid[]; e_worker int8[]; e_attempt int4[];
	e_flagged boolean[]; e_since timestamptz[];
	b record; v_ok boolean;
begin
	-- append_stage and reset_jobs wait for whoever is past this line, and are waited for.
	v_ok := pg_advisory_xact_lock_shared(x'64637374'::int)::text is not null;
	select array_agg(case when u.timeout_s > 0 then tracker.silent_since(u.timeout_s) end
		order by u.stage)
	into v_oldest from unnest(timeouts_s) with ordinality as u(timeout_s, stage);
	select array_agg(x.id), array_agg(x.token)
	into v_workers, v_tokens
	from (
		select w.id, w.token from tracker.worker w
		where w.id in (
			select l.worker from tracker.lease l
			where l.since < v_oldest[l.stage])
		order by w.token
		for no key update) x;
	if v_workers is null then
		return;
	end if;

	with g as (
		delete from tracker.lease l
		where l.worker = any (v_workers) and l.since < v_oldest[l.stage]
		returning l.*)
	select array_agg(g.stage), array_agg(g.job), array_agg(g.id), array_agg(g.worker),
		array_agg(g.attempt), array_agg(g.flagged), array_agg(g.since)
	into e_stage, e_job, e_lease, e_worker, e_attempt, e_flagged, e_since
	from (select * from g order by g.stage, g.job) g;
	if e_job is null then
		return;
	end if;
	b := tracker.give_back(e_stage, e_job, e_lease, e_worker, e_attempt, e_flagged, e_since,
		array_fill('timed_out'::text, array[cardinality(e_job)]),
		array_fill('job time-out'::text, array[cardinality(e_job)]),
		max_attempts, backoff_s, backoff_max_s);
	v_ok := tracker.add_tally(b.t_stages, null, b.t_retry, null, null, b.t_failed);
	return query
		select u.stage, u.job, v_tokens[array_position(v_workers, u.worker)]
		from unnest(e_stage, e_job, e_worker) as u(stage, job, worker);
end $$;
