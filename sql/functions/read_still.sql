-- Why batches stand still, in a few words.
--
-- Caller	pages, distcompute-admin batch. batches null: all that are not over.
-- Answer	a row a batch that something of holds up: 'paused', 'cancelled', 'no worker here has gpu', or 'rate'
--		(its next job waits for its turn). None: nothing that is known, so it is worked on, or over, or
--		waits for workers.
-- Errors	none.
-- Locks	none.
-- Index	batch, gate and word by key; worker_words.
create or replace function tracker.read_still(batches int4[])
returns table (batch int4, why text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select x.batch, x.why
	from (
		select b.batch, case when b.cancelled then 'cancelled' when b.paused then 'paused'
			when b.needs <> 0 and not exists (
				select from tracker.worker w
				where w.words is not null and w.gone_at is null and w.has & b.needs = b.needs)
				then 'no worker here has ' || tracker.join_words(b.needs)
			when exists (
				select from tracker.gate g
				where g.stage = 1 and g.batch in (0, b.batch)
					and tracker.gate_room(g.rate, g.free_at, statement_timestamp()) = 0)
				and tracker.has_work(1::int2, b.batch, statement_timestamp()) then 'rate' end as why
		from tracker.batch b
		where case when batches is null then b.ended is null else b.batch = any (batches) end) x
	where x.why is not null
	order by x.batch
$$;
