-- What ended badly in a range of jobs of one stage, by worker.
--
-- Caller	judge_batches, spare_rest. most: how many of the last strikes, of whatever job, are looked at.
-- Answer	a row a worker: how many, how many of them failed or were abandoned, and how many were flagged or let
--		go; person and network as its last one has them, network 0 where it is not known.
-- Errors	none.
-- Locks	none.
-- Index	strike by id, from its end.
-- Source	runs under its caller's settings.
create or replace function tracker.read_bad_ends(of_stage int2, first_job int8, last_job int8, since timestamptz, most int4)
returns table (worker int8, ends int8, hard int4, soft int4, person int8, network int8)
language sql
stable
as $$
	select s.worker, count(*), (count(*) filter (where s.kind in ('failed', 'abandoned')))::int4,
		(count(*) filter (where s.kind in ('flagged', 'released')))::int4, max(s.person), max(coalesce(s.network, 0))
	from (
		select k.* from tracker.strike k order by k.id desc limit $5) s
	where s.stage = $1 and s.job between $2 and $3 and s.at >= $4 and s.worker is not null
		and tracker.is_bad_end(s.kind, s.chosen)
	group by s.worker
$$;
