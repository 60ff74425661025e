-- What holds now that an operator may want to be told of, each under a key of its own.
--
-- Caller	take_events.
-- Answer	one row each: a stage in which many attempts fail (as read_failing and the pages have it); one whose
--		workers have nothing to do while a stage before it is not finished; a batch that is done; all jobs
--		done. over: what to say when it is not so any more, '' for nothing. hold_s: how long it must
--		have been so before anybody is told.
-- Errors	none.
-- Locks	none.
-- Index	see read_counts, read_failing, read_pace; worker_stage_present; batch is read whole.
create or replace function tracker.list_conditions()
returns table (key text, event text, over text, hold_s int4, details jsonb)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
begin
	return query
	with c as materialized (
		select r.*, tracker.letter_of(r.stage) as name_of, r.ready + r.retry + r.leased as left_over,
			sum(r.ready + r.retry + r.leased) over (order by r.stage) - r.ready - r.retry - r.leased
				as before
		from tracker.read_counts() r)
	select 'stage_failing ' || f.stage, 'stage_failing', 'stage_recovered', 0,
		jsonb_build_object('stage', c.name_of, 'name', c.name, 'failed', f.bad, 'done', p.done_5m,
			'minutes', 5, 'workers', f.workers, 'kind', f.kind, 'reason', f.reason, 'since', f.since)
	from tracker.read_failing() f
	join c on c.stage = f.stage
	join tracker.read_pace() p on p.stage = f.stage
	where f.bad > 2 and f.bad >= 0.2 * (f.bad + p.done_5m)
	union all
	select 'stage_starved ' || c.stage, 'stage_starved', 'stage_fed', 60,
		jsonb_build_object('stage', c.name_of, 'name', c.name, 'before', c.before)
	from c
	where c.ready + c.due + c.leased = 0 and c.before > 0 and not c.paused
		and exists (select from tracker.worker w where w.stage = c.stage and w.gone_at is null)
	union all
	select 'batch_done ' || b.batch, 'batch_done', '', 0,
		jsonb_build_object('batch', b.batch, 'name', b.name, 'jobs', b.last - b.first + 1)
	from tracker.batch b
	where b.ended is not null and not b.cancelled
	union all
	select 'project_done', 'project_done', '', 0,
		jsonb_build_object('done', max(c.done) filter (where c.stage = s.last),
			'failed', sum(c.failed))
	from c
	cross join (select max(q.stage) as last from tracker.stage q) s
	having sum(c.left_over) = 0 and sum(c.done + c.failed) > 0;
end $$;
