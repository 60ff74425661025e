-- Is what is due longest of a batch to be done anew, as after an undo, and not in retry since somebody gave it back?
--
-- Caller	claim_fresh, when what is due longest of all batches does not say it. p_hints: see low_of.
-- Answer	yes or no; null: nothing is due.
-- Errors	none.
-- Locks	none.
-- Index	retry by (stage, batch, due).
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.is_to_be_anew(p_stage int2, p_batch int4, p_hints int8[])
returns boolean
language plpgsql
stable
as $$
begin
	return (
		select t.lease is null from tracker.retry t
		where t.stage = p_stage and t.batch = p_batch and t.due >= tracker.low_of(p_hints, p_stage)
			and t.due <= clock_timestamp()
		order by t.due limit 1);
end $$;
