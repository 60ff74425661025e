-- Counts the results of one bundle: for their stages, for the stages that they feed, for their
-- people.
--
-- Caller	complete_jobs, as its last step.
-- Answer	true. Arrays are aligned, an element an item; p_batch: of all of them, or null, when batches
--		has that of each; status null: not accepted; came: where
--		the job was when its result came, null for a lease, else retry or failed.
-- Errors	none.
-- Locks	tally, in order of (stage, batch); then credit, in order of (person, stage).
-- Index	the primary keys of both.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.add_done(persons int8[], stages int2[], p_batch int4, batches int4[], status text[],
	came text[], last_stage int2)
returns boolean
language plpgsql
as $$
#variable_conflict use_column
begin
	insert into tracker.tally as t (stage, batch, minute, slot, ready, retry, done, failed)
	select d.stage, d.batch, date_trunc('minute', statement_timestamp()), tracker.own_slot(),
		sum(d.ready), sum(d.retry), sum(d.done), sum(d.failed)
	from (
		select i.stage, coalesce(p_batch, i.batch) as batch, 0 as ready, -count(*) filter (where i.came = 'retry') as retry,
			count(*) as done, -count(*) filter (where i.came = 'failed') as failed
		from unnest(stages, batches, status, came) as i(stage, batch, status, came)
		where i.status is not null group by 1, 2
		union all
		select (i.stage + 1)::int2, coalesce(p_batch, i.batch), count(*), 0, 0, 0
		from unnest(stages, batches, status) as i(stage, batch, status)
		where i.status is not null and i.stage < last_stage group by 1, 2) d
	group by d.stage, d.batch
	order by d.stage, d.batch
	on conflict (stage, batch, minute, slot) do update set
		ready = t.ready + excluded.ready, retry = t.retry + excluded.retry,
		done = t.done + excluded.done, failed = t.failed + excluded.failed;

	insert into tracker.credit as c (person, stage, minute, slot, done)
	select i.person, i.stage, date_trunc('minute', statement_timestamp()),
		tracker.own_slot(), count(*)
	from unnest(persons, stages, status) as i(person, stage, status)
	where i.status is not null
	group by i.person, i.stage
	order by i.person, i.stage
	on conflict (person, stage, minute, slot) do update set done = c.done + excluded.done;
	return true;
end $$;
