-- What the counts of batches change by when jobs of several are dealt, or some of them have no room. Fresh work
-- that has no room goes from ready to retry; what came back stays there.
--
-- Caller	deal_stage. p_batches: of each job, null: all are of p_batch; p_fits: whether each has room, null: all
--		have; p_back: how many came back, which are the first of p_dealt.
-- Answer	aligned arrays, an element a batch.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.count_dealt(p_stage int2, p_batch int4, p_batches int4[],
	p_fits boolean[], p_back int4, p_dealt int4, out t_batch int4[], out t_ready int8[],
	out t_retry int8[])
language sql
immutable
as $$
	select array_agg(x.batch), array_agg(x.ready), array_agg(x.retry)
	from (
		select coalesce(p_batches[g.n], p_batch) as batch,
			-count(*) filter (where p_stage > 1 and g.n > p_back) as ready,
			count(*) filter (where g.n > p_back and not p_fits[g.n])
			- count(*) filter (where g.n <= p_back and coalesce(p_fits[g.n], true)) as retry
		from generate_series(1, p_dealt) as g(n) group by 1) x
$$;
