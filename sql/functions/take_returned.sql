-- Chooses jobs of a batch that came back and are due, those that are due longest first. They stay in
-- retry, locked: the caller deletes those that it hands out.
--
-- Caller	deal_stage, take_behind, seat_returned. p_low: see low_of; null: from the beginning.
-- Answer	aligned arrays; workers: who had each last. due: when the first was due; null: there is none.
-- Errors	none.
-- Locks	retry: rows, SKIP LOCKED.
-- Index	retry by (stage, batch, due).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.take_returned(p_stage int2, p_batch int4, p_want int4, p_low timestamptz,
	p_due timestamptz, p_except int8[], out jobs int8[], out attempts int4[], out flagged boolean[],
	out workers int8[], out due timestamptz)
language plpgsql
as $$
#variable_conflict use_column
begin
	-- Mostly nothing is due: a look costs less than a lock and four aggregates of nothing.
	due := (
		select t.due from tracker.retry t
		where t.stage = p_stage and t.batch = p_batch
			and t.due >= coalesce(p_low, '-infinity') and t.due <= p_due
		order by t.due limit 1);
	if due is null then
		jobs := '{}';
		attempts := '{}';
		flagged := '{}';
		workers := '{}';
		return;
	end if;
	with q as materialized (
		select t.job, t.attempt, t.flagged, t.worker from tracker.retry t
		where t.stage = p_stage and t.batch = p_batch and t.due >= take_returned.due and t.due <= p_due
			and t.job <> all (p_except)
		order by t.due limit p_want for update skip locked)
	select coalesce(array_agg(q.job), '{}'), coalesce(array_agg(q.attempt), '{}'),
		coalesce(array_agg(q.flagged), '{}'), coalesce(array_agg(q.worker), '{}')
	into jobs, attempts, flagged, workers from q;
end $$;
