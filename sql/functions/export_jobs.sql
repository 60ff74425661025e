-- Results of a stage by job number: one page.
--
-- Caller	distcompute-export. Page on with the last job as after_job, until no row comes.
-- Answer	up to max_rows rows; fewer when their data would be more than max_bytes, but one
--		at least. Only results that were there at the mark (snapshot, since, till); later
--		ones are news. last_job: none after this one; null: all.
-- Errors	none.
-- Locks	none, and no snapshot is held between pages: an export that takes hours hinders no
--		vacuum.
-- Index	output by key, twice (the input is the output of the stage before); job by key.
drop function if exists tracker.export_jobs(int2, int8, pg_snapshot, timestamptz, timestamptz, int4, int8);
create or replace function tracker.export_jobs(stage int2, after_job int8, snapshot pg_snapshot,
	since timestamptz, till timestamptz, max_rows int4, max_bytes int8, last_job int8 default null)
returns table (job int8, input text, output text, person text, worker text, started timestamptz,
	finished timestamptz, attempt int4)
language sql
stable
set search_path = pg_catalog, pg_temp
set max_parallel_workers_per_gather = 0
as $$
	with page as materialized (
		select o.job, o.data, o.worker, o.person, o.started, o.finished, o.attempt,
			case when $1 = 1
				then (select j.data from tracker.job j where j.number = o.job)
				else (select b.data from tracker.output b
					where b.stage = $1 - 1 and b.job = o.job)
			end as input
		from tracker.output o
		where o.stage = $1 and o.job > $2 and o.job <= coalesce($8, 9223372036854775807)
			and tracker.ended_by(o.xmin, o.finished, $3, $4, $5)
		order by o.job
		limit $6
	), sized as (
		select p.*, sum(octet_length(p.data) + coalesce(octet_length(p.input), 0))
			over (order by p.job rows between unbounded preceding and 1 preceding)
			as before
		from page p
	)
	select s.job, s.input, s.data,
		tracker.called(s.person),
		(select w.name from tracker.worker w where w.id = s.worker),
		s.started, s.finished, s.attempt
	from sized s
	where coalesce(s.before, 0) < $7
	order by s.job
$$;
