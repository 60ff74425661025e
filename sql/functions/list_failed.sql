-- Dead letters of a stage, by job number.
--
-- Caller	distcompute-admin failed; pages. Page on with the last job as after_job.
-- Answer	up to max_rows rows; worker is a name, null when none was concerned.
-- Errors	none.
-- Locks	none.
-- Index	failed by key.
create or replace function tracker.list_failed(stage int2, after_job int8, max_rows int4,
	of_batch int4 default null)
returns table (stage int2, job int8, kind text, reason text, attempt int4, worker text,
	at timestamptz)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select f.stage, f.job, f.kind, f.reason, f.attempt,
		(select w.name from tracker.worker w where w.id = f.worker), f.at
	from tracker.failed f
	where f.stage = $1 and f.job > coalesce($2, 0) and ($4 is null
		or (select f.job between b.first and b.last from tracker.batch b where b.batch = $4))
	order by f.job
	limit $3
$$;
