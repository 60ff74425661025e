-- Who works now: people with workers that are here, those with most in hand first.
--
-- Caller	distcompute-admin status.
-- Answer	at most max_rows people; of: how many there are in all.
-- Errors	none.
-- Locks	none.
-- Index	worker_stage_present; lease is read whole: it is as long as the work in hand.
create or replace function tracker.list_busy(max_rows int4)
returns table (person text, workers int8, in_hand int8, seen timestamptz, people int8)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
	select tracker.called(x.person), x.workers, x.in_hand, x.seen, x.people
	from (
		select coalesce(p.merged_into, p.id) as person, count(*) as workers, coalesce(sum(l.jobs), 0)::int8 as in_hand,
			max(w.seen) as seen, count(*) over () as people
		from tracker.worker w
		join tracker.person p on p.id = w.person
		left join (
			select q.worker, count(*) as jobs from tracker.lease q group by q.worker) l
			on l.worker = w.id
		where w.gone_at is null
		group by 1
		order by 3 desc, 2 desc, 1
		limit max_rows) x
	order by x.in_hand desc, x.workers desc, x.person
$$;
