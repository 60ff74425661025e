-- Batches as people want to see them: how far, how quick, how long still, and why not quicker.
--
-- What is left is counted over the whole pipeline, as in read_eta; the pace is that of the last hour, or of the
-- time since the first result in it. Stages run side by side, so the slowest one may set the time; and what nobody has had
-- yet goes out no quicker than the rates of the batch and of the stage let it.
--
-- Caller	list_batches; pages, of the numbers that read_open_batches and read_ended_batches gave.
-- Answer	a row a batch, in the order in which they were asked for; of none that is not there. done, total:
--		completions, over all stages, without what failed or is cancelled; cancelled: jobs; per_minute:
--		in the last five minutes; eta_s is null where nothing was done in the last hour, or since less than a
--		minute, or it or a stage where some of it waits is paused, or no worker was heard for stale_s; low_s, high_s, shown_s: see read_eta. why: why it does not go on, or not
--		quicker: paused, cancelled, needs (no worker here has what it needs), rate (its next job waits for its turn), turn
--		(it has its turn after others, and nobody has any of it), idle (it could go on, and does not); null:
--		it goes on, or is over. needs: words with commas between, empty: none; rate: null: none.
-- Errors	none.
-- Locks	none.
-- Index	batch by key; see read_batches, read_batch_pace and read_still.
-- Source	in plpgsql because what it calls is put in place after it.
drop function if exists tracker.read_batch_rows(int4[]);
create or replace function tracker.read_batch_rows(batches int4[], stale_s int4 default 1800)
returns table (batch int4, name text, first int8, last int8, created timestamptz, ended timestamptz,
	priority int2, paused_why text, note text, done int8, total int8, failed int8, leased int8,
	waiting int8, per_minute float8, eta_s int8, why text,
	needs text, rate int4, low_s int8, high_s int8, shown_s int8, cancelled int8)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
begin
	return query with c as materialized (
		select q.batch, q.stage, q.ready, q.retry, q.leased, q.done, q.failed, q.cancelled,
			p.done_5m, p.done_1h,
			case when p.since is not null then
				greatest(extract(epoch from statement_timestamp() - p.since), 60) end as s,
			extract(epoch from statement_timestamp() - p.newest) - 60 as silent_s,
			s.paused and q.ready + q.retry > 0 as is_paused,
			greatest(b.last - b.first + 1 - q.done
				- sum(q.failed + q.cancelled) over (partition by q.batch order by q.stage), 0) as left_here,
			(select min(g.rate) from tracker.gate g
				where g.stage = q.stage and g.batch in (0, q.batch)) as rate
		from tracker.read_batches(read_batch_rows.batches) q
		join tracker.batch b on b.batch = q.batch
		join tracker.stage s on s.stage = q.stage
		join tracker.read_batch_pace(read_batch_rows.batches) p on p.batch = q.batch and p.stage = q.stage
	), n as materialized (
		select c.batch, bool_or(c.is_paused) as is_paused, sum(c.done)::int8 as done, sum(c.left_here)::int8 as left_all,
			sum(c.failed)::int8 as failed, sum(c.cancelled)::int8 as cancelled, sum(c.leased)::int8 as leased,
			sum(c.ready + c.retry)::int8 as waiting, sum(c.done_5m) as done_5m,
			sum(c.done_1h) as done_1h, max(c.s) as s, min(c.silent_s) as silent_s,
			greatest(max(c.left_here / (c.done_1h / c.s)) filter (where c.done_1h > 0),
				max((c.left_here - c.retry - c.leased) * 60 / c.rate)) as slowest_s
		from c group by c.batch
	)
	select b.batch, b.name, b.first, b.last, b.created, b.ended, b.priority, b.paused_why, b.note,
		n.done, n.done + n.left_all, n.failed, n.leased, n.waiting,
		(n.done_5m * 60 / least(coalesce(n.s, 60), 240
			+ extract(second from statement_timestamp())))::float8,
		g.eta_s,
		case when b.cancelled then 'cancelled'
			when n.left_all = 0 then null
			when b.paused then 'paused'
			when h.why = 'rate' then 'rate'
			when h.why is not null then 'needs'
			when n.leased > 0 or n.done_5m > 0 then null
			when exists (
				select from tracker.stage s
				where not s.paused and s.line[1] <> b.batch and b.batch = any (s.line)
					and tracker.has_work(s.stage, s.line[1], statement_timestamp())) then 'turn'
			else 'idle' end,
		replace(tracker.mask_words(b.needs), ',', ', '),
		(select x.rate from tracker.gate x where x.stage = 1 and x.batch = b.batch),
		g.low_s, g.high_s, tracker.as_known(g.eta_s, g.low_s, g.high_s), n.cancelled
	from unnest(read_batch_rows.batches) with ordinality as u(batch, place)
	join tracker.batch b on b.batch = u.batch
	join n on n.batch = b.batch
	cross join (select exists (
		select from tracker.worker w
		where w.gone_at is null and w.seen > statement_timestamp()
			- make_interval(secs => read_batch_rows.stale_s)) as heard) o
	cross join lateral (
		select e.eta_s, floor(e.eta_s * f.low)::int8 as low_s,
			ceil(greatest(e.eta_s * f.high, e.eta_s + n.silent_s))::int8 as high_s
		from (select case when n.left_all > 0 and n.done_1h > 0 and n.s > 60 and not b.paused
				and not b.cancelled and not n.is_paused and o.heard then
				ceil(greatest(n.left_all / (n.done_1h / n.s), n.slowest_s))::int8 end as eta_s) e
		cross join tracker.as_sure(n.done_1h::int8) f) g
	left join tracker.read_still(read_batch_rows.batches) h on h.batch = b.batch
	order by u.place;
end $$;
