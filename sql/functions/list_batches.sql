-- Batches with how far they are, how quick and how long still.
--
-- Caller	distcompute-admin batch. ended: those that are over too; of_batch: this one alone. stale_s: see read_batch_rows.
-- Answer	a row a batch, in the order in which they have their turn, those that are over last. state: open,
--		paused, cancelled, done. progress: of each stage its letter and how many are done; stages: the same
--		as JSON, with all counts. per_minute, eta_s, left_text, needs, rate: what the pages say, see
--		read_batch_rows.
-- Errors	none.
-- Locks	none.
-- Index	batch by key; see read_batches and read_batch_rows.
drop function if exists tracker.list_batches(boolean, int4);
drop function if exists tracker.list_batches(boolean, int4, int4);
create function tracker.list_batches(ended boolean, of_batch int4 default null, stale_s int4 default 1800)
returns table (batch int4, name text, priority int4, state text, jobs int8, progress text, waiting int8,
	in_hand int8, failed int8, cancelled int8, per_minute int8, eta_s int8, note text, stages jsonb, needs text, rate int4, left_text text)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
	v_batches int4[] := array(
		select b.batch from tracker.batch b
		where case when of_batch is null then list_batches.ended or b.ended is null
			else b.batch = of_batch end);
begin
	return query with
	n as (
		select c.batch, string_agg(upper(s.letter) || ' ' || c.done, ' ' order by c.stage) as progress,
			sum(c.ready + c.retry)::int8 as waiting, sum(c.leased)::int8 as in_hand,
			sum(c.failed)::int8 as failed, sum(c.cancelled)::int8 as cancelled,
			jsonb_agg(jsonb_build_object('stage', s.letter, 'ready', c.ready, 'retry', c.retry,
				'leased', c.leased, 'done', c.done, 'failed', c.failed, 'cancelled', c.cancelled)
				order by c.stage) as stages
		from tracker.read_batches(v_batches) c
		join tracker.stage s on s.stage = c.stage
		group by c.batch)
	select b.batch, b.name, b.priority::int4,
		case when b.cancelled then 'cancelled' when n.waiting + n.in_hand = 0 then 'done'
			when b.paused and b.paused_why <> '' then 'paused: ' || b.paused_why
			when b.paused then 'paused' else 'open' end,
		b.last - b.first + 1, n.progress, n.waiting, n.in_hand, n.failed, n.cancelled,
		h.per_minute::int8, h.eta_s, b.note, n.stages, h.needs, h.rate, tracker.span_text(h.shown_s)
	from tracker.batch b
	join n on n.batch = b.batch
	join tracker.read_batch_rows(v_batches, stale_s) h on h.batch = b.batch
	order by n.waiting + n.in_hand = 0, b.priority desc, b.batch;
end $$;
