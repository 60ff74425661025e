-- Takes jobs of a batch that are to be done anew: those that are due longest, when in retry they are as if nobody had
-- had them (undone, sent back, requeued), and nobody of those who ask (p_askers: their rows) has failed, flagged or let go one of them.
--
-- Caller	claim_anew. p_low: see low_of.
-- Answer	the jobs; empty: there are none, or it is not so of each of them, and then
--		those that are due longest stay, locked.
-- Errors	none.
--		low: when the first of them was due.
-- Locks	retry: rows, SKIP LOCKED.
-- Index	retry by (stage, batch, due); strike by (stage, job). The workers' rows are read only when there is such a strike.
-- Source	one statement, for take_returned, seat_jobs and the delete of deal_stage. Runs under its caller's
--		settings: a SET of its own would cost as much as the work.
create or replace function tracker.take_anew(p_stage int2, p_batch int4, p_want int4, p_low timestamptz,
	p_due timestamptz, p_askers tid[], out jobs int8[], out low timestamptz)
language plpgsql
as $$
begin
	with q as materialized (
		select t.ctid as tid, t.job, t.due, t.lease is null and t.worker is null and t.attempt = 1
			and not t.flagged as is_anew
		from tracker.retry t
		where t.stage = p_stage and t.batch = p_batch and t.due >= p_low and t.due <= p_due
		order by t.due limit p_want
		for update skip locked),
	d as (
		delete from tracker.retry r
		where (select bool_and(q.is_anew) from q)
			and not exists (
				select from q cross join lateral (
					select from tracker.strike s
					where s.stage = p_stage and s.job = q.job and (s.kind in ('failed', 'flagged') or s.chosen)
						and s.worker in (select w.id from tracker.worker w where w.ctid = any (p_askers))
					limit 1) x)
			and r.ctid = any (array(select q.tid from q))
		returning r.job)
	select coalesce(array_agg(d.job), '{}'), (select min(q.due) from q) into jobs, low from d;
end $$;
