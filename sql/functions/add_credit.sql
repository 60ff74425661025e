-- Credits people with results, or takes credit back.
--
-- Caller	complete_jobs, return_jobs and send_back_job, as their last step.
-- Answer	true. Arrays are aligned; a pair of person and stage may come more than once.
-- Errors	none.
-- Locks	credit, in order of (person, stage); taken after tally.
-- Index	credit's primary key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.add_credit(persons int8[], stages int2[], done int8[],
	withdrawn int8[])
returns boolean
language plpgsql
as $$
#variable_conflict use_column
begin
	insert into tracker.credit as c (person, stage, minute, slot, done, withdrawn)
	select u.person, u.stage, date_trunc('minute', statement_timestamp()),
		tracker.own_slot(),
		sum(coalesce(u.done, 0))::int8, sum(coalesce(u.withdrawn, 0))::int8
	from unnest(persons, stages, done, withdrawn) as u(person, stage, done, withdrawn)
	where u.person is not null
	group by u.person, u.stage
	order by u.person, u.stage
	on conflict (person, stage, minute, slot) do update set
		done = c.done + excluded.done, withdrawn = c.withdrawn + excluded.withdrawn;
	return true;
end $$;
