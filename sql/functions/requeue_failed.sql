-- Puts dead letters back: they are due at once, with all their attempts again, and flags from
-- before no longer count. All conditions that are given must hold.
--
-- Caller	distcompute-admin requeue. jobs null: all of the stage; of_reason: a part of what failed
--		says, whatever its case; of_label: what the worker that had the job last says that it runs.
-- Answer	how many.
-- Errors	none; jobs that are not failed are passed by.
-- Locks	failed (by key); retry, strike: inserts; tally.
-- Index	failed by key; worker by id.
create or replace function tracker.requeue_failed(stage int2, jobs int8[], of_reason text default null,
	of_label text default null)
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.pass_barrier();
	v_now timestamptz := clock_timestamp();
	v_count int8;
begin
	with l as materialized (
		select f.ctid as tid from tracker.failed f
		where f.stage = requeue_failed.stage
			and (requeue_failed.jobs is null or f.job = any (requeue_failed.jobs))
			and (of_reason is null or strpos(lower(f.reason), lower(of_reason)) > 0)
			and (of_label is null or exists (
				select from tracker.worker w
				where w.id = f.worker and lower(w.label) = lower(of_label)))
		order by f.job for update),
	d as (
		delete from tracker.failed f where f.ctid = any (array(select l.tid from l))
		returning f.stage, f.job),
	s as (
		insert into tracker.strike (stage, job, kind, reason, at)
		select d.stage, d.job, 'requeued', 'put back by the operator', v_now from d
			order by d.job),
	r as (
		insert into tracker.retry (stage, job, due, attempt)
		select d.stage, d.job, v_now, 1 from d order by d.job
		returning 1)
	select count(*) into v_count from r;
	perform tracker.add_tally(array[requeue_failed.stage], null, array[v_count], null, null,
		array[-v_count]);
	if v_count > 0 then
		perform tracker.audit_act('requeue', 'stage ' || chr(96 + requeue_failed.stage), v_count,
			jsonb_strip_nulls(jsonb_build_object('jobs',
				coalesce(cardinality(requeue_failed.jobs)::text, 'all'),
				'reason', of_reason, 'label', of_label)));
	end if;
	return v_count;
end $$;
