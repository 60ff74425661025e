-- Which undos lie over one: those that refused, in an earlier stage, what its results were made of. They are taken back
-- first, then this one.
--
-- Caller	distcompute-admin undo --back.
-- Answer	a row an undo that is to be taken back first: jobs, how many of this one could then come back; the latest first.
-- Errors	none.
-- Locks	none.
-- Index	refused_output_undo, refused_output_job; see is_undone.
create or replace function tracker.undo_over(of_undo int8)
returns table (undo int8, jobs int8)
language sql
stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
	select x.undo, count(*)
	from (
		select min(r.stage) as stage, r.job
		from tracker.refused_output r where r.undo = of_undo
		group by r.job) u
	cross join lateral (
		select distinct q.undo from generate_series(1, u.stage - 1) as g(stage)
		cross join lateral (
			select o.undo from tracker.refused_output o
			where o.stage = g.stage and o.job = u.job and o.undo > of_undo
			offset 0) q
		) x
	where tracker.is_undone(u.stage, u.job, of_undo)
	group by x.undo order by x.undo desc
$$;
