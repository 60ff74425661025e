-- How many of a worker's results were set aside, those not counted whose person keeps the credit.
--
-- Caller	what shows a worker's results: read_worker, read_workers, read_person_workers, list_workers,
--		own_machines, own_data.
-- Answer	a number; what was purged is in it. Counts up to 100,000 that are not purged yet.
-- Errors	none.
-- Locks	none.
-- Index	refused_output_worker; purged by key.
-- Source	runs under its caller's settings.
create or replace function tracker.count_sent_back(worker int8)
returns int8
language sql stable parallel safe
as $$
	select (select count(*) from (
			select from tracker.refused_output x
			where x.worker = count_sent_back.worker and not x.kept limit 100000) y)
		+ coalesce((select sum(p.results - p.kept) from tracker.purged p
			where p.worker = count_sent_back.worker), 0)::int8
$$;
