-- Results of a stage that came between two moments, in the order in which they were finished: one
-- page.
--
-- Caller	distcompute-export --follow. Page on with the last row's finished and job, until
--		no row comes; then the mark of `until` becomes the next one of `seen`.
-- Answer	as export_jobs: results that were there at `until`, and not yet at `seen` (with
--		since and till). A job that was sent back and done anew comes again.
--		first_job, last_job: of these jobs alone; null: of all.
-- Errors	none.
-- Locks	none.
-- Index	output_finished from `since` on; output and job by key.
drop function if exists tracker.export_news(int2, pg_snapshot, timestamptz, timestamptz, pg_snapshot, timestamptz, int8,
	int4, int8);
create or replace function tracker.export_news(stage int2, seen pg_snapshot, since timestamptz,
	till timestamptz, until pg_snapshot, after_finished timestamptz, after_job int8,
	max_rows int4, max_bytes int8, first_job int8 default null, last_job int8 default null)
returns table (job int8, input text, output text, person text, worker text, started timestamptz,
	finished timestamptz, attempt int4)
language sql
stable
set search_path = pg_catalog, pg_temp
set max_parallel_workers_per_gather = 0
as $$
	with page as materialized (
		select o.job, o.data, o.worker, o.person, o.started, o.finished, o.attempt
		from tracker.output o
		where o.stage = $1 and o.finished >= greatest($3, $6)
			and (o.finished, o.job) > ($6, $7)
			and o.job between coalesce($10, 0) and coalesce($11, 9223372036854775807)
			and not tracker.ended_by(o.xmin, o.finished, $2, $3, $4)
			and tracker.ended_by(o.xmin, o.finished, $5, '-infinity', 'infinity')
		order by o.finished, o.job
		limit $8
	), fed as materialized (
		select p.*,
			case when $1 = 1
				then (select j.data from tracker.job j where j.number = p.job)
				else (select b.data from tracker.output b
					where b.stage = $1 - 1 and b.job = p.job)
			end as input
		from page p
	), sized as (
		select f.*, sum(octet_length(f.data) + coalesce(octet_length(f.input), 0))
			over (order by f.finished, f.job
				rows between unbounded preceding and 1 preceding) as before
		from fed f
	)
	select s.job, s.input, s.data,
		tracker.called(s.person),
		(select w.name from tracker.worker w where w.id = s.worker),
		s.started, s.finished, s.attempt
	from sized s
	where coalesce(s.before, 0) < $9
	order by s.finished, s.job
$$;
