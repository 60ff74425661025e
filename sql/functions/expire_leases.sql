-- Puts jobs back whose lease is older than its stage allows, even if their worker talks. Time in which
-- nobody could be heard is not counted (silent_since).
--
-- Caller	run/keeper.c, when a job time-out is set. timeouts_s[stage], 0 is off.
-- Answer	one row a job, with the token hash of its worker.
-- Errors	none.
-- Locks	worker (by token), then looks again; lease; see give_back.
-- Index	lease by key (every lease of a stage with a time-out is looked at: as many as jobs
--		in hand).
create or replace function tracker.expire_leases(timeouts_s int4[])
returns table (stage int2, job int8, worker uuid)
language plpgsql
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.pass_barrier();
	v_oldest timestamptz[];	-- by stage: leases since before this are over
	v_workers int8[];
	v_tokens uuid[];
	e_lease tracker.lease[];
	b record;
begin
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
		returning l as lease)
	select array_agg(g.lease order by (g.lease).stage, (g.lease).job) into e_lease from g;
	if e_lease is null then
		return;
	end if;
	b := tracker.give_back(e_lease,
		array_fill('timed_out'::text, array[cardinality(e_lease)]),
		array_fill('job time-out'::text, array[cardinality(e_lease)]));
	v_ok := tracker.add_tally(b.t_stages, b.t_batches, null, b.t_retry, null, null, b.t_failed);
	return query
		select u.stage, u.job, v_tokens[array_position(v_workers, u.worker)]
		from unnest(e_lease) as u;
end $$;
