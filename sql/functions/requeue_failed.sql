-- Puts dead letters back, as requeue_jobs.
--
-- Caller	distcompute-admin of before, tests.
-- Answer	how many.
-- Errors	see requeue_jobs.
-- Locks	see requeue_jobs.
-- Index	see requeue_jobs.
create or replace function tracker.requeue_failed(stage int2, jobs int8[], of_reason text default null,
	of_label text default null, of_batch int4 default null, of_person text default null)
returns int8
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
	return (select r.back from tracker.requeue_jobs(requeue_failed.stage, requeue_failed.jobs, of_reason, of_label, of_batch,
		of_person) r);
end $$;
