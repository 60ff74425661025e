-- Credits people with results, or takes credit back.
--
-- Caller	return_jobs, send_back_job, undo_step and undo_take_back, as their last step.
-- Answer	true. Arrays are aligned; a pair of person and stage may come more than once; null means 0. kept:
--		of results that are set aside and credited all the same; made: as in add_withdrawn.
-- Errors	none.
-- Locks	credit, in order of (person, stage, minute); taken after tally.
-- Index	credit's primary key.
-- Source	runs under its caller's settings: a SET of its own would cost as much as the work.
create or replace function tracker.add_credit(persons int8[], stages int2[], done int8[],
	withdrawn int8[], kept int8[] default null, made timestamptz[] default null)
returns boolean
language plpgsql
as $$
#variable_conflict use_column
begin
	insert into tracker.credit as c (person, stage, minute, slot, done, withdrawn, kept)
	select u.person, u.stage, date_trunc('minute', coalesce(u.made, statement_timestamp())),
		tracker.own_slot(),
		sum(coalesce(u.done, 0))::int8, sum(coalesce(u.withdrawn, 0))::int8,
		sum(coalesce(u.kept, 0))::int8
	from unnest(persons, stages, done, withdrawn, kept, made)
		as u(person, stage, done, withdrawn, kept, made)
	where u.person is not null
	group by 1, 2, 3
	order by 1, 2, 3
	on conflict (person, stage, minute, slot) do update set
		done = c.done + excluded.done, withdrawn = c.withdrawn + excluded.withdrawn,
		kept = c.kept + excluded.kept;
	return true;
end $$;
