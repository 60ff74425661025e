-- The laws of the house, checked from the tables: every row of the answer is a law that is broken.
--
-- Caller	tests, the bench, distcompute-admin check. Counts whole tables: never on a request's
--		path.
-- Answer	law, stage (null: all), what it should be and what it is.
-- Errors	none.
-- Locks	none. stable: all of it in one snapshot.
-- Index	none.
-- Source	in plpgsql because what it calls is put in place after it.
create or replace function tracker.check_laws()
returns table (law text, stage int2, expected int8, got int8)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_nestloop = off	-- statistics know nothing of a load of a moment ago
as $$
#variable_conflict use_column
begin
	return query with
	-- what is counted
	t as (
		select c.stage, c.ready, c.retry, c.leased, c.done, c.failed, c.cancelled, c.held,
			coalesce(q.gross, 0) as gross, coalesce(q.withdrawn, 0) as withdrawn
		from tracker.read_counts() c
		left join (
			select q.stage, sum(q.done)::int8 as gross,
				sum(q.withdrawn)::int8 as withdrawn
			from tracker.tally q group by q.stage) q on q.stage = c.stage),
	-- where each job is: one row a place
	place as materialized (
		select q.stage, q.job, 'ready' as what, q.batch from tracker.ready q
			join tracker.batch b on b.batch = q.batch and not b.cancelled
		union all select 1::int2, g.job, 'ready', a.batch from tracker.ahead a
			cross join lateral generate_series(a.first, a.last) g(job)
		union all select 1::int2, g.job, 'ready', f.batch from tracker.frontier f
			cross join lateral generate_series(f.next, f.last) g(job)
		union all select q.stage, q.job, 'retry', q.batch from tracker.retry q
			join tracker.batch b on b.batch = q.batch and not b.cancelled
		union all select q.stage, q.job, 'leased', q.batch from tracker.lease q
		union all select q.stage, q.job, 'failed', null from tracker.failed q
		union all select q.stage, q.job, 'done', null from tracker.output q),
	number as materialized (
		select g.job, b.batch from tracker.batch b
		cross join lateral generate_series(b.first, b.last) g(job)),
	is_ as (
		select s.stage,
			count(p.job) filter (where p.what = 'ready') as ready,
			count(p.job) filter (where p.what = 'retry') as retry,
			count(p.job) filter (where p.what = 'leased') as leased,
			count(p.job) filter (where p.what = 'failed') as failed,
			count(p.job) filter (where p.what = 'done') as done,
			count(distinct p.job) as jobs
		from tracker.stage s left join place p on p.stage = s.stage
		group by s.stage),
	of_batch as materialized (
		select n.batch, p.stage,
			count(*) filter (where p.what = 'ready') as ready,
			count(*) filter (where p.what = 'retry') as retry,
			count(*) filter (where p.what = 'leased') as leased,
			count(*) filter (where p.what = 'failed') as failed,
			count(*) filter (where p.what = 'done') as done
		from place p join number n on n.job = p.job
		group by n.batch, p.stage),
	-- what a cancelled batch was fed with and is nowhere else, whether rows of ready and retry are left of it
	-- or not
	off as materialized (
		select x.batch, x.stage, x.fed - x.placed as jobs
		from (
			select b.batch, s.stage, coalesce(o.leased + o.done + o.failed, 0) as placed,
				case when s.stage = 1 then b.last - b.first + 1
					else coalesce(lag(o.done) over (partition by b.batch order by s.stage), 0)
					end as fed
			from tracker.batch b cross join tracker.stage s
			left join of_batch o on o.batch = b.batch and o.stage = s.stage
			where b.cancelled) x),
	-- every result that was ever accepted
	made as materialized (
		select o.stage, o.person, o.worker, o.lease, false as refused, false as kept
		from tracker.output o
		union all select r.stage, r.person, r.worker, r.lease, true, r.kept
		from tracker.refused_output r),
	-- and how many of each kind; what was purged is known by number alone
	made_by as materialized (
		select m.stage, m.person, m.worker, m.refused, m.kept, count(*) as n
		from made m group by 1, 2, 3, 4, 5
		union all select p.stage, p.person, p.worker, true, false, p.results - p.kept
		from tracker.purged p
		union all select p.stage, p.person, p.worker, true, true, p.kept from tracker.purged p),
	input as (
		select s.stage, case when s.stage = 1 then (select count(*) from tracker.job)
			else (select count(*) from tracker.output o
				where o.stage = s.stage - 1) end as jobs
		from tracker.stage s),
	law (law, stage, expected, got) as (
		select 'ready + retry + leased + done + failed + cancelled = outputs of the stage before',
			i.stage, i.jobs, x.ready + x.retry + x.leased + x.done + x.failed + coalesce((
				select sum(o.jobs) from off o where o.stage = i.stage), 0)
		from input i join is_ x on x.stage = i.stage
		union all select 'cancelled is counted', t.stage, coalesce((
				select sum(o.jobs) from off o where o.stage = t.stage), 0), t.cancelled
			from t
		union all select 'what waits of paused batches is counted', t.stage, coalesce((
				select sum(o.ready) from of_batch o
				join tracker.batch b on b.batch = o.batch and b.paused
				where o.stage = t.stage), 0), t.held
			from t
		union all select 'nothing of a cancelled batch is ahead', 1, 0, count(*)
			from tracker.batch b where b.cancelled and (
				exists (select from tracker.ahead a where a.batch = b.batch)
				or exists (select from tracker.frontier f where f.batch = b.batch))
		union all select 'folded cancelled of batches = those of their stage', k.stage, k.jobs, coalesce((
				select sum(c.cancelled) from tracker.batch_count c where c.stage = k.stage), 0)
			from tracker.cancelled_count k
		union all select 'ready is counted', i.stage, i.ready, t.ready
			from is_ i join t on t.stage = i.stage
		union all select 'retry is counted', i.stage, i.retry, t.retry
			from is_ i join t on t.stage = i.stage
		union all select 'leased follows from the counts', i.stage, i.leased, t.leased
			from is_ i join t on t.stage = i.stage
		union all select 'done is counted', i.stage, i.done, t.done
			from is_ i join t on t.stage = i.stage
		union all select 'failed is counted', i.stage, i.failed, t.failed
			from is_ i join t on t.stage = i.stage
		union all select 'a job is in one place of a stage', i.stage,
			i.ready + i.retry + i.leased + i.failed + i.done, i.jobs from is_ i
		union all select 'nothing outside the stages', null, 0, count(*) from place p
			where not exists (select from tracker.stage s where s.stage = p.stage)
		union all select 'a job has its input', s.stage, 0, count(p.job)
			from tracker.stage s join place p on p.stage = s.stage
			left join tracker.job j on s.stage = 1 and j.number = p.job
			left join tracker.output o on s.stage > 1 and o.stage = s.stage - 1
				and o.job = p.job
			where j.number is null and o.job is null
			group by s.stage
		union all select 'job numbers are dense', 1, (select coalesce(max(b.last), 0) from tracker.batch b),
			(select count(*) from tracker.job)
		union all select 'the last job is the last of the last batch', 1,
			(select coalesce(max(b.last), 0) from tracker.batch b),
			(select coalesce(max(j.number), 0) from tracker.job j)
		union all select 'batches follow each other without gaps', null, 0, count(*) from (
			select b.first, lag(b.last, 1, 0::int8) over (order by b.first) as before
			from tracker.batch b) x
			where x.first <> x.before + 1
		union all select 'what waits or is in hand names its batch', p.stage, 0, count(*)
			from place p left join number n on n.job = p.job
			where p.batch <> n.batch group by p.stage
		union all select 'batches with the counts of their jobs: ' || v.what, c.stage, 0, count(*)
			from tracker.read_batches(null) c
			left join of_batch o on o.batch = c.batch and o.stage = c.stage
			left join off f on f.batch = c.batch and f.stage = c.stage
			cross join lateral (values ('ready', c.ready, o.ready), ('retry', c.retry, o.retry),
				('leased', c.leased, o.leased), ('done', c.done, o.done),
				('failed', c.failed, o.failed), ('cancelled', c.cancelled, f.jobs)) v(what, counted, is_)
			where v.counted <> coalesce(v.is_, 0)
			group by v.what, c.stage
		union all select 'what a batch has waiting is in line', o.stage, 0, count(*)
			from of_batch o join tracker.batch b on b.batch = o.batch
			where o.ready > 0 and not b.paused and not b.cancelled and not exists (
				select from tracker.stage s where s.stage = o.stage and o.batch = any (s.line))
			group by o.stage
		union all select 'a line is in order, of what may be handed out', n.stage, 0, count(*)
			from tracker.stage n where n.line <> array(	-- as sort_line, in this snapshot
				select b.batch from tracker.batch b
				where b.batch = any (n.line) and not b.paused and not b.cancelled
				order by b.priority desc, b.batch)
			group by n.stage
		union all select 'a line has what its batches need', s.stage, 0, count(*)
			from tracker.stage s
			cross join lateral (select
				array(select b.needs from unnest(s.line) with ordinality as u(batch, place)
					join tracker.batch b on b.batch = u.batch order by u.place) as needs,
				exists (select from tracker.gate g
					where g.stage = s.stage and g.batch = any (s.line || 0)) as gate,
				exists (select from tracker.gate g
					where g.stage = s.stage and g.batch = any (s.line[:1] || 0)) as first_gate) x
			where s.needs is distinct from
					case when x.gate or not 0 = all (x.needs) then x.needs end
				or s.plain is distinct from
					case when x.needs[1] = 0 and not x.first_gate then s.line[1] end
			group by s.stage
		union all select 'a worker has the bits of its words', null, 0, count(*)
			from tracker.worker w
			where coalesce(w.has, 0) <> tracker.mask_of(w.words)
		union all select 'folded counts of batches = those of their stage', s.stage, 0, count(*)
			from tracker.stage s
			left join tracker.tally t on t.stage = s.stage and t.slot = -1
			left join (
				select c.stage, sum(c.ready) as ready, sum(c.retry) as retry, sum(c.done) as done,
					sum(c.withdrawn) as withdrawn, sum(c.failed) as failed
				from tracker.batch_count c group by c.stage) c on c.stage = s.stage
			where (coalesce(t.ready, 0), coalesce(t.retry, 0), coalesce(t.done, 0),
				coalesce(t.withdrawn, 0), coalesce(t.failed, 0))
				<> (coalesce(c.ready, 0), coalesce(c.retry, 0), coalesce(c.done, 0),
				coalesce(c.withdrawn, 0), coalesce(c.failed, 0))
			group by s.stage
		union all select 'history of a batch = its folded counts', x.stage, 0, count(*)
			from (
				select c.stage, c.done - coalesce(h.done, 0) as more,
					c.withdrawn - coalesce(h.withdrawn, 0) as more_withdrawn
				from tracker.batch_count c
				left join (
					select y.batch, y.stage, sum(y.done) as done,
						sum(y.withdrawn) as withdrawn
					from tracker.batch_history y group by y.batch, y.stage) h
					on h.batch = c.batch and h.stage = c.stage) x
			where x.more <> 0 or x.more_withdrawn <> 0
			group by x.stage
		union all select 'withdrawn is set aside', t.stage, t.withdrawn,
			(select coalesce(sum(m.n), 0)::int8 from made_by m
				where m.stage = t.stage and m.refused) from t
		union all select 'credit = done', null,
			(select coalesce(sum(t.done), 0)::int8 from t),
			(select coalesce(sum(p.done - p.withdrawn - p.kept), 0)::int8
				from tracker.person p)
			+ (select coalesce(sum(c.done - c.withdrawn - c.kept), 0)::int8
				from tracker.credit c)
		union all select 'people with the credit of their outputs, by stage', x.stage, 0,
			count(*)
			from (
				select coalesce(c.stage, o.stage) as stage from (
					select c.person, c.stage, sum(c.done) as done,
						sum(c.withdrawn) as withdrawn, sum(c.kept) as kept
					from (select d.person, d.stage, d.done, d.withdrawn, d.kept
							from tracker.person_day d
						union all select coalesce(p.merged_into, p.id), c.stage,
							c.done, c.withdrawn, c.kept
							from tracker.credit c
							join tracker.person p on p.id = c.person) c
					group by c.person, c.stage) c
				full join (
					select coalesce(p.merged_into, p.id) as person, m.stage,
						sum(m.n) as done,
						sum(m.n) filter (where m.refused and not m.kept)
							as withdrawn,
						sum(m.n) filter (where m.kept) as kept
					from made_by m join tracker.person p on p.id = m.person
					where m.n > 0
					group by 1, m.stage) o
					on o.person = c.person and o.stage = c.stage
				where coalesce(c.done, 0) <> coalesce(o.done, 0)
					or coalesce(c.withdrawn, 0) <> coalesce(o.withdrawn, 0)
					or coalesce(c.kept, 0) <> coalesce(o.kept, 0)) x
			group by x.stage
		union all select 'people''s days = their totals', null, 0, count(*) from (
			select p.id from tracker.person p
			left join (select d.person, sum(d.done) as done,
				sum(d.withdrawn) as withdrawn, sum(d.kept) as kept
				from tracker.person_day d group by d.person) d on d.person = p.id
			where p.done <> coalesce(d.done, 0)
				or p.withdrawn <> coalesce(d.withdrawn, 0)
				or p.kept <> coalesce(d.kept, 0)) x
		union all select 'history = folded counts: ' || q.what, q.stage, q.folded, q.kept
			from (
				select f.stage, v.* from (
					select s.stage, coalesce(b.done, 0) as done,
						coalesce(b.withdrawn, 0) as withdrawn,
						coalesce(b.failed, 0) as failed,
						coalesce(h.done, 0)::int8 as h_done,
						coalesce(h.withdrawn, 0)::int8 as h_withdrawn,
						coalesce(h.failed, 0)::int8 as h_failed
					from tracker.stage s
					left join tracker.tally b on b.stage = s.stage and b.slot = -1
					left join (select h.stage, sum(h.done) as done,
						sum(h.withdrawn) as withdrawn, sum(h.failed) as failed
						from tracker.history h group by h.stage) h
						on h.stage = s.stage) f
				cross join lateral (values ('done', f.done, f.h_done),
					('withdrawn', f.withdrawn, f.h_withdrawn),
					('failed', f.failed, f.h_failed)) v(what, folded, kept)) q
		union all select 'workers'' results = done, gross', null,
			(select sum(t.gross)::int8 from t),
			(select coalesce(sum(w.done), 0)::int8 from tracker.worker w)
		union all select 'workers with the results that they made', null, 0, count(*) from (
			select from tracker.worker w
			left join (select m.worker, sum(m.n) as n
				from made_by m group by m.worker) m on m.worker = w.id
			where w.done <> coalesce(m.n, 0)) x
		union all select 'workers with the attempts that ended badly', null, 0, count(*) from (
			select from tracker.worker w
			left join (select k.worker, sum(k.n) as n from (
					select q.worker, 1 as n from tracker.strike q
					where q.kind not in ('released', 'requeued')
					union all select p.worker, p.strikes from tracker.purged p) k
				group by k.worker) k on k.worker = w.id
			where w.struck <> coalesce(k.n, 0)) x
		union all select 'workers with the jobs that they hold', null, 0, count(*) from (
			select from tracker.worker w
			left join (select l.worker, count(*) as n
				from tracker.lease l group by l.worker) l on l.worker = w.id
			where w.holds <> coalesce(l.n, 0)) x
		union all select 'boards = days', null, 0, count(*) from (
			select from (select b.person, b.today, b.week from tracker.board b) b
			full join (
				select d.person, sum(d.done - d.withdrawn) as week,
					coalesce(sum(d.done - d.withdrawn)
						filter (where d.day = y.day), 0) as today
				from tracker.person_day d
				join tracker.board_day y on d.day > y.day - 7
				join tracker.person p on p.id = d.person and not p.hidden
				group by d.person) d on d.person = b.person
			where coalesce(b.week, 0) <> coalesce(d.week, 0)
				or coalesce(b.today, 0) <> coalesce(d.today, 0)) x
		union all select 'a hand-out gives one result', null, 0, count(*) from (
			select m.lease from made m group by m.lease having count(*) > 1) x
		union all select 'what is in hand has not ended', null, 0, count(*)
			from tracker.lease l
			where exists (select from made m where m.lease = l.id)
				or exists (select from tracker.strike k where k.lease = l.id)
		union all select 'leases belong to present workers of their stage', null, 0,
			count(*)
			from tracker.lease l
			left join tracker.worker w on w.id = l.worker and w.gone_at is null
				and w.stage = l.stage
			where w.id is null)
	select l.law, l.stage::int2, l.expected::int8, l.got::int8 from law l
	where l.expected is distinct from l.got
	order by l.stage nulls first, l.law;
end $$;
