-- Ends workers, for one of the reasons bye, idle, dropped and banned, and puts their jobs back: as
-- timed_out after idle, else as freed.
--
-- Caller	close_workers, reap_workers, drop_worker, ban_strangers, say_words.
-- Answer	one row a worker that was present (and still silent, when silent_since is given).
-- Errors	none.
-- Locks	worker (by token), then looks again; lease (own); see give_back.
-- Index	worker by token and id; lease by worker.
create or replace function tracker.end_workers(tokens uuid[], why text, silent_since timestamptz)
returns table (token uuid, worker int8, stage int2, freed int4)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.pass_barrier();
	w_token uuid[]; w_worker int8[]; w_stage int2[];
	e_lease tracker.lease[];
	b record;
begin
	select array_agg(x.token), array_agg(x.id), array_agg(x.stage)
	into w_token, w_worker, w_stage
	from (select distinct t.token from unnest(tokens) as t(token)
		where t.token is not null order by t.token) u
	cross join lateral (
		select q.token, q.id, q.stage, q.seen, q.gone_at from tracker.worker q
		where q.token = u.token offset 0
		for no key update) x
	where x.gone_at is null and (silent_since is null or x.seen < silent_since);
	if w_worker is null then
		return;
	end if;

	update tracker.worker w set gone_at = clock_timestamp(), gone_why = why,
		asked_kind = 'none',
		seen = case when why = 'bye' then greatest(w.seen, clock_timestamp())
			else w.seen end
	where w.id = any (w_worker);

	with m as materialized (
		select x.* from unnest(w_worker) as u(worker)
		cross join lateral (
			select q.ctid as tid, q.stage, q.job, q as lease from tracker.lease q
			where q.worker = u.worker offset 0) x),
	g as (
		delete from tracker.lease l where l.ctid = any (array(select m.tid from m)))
	select array_agg(m.lease order by m.stage, m.job) into e_lease from m;

	if e_lease is not null then
		b := tracker.give_back(e_lease,
			array_fill(case when why = 'idle' then 'timed_out' else 'freed' end,
				array[cardinality(e_lease)]),
			array_fill(why, array[cardinality(e_lease)]));
		v_ok := tracker.add_tally(b.t_stages, b.t_batches, null, b.t_retry, null, null, b.t_failed);
	end if;
	return query
		select u.token, u.worker, u.stage,
			(select count(*)::int4 from unnest(e_lease) as e where e.worker = u.worker)
		from unnest(w_token, w_worker, w_stage) as u(token, worker, stage);
end $$;
