-- Adds deltas to the counts of stages and batches, as add_tally, each to those of its own minute: a result that is withdrawn,
-- or lives again, counts where it was made, so that no time ever has more than what of it stands.
--
-- Caller	return_jobs, send_back_job, undo_step and undo_take_back, as their last or last but one step.
-- Answer	true. Arrays are aligned; a pair may come more than once; null means 0. made: when the result was finished;
--		null: now.
-- Errors	none.
-- Locks	tally, in order of (stage, batch, minute). Two backends may share a slot (own_slot): a clash costs a wait.
-- Index	tally's primary key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work. Apart from add_tally
--		because the minutes would cost every claim and completion 2 %.
create or replace function tracker.add_withdrawn(stages int2[], batches int4[], ready int8[], retry int8[],
	withdrawn int8[], failed int8[], made timestamptz[])
returns boolean
language plpgsql
as $$
#variable_conflict use_column
begin
	insert into tracker.tally as t (stage, batch, minute, slot, ready, retry, withdrawn, failed)
	select u.stage, u.batch, date_trunc('minute', coalesce(u.made, statement_timestamp())), tracker.own_slot(),
		sum(coalesce(u.ready, 0)), sum(coalesce(u.retry, 0)), sum(coalesce(u.withdrawn, 0)),
		sum(coalesce(u.failed, 0))
	from unnest(stages, batches, ready, retry, withdrawn, failed, made)
		as u(stage, batch, ready, retry, withdrawn, failed, made)
	where u.stage is not null
	group by 1, 2, 3
	order by 1, 2, 3
	on conflict (stage, batch, minute, slot) do update set
		ready = t.ready + excluded.ready, retry = t.retry + excluded.retry,
		withdrawn = t.withdrawn + excluded.withdrawn, failed = t.failed + excluded.failed;
	return true;
end $$;
