-- Puts dead letters back: they are due at once, with all their attempts again, and flags from
-- before no longer count. All conditions that are given must hold.
--
-- Caller	distcompute-admin requeue; requeue_failed. jobs null: all of the stage; of_reason: a part of what failed
--		says, whatever its case; of_label: what the worker that had the job last says that it runs; of_person:
--		whose worker that was, by any of their names. What is of a cancelled batch is cancelled then.
-- Answer	back: how many; off: of these, those of cancelled batches, which nobody does anew.
-- Errors	TR002: there is no such person. Jobs that are not failed are passed by.
-- Locks	failed (by key); retry, strike: inserts; stage, for its line; tally; batch, when it was over.
-- Index	failed by key; worker by id; batch by first.
create or replace function tracker.requeue_jobs(stage int2, jobs int8[], of_reason text default null,
	of_label text default null, of_batch int4 default null, of_person text default null)
returns table (back int8, off int8)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.pass_barrier();
	v_now timestamptz := clock_timestamp();
	v_batches int4[]; v_jobs int8[];	-- one element a batch
	v_people int8[] := array(select tracker.ids_of_person(of_person));
begin
	if of_person is not null and v_people = '{}' then
		raise exception 'there is no person ''%''', of_person using errcode = 'TR002';
	end if;
	with l as materialized (
		select f.ctid as tid from tracker.failed f
		where f.stage = requeue_jobs.stage
			and (requeue_jobs.jobs is null or f.job = any (requeue_jobs.jobs))
			and (of_reason is null or strpos(lower(f.reason), lower(of_reason)) > 0)
			and (of_batch is null or f.job between (
					select b.first from tracker.batch b where b.batch = of_batch) and (
					select b.last from tracker.batch b where b.batch = of_batch))
			and (of_label is null or exists (
				select from tracker.worker w
				where w.id = f.worker and lower(w.label) = lower(of_label)))
			and (of_person is null or exists (
				select from tracker.worker w where w.id = f.worker and w.person = any (v_people)))
		order by f.job for update),
	d as (
		delete from tracker.failed f where f.ctid = any (array(select l.tid from l))
		returning f.stage, f.job),
	s as (
		insert into tracker.strike (stage, job, kind, reason, at)
		select d.stage, d.job, 'requeued', 'put back by the operator', v_now from d
			order by d.job),
	r as (
		insert into tracker.retry (stage, batch, job, due, attempt)
		select d.stage, tracker.batch_of(d.job), d.job, clock_timestamp(), 1 from d order by d.job	-- see low_of
		returning batch),
	c as (select r.batch, count(*) as jobs from r group by r.batch)
	select array_agg(c.batch order by c.batch), array_agg(c.jobs order by c.batch),
		coalesce(sum(c.jobs), 0), coalesce(sum(c.jobs) filter (where exists (
			select from tracker.batch b where b.batch = c.batch and b.cancelled)), 0)
	into v_batches, v_jobs, back, off from c;
	perform tracker.join_line(x.stages, v_batches),
		tracker.add_tally(x.stages, v_batches, null, v_jobs, null, null,
			array(select -u.jobs from unnest(v_jobs) with ordinality as u(jobs, n) order by u.n))
	from (
		select array_fill(requeue_jobs.stage,
			array[coalesce(cardinality(v_batches), 0)]) as stages) x;
	update tracker.batch b set ended = null
	where b.batch = any (v_batches) and b.ended is not null and not b.cancelled;
	if back > 0 then
		perform tracker.audit_act('requeue', 'stage ' || tracker.letter_of(requeue_jobs.stage), back,
			jsonb_strip_nulls(jsonb_build_object('jobs',
				coalesce(cardinality(requeue_jobs.jobs)::text, 'all'),
				'reason', of_reason, 'label', of_label, 'person', of_person, 'batch', (
					select b.name from tracker.batch b where b.batch = of_batch))));
	end if;
	return next;
end $$;
