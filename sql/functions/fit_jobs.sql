-- Which of the jobs that were dealt have room in the answers that they are for.
--
-- Caller	deal_stage, when one of them is long. seats: whose each is; w_sent, p_limit: see there.
-- Answer	an element a job: whether it fits. The first of an answer that holds none yet does.
-- Errors	none.
-- Locks	none.
-- Index	job and output by key; lengths are known without the data being read.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.fit_jobs(p_stage int2, jobs int8[], seats int4[], w_sent int8[],
	p_limit int4)
returns boolean[]
language sql
stable
as $$
	select array_agg(coalesce(w_sent[y.seat], 0) + y.bytes <= p_limit
		or y.nth = 1 and w_sent[y.seat] is null order by y.n)
	from (
		select x.n, x.seat, sum(x.bytes) over (partition by x.seat order by x.n) as bytes,
			row_number() over (partition by x.seat order by x.n) as nth
		from (
			select u.n, u.seat, case when p_stage = 1
				then (select octet_length(j.data) from tracker.job j where j.number = u.job)
				else (select octet_length(o.data) from tracker.output o
					where o.stage = p_stage - 1 and o.job = u.job) end as bytes
			from unnest(jobs, seats) with ordinality as u(job, seat, n)) x) y
$$;
