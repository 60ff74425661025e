-- Chooses jobs of a batch that came back and are due, those that are due longest first. They stay in
-- retry, locked: the caller deletes those that it hands out.
--
-- Caller	deal_stage, take_behind, seat_returned.
-- Answer	aligned arrays; workers: who had each last.
-- Errors	none.
-- Locks	retry: rows, SKIP LOCKED.
-- Index	retry by (stage, batch, due).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.take_returned(p_stage int2, p_batch int4, p_want int4,
	p_due timestamptz, p_except int8[], out jobs int8[], out attempts int4[], out flagged boolean[],
		out workers int8[])
language plpgsql
as $$
#variable_conflict use_column
begin
	-- Mostly nothing is due: a look costs less than a lock and four aggregates of nothing.
	if not exists (
			select from tracker.retry t
			where t.stage = p_stage and t.batch = p_batch and t.due <= p_due) then
		jobs := '{}';
		attempts := '{}';
		flagged := '{}';
		workers := '{}';
		return;
	end if;
	with q as materialized (
		select t.job, t.attempt, t.flagged, t.worker from tracker.retry t
		where t.stage = p_stage and t.batch = p_batch and t.due <= p_due and t.job <> all (p_except)
		order by t.due limit p_want for update skip locked)
	select coalesce(array_agg(q.job), '{}'), coalesce(array_agg(q.attempt), '{}'),
		coalesce(array_agg(q.flagged), '{}'), coalesce(array_agg(q.worker), '{}')
	into jobs, attempts, flagged, workers from q;
end $$;
