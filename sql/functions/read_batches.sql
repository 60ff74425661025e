-- The exact counts of batches, stage by stage.
--
-- Caller	fold_tally, check_laws, distcompute-admin batch. batches null: all.
-- Answer	one row a batch and enabled stage. leased: what is not anywhere else of what the stage was fed
--		with. done is net of what was withdrawn. cancelled: what would be ready or in retry of a
--		batch that is not.
-- Errors	none.
-- Locks	none. One snapshot: the numbers belong together.
-- Index	batch and batch_count by key; tally by key, which is as long as a minute; see count_ahead.
create or replace function tracker.read_batches(batches int4[])
returns table (batch int4, stage int2, ready int8, retry int8, leased int8, done int8, failed int8,
	cancelled int8)
language sql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
	select c.batch, c.stage, c.ready, c.retry,
		c.fed - c.ready - c.retry - c.done - c.failed - c.cancelled, c.done, c.failed, c.cancelled
	from (
		select b.batch, s.stage,
			case when s.stage = 1 then coalesce(a.jobs, 0) when b.cancelled then 0
				else coalesce(t.ready, 0) end as ready,
			case when s.stage = 1 then b.last - b.first + 1
				else coalesce(lag(t.done) over (partition by b.batch order by s.stage), 0)
				end as fed,
			case when b.cancelled then 0 else coalesce(t.retry, 0) end as retry,
			coalesce(t.done, 0) as done, coalesce(t.failed, 0) as failed,
			coalesce(t.cancelled, 0) + case when b.cancelled
				then coalesce(t.ready, 0) + coalesce(t.retry, 0) else 0 end as cancelled
		from tracker.batch b
		cross join tracker.stage s
		left join tracker.count_ahead() a on a.batch = b.batch
		left join (
			select q.batch, q.stage, sum(q.ready)::int8 as ready, sum(q.retry)::int8 as retry,
				sum(q.done - q.withdrawn)::int8 as done, sum(q.failed)::int8 as failed,
				sum(q.cancelled)::int8 as cancelled
			from (
				select k.batch, k.stage, k.ready, k.retry, k.done, k.withdrawn, k.failed,
					k.cancelled
				from tracker.batch_count k
				where batches is null or k.batch = any (batches)
				union all
				select k.batch, k.stage, k.ready, k.retry, k.done, k.withdrawn, k.failed, 0
				from tracker.tally k
				where k.batch > 0 and (batches is null or k.batch = any (batches))) q
			group by q.batch, q.stage) t on t.batch = b.batch and t.stage = s.stage
		where batches is null or b.batch = any (batches)) c
	order by c.batch, c.stage
$$;
