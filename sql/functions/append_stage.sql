-- Adds a stage at the end of the pipeline; every job that is done in the last one is ready there.
--
-- Caller	distcompute-admin stages append.
-- Answer	the number of the new stage.
-- Errors	TR001: five stages already, no stage yet, or a name that is taken or empty.
-- Locks	the barrier: who hands out or takes in is waited for, and waits. Then stage, ready, line and tally. As long as it takes to write a row for each
--		finished job.
-- Index	output by key.
create or replace function tracker.append_stage(name text)
returns int2
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	v_ok boolean := tracker.raise_barrier();
	v_last int2;
	v_moved int8;
	v_stages int2[]; v_batches int4[]; v_jobs int8[];	-- one element a batch
begin
	lock table tracker.stage in share row exclusive mode;
	select max(s.stage) into v_last from tracker.stage s;
	if v_last is null then
		raise exception 'the pipeline has no stage yet: start the tracker once'
			using errcode = 'TR001';
	end if;
	if v_last = 5 then
		raise exception 'the pipeline has five stages already' using errcode = 'TR001';
	end if;
	if coalesce(append_stage.name, '') = '' or exists (
		select from tracker.stage s where lower(s.name) = lower(append_stage.name)) then
		raise exception 'the name "%" is empty or taken', append_stage.name
			using errcode = 'TR001';
	end if;
	insert into tracker.stage (stage, letter, name)
	values (v_last + 1, tracker.letter_of((v_last + 1)::int2), append_stage.name);
	update tracker.project set stages_kept = true where not stages_kept;
	with r as (
		insert into tracker.ready (stage, batch, job)
		select v_last + 1, b.batch, o.job
		from (select q.batch, q.first, q.last from tracker.batch q order by q.first) b
		cross join lateral (
			select q.job from tracker.output q
			where q.stage = v_last and q.job between b.first and b.last
			order by q.job) o
		returning batch),
	c as (select r.batch, count(*) as jobs from r group by r.batch)
	select array_agg(c.batch), array_agg(c.jobs), coalesce(sum(c.jobs), 0)
	into v_batches, v_jobs, v_moved from c;
	v_stages := array_fill((v_last + 1)::int2, array[coalesce(cardinality(v_batches), 0)]);
	v_ok := tracker.join_line(v_stages, v_batches);
	v_ok := tracker.add_tally(v_stages, v_batches, v_jobs, null, null, null, null);
	update tracker.batch b set ended = null where b.batch = any (v_batches);
	perform tracker.audit_act('append stage', append_stage.name, v_moved, null);
	return v_last + 1;
end $$;
