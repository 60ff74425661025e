-- Adds the deltas of one bundle to the counts of its stages and batches: one row for each.
--
-- Caller	the other functions, as their last or last but one step.
-- Answer	true, so that it can be called in an assignment, which is cheaper than PERFORM.
--		Arrays are aligned; a pair may come more than once; null means 0. Nothing is withdrawn here: see add_withdrawn.
-- Errors	none.
-- Locks	tally, in order of (stage, batch). Two backends may share a slot (own_slot): a clash costs a wait.
-- Index	tally's primary key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.add_tally(stages int2[], batches int4[], ready int8[], retry int8[],
	done int8[], withdrawn int8[], failed int8[])
returns boolean
language plpgsql
as $$
#variable_conflict use_column
begin
	insert into tracker.tally as t (stage, batch, minute, slot, ready, retry, done, withdrawn,
		failed)
	select d.* from (
		select u.stage, u.batch, date_trunc('minute', statement_timestamp()),
			tracker.own_slot(), sum(coalesce(u.ready, 0))::int8 as ready,
			sum(coalesce(u.retry, 0))::int8 as retry,
			sum(coalesce(u.done, 0))::int8 as done,
			sum(coalesce(u.withdrawn, 0))::int8 as withdrawn,
			sum(coalesce(u.failed, 0))::int8 as failed
		from unnest(stages, batches, ready, retry, done, withdrawn, failed)
			as u(stage, batch, ready, retry, done, withdrawn, failed)
		where u.stage is not null
		group by u.stage, u.batch) d
	where d.ready <> 0 or d.retry <> 0 or d.done <> 0 or d.withdrawn <> 0 or d.failed <> 0
	order by d.stage, d.batch
	on conflict (stage, batch, minute, slot) do update set
		ready = t.ready + excluded.ready, retry = t.retry + excluded.retry,
		done = t.done + excluded.done, withdrawn = t.withdrawn + excluded.withdrawn,
		failed = t.failed + excluded.failed;
	return true;
end $$;
