-- What stage A has not handed out yet, by batch.
--
-- Caller	read_counts, read_batches, check_laws.
-- Answer	a row for each batch of which there is something.
-- Errors	none.
-- Locks	none.
-- Index	ahead is read from end to end: a row a batch that was not begun. frontier by key, from the end,
--		a batch after the other: of a batch only the newest version is looked at, for a snapshot, held
--		somewhere, keeps all of them.
-- Source	small enough to be inlined by the planner.
create or replace function tracker.count_ahead()
returns table (batch int4, jobs int8)
language sql
stable
as $$
	with recursive begun as (
		(select f.batch, f.next, f.last from tracker.frontier f
		order by f.batch desc, f.epoch desc limit 1)
		union all
		select n.batch, n.next, n.last from begun b
		cross join lateral (
			select f.batch, f.next, f.last from tracker.frontier f
			where f.batch < b.batch
			order by f.batch desc, f.epoch desc limit 1) n)
	select x.batch, sum(x.jobs)::int8
	from (
		select b.batch, b.last - b.next + 1 as jobs from begun b where b.next <= b.last
		union all
		select a.batch, a.last - a.first + 1 from tracker.ahead a) x
	group by x.batch
$$;
