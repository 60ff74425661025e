-- How many results of each worker were set aside, those not counted whose person keeps the credit.
--
-- Caller	list_labels, list_origins; of one worker: count_sent_back.
-- Answer	a row a worker of whom there are some; what was purged is in it.
-- Errors	none.
-- Locks	none.
-- Index	none: reads all results that are set aside.
create or replace function tracker.all_sent_back()
returns table (worker int8, results int8)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
	return query select x.worker, sum(x.results)::int8
	from (
		select r.worker, count(*) as results from tracker.refused_output r
		where not r.kept group by r.worker
		union all
		select p.worker, p.results - p.kept from tracker.purged p) x
	group by x.worker
	having sum(x.results) > 0;
end $$;
