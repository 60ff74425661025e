-- What ended badly in some batches of one stage, by batch and worker.
--
-- Caller	judge_batches. first_jobs, last_jobs: of each batch, in ascending order; since: for each, only what came
--		then; most: how many of the last strikes, of whatever job, are looked at.
-- Answer	a row a batch (its place among first_jobs) and worker: how many, how many of them failed or were abandoned,
--		and how many were flagged or let go.
-- Errors	none.
-- Locks	none.
-- Index	strike by id, from its end.
-- Source	runs under its caller's settings.
drop function if exists tracker.read_bad_ends(int2, int8, int8, timestamptz, int4);
drop function if exists tracker.read_bad_ends(int2, int8[], int8[], timestamptz[], int4);
create or replace function tracker.read_bad_ends(of_stage int2, first_jobs int8[], last_jobs int8[], since timestamptz[],
	most int4)
returns table (n int4, worker int8, ends int8, hard int4, soft int4)
language sql
stable
as $$
	select s.n, s.worker, count(*), (count(*) filter (where s.kind in ('failed', 'abandoned')))::int4,
		(count(*) filter (where s.kind in ('flagged', 'released')))::int4
	from (
		select width_bucket(k.job, $2) as n, k.* from tracker.strike k order by k.id desc limit $5) s
	where s.stage = $1 and s.job <= $3[s.n] and s.at >= $4[s.n] and s.worker is not null
		and tracker.is_bad_end(s.kind, s.chosen)
	group by s.n, s.worker
$$;
