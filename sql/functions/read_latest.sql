-- The latest completions, newest first.
--
-- Caller	pages.
-- Answer	a row a result, at most max_rows.
-- Errors	none.
-- Locks	none.
-- Index	output_finished, from its end; worker by id; see public_name.
-- Source	nothing is sorted but these rows: where the planner does not know max_rows, it would rather sort all results.
create or replace function tracker.read_latest(max_rows int4)
returns table (stage int2, job int8, worker text, person text, started timestamptz,
	finished timestamptz)
language sql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_sort = off
set jit = off
as $$
	select o.stage, o.job, tracker.public_name(w.name, w.person), tracker.called(o.person), o.started, o.finished
	from (
		select r.stage, r.job, r.worker, r.person, r.started, r.finished
		from tracker.output r
		order by r.finished desc limit max_rows) o
	left join tracker.worker w on w.id = o.worker
	order by o.finished desc, o.stage desc, o.job desc
$$;
