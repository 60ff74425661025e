-- What an undo would set aside: by stage and person, with what was made of it in later stages.
--
-- Caller	distcompute-admin undo --dry-run. Conditions: see find_results.
-- Answer	asked: results that the conditions name; made_of: results of later stages, made of
--		those, that go with them; off: how many of both are of cancelled batches, of which nothing is done anew.
-- Errors	find_results's.
-- Locks	none.
-- Index	find_results's; output by key; batch by first, when one is cancelled.
drop function if exists tracker.undo_count(text, text, int2, timestamptz, timestamptz, cidr, text);
drop function if exists tracker.undo_count(text, text, int2, timestamptz, timestamptz, cidr, text, text);
create or replace function tracker.undo_count(of_person text, of_worker text, of_stage int2,
	since timestamptz, until timestamptz, of_address cidr default null,
	of_label text default null, of_batch text default null)
returns table (stage int2, nickname text, asked int8, made_of int8, off int8)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
	with f as materialized (
		select r.job, min(r.stage) as stage, array_agg(r.stage) as stages
		from tracker.find_results(of_person, of_worker, of_stage, since, until,
			of_address, of_label, of_batch) r
		group by r.job)
	select x.stage, tracker.called(x.person), sum(x.asked)::int8, sum(x.made_of)::int8, sum(x.off)::int8
	from (	-- a name is looked up once a person, not once a result
		select o.stage, o.person, count(*) filter (where o.stage = any (f.stages)) as asked,
			count(*) filter (where o.stage <> all (f.stages)) as made_of,
			count(*) filter (where cardinality(c.batches) > 0 and tracker.batch_of(o.job) = any (c.batches)) as off
		from f
		cross join (select array(select b.batch from tracker.batch b where b.cancelled) as batches) c
		join tracker.stage s on s.stage >= f.stage
		cross join lateral (	-- a probe for each: how many there are is not known to the planner, who would read all
			select q.stage, q.job, q.person from tracker.output q where q.stage = s.stage and q.job = f.job offset 0) o
		group by o.stage, o.person) x
	group by x.stage, 2
	order by 1, 3 desc, 4 desc, 2
$$;
