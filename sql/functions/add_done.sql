-- Counts the results of one bundle: for their stages, for the stages that they feed, for their
-- people.
--
-- Caller	complete_jobs, as its last step.
-- Answer	true. Arrays are aligned, an element an item; status null: not accepted. came: where
--		the job was when its result came, null for a lease, else retry or failed.
-- Errors	none.
-- Locks	tally, in order of stage; then credit, in order of (person, stage).
-- Index	the primary keys of both.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.add_done(persons int8[], stages int2[], status text[],
	came text[], last_stage int2)
returns boolean
language plpgsql
as $$
#variable_conflict use_column
begin
	insert into tracker.tally as t (stage, minute, slot, ready, retry, done, failed)
	select d.stage, date_trunc('minute', statement_timestamp()), tracker.own_slot(),
		sum(d.ready), sum(d.retry), sum(d.done), sum(d.failed)
	from (
		select i.stage, 0 as ready, -count(*) filter (where i.came = 'retry') as retry,
			count(*) as done, -count(*) filter (where i.came = 'failed') as failed
		from unnest(stages, status, came) as i(stage, status, came)
		where i.status is not null group by i.stage
		union all
		select (i.stage + 1)::int2, count(*), 0, 0, 0
		from unnest(stages, status) as i(stage, status)
		where i.status is not null and i.stage < last_stage group by i.stage) d
	group by d.stage
	order by d.stage
	on conflict (stage, minute, slot) do update set
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
