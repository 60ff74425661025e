-- A stage by its name, whatever the case, in any script; by one that it had before, where no other has it now.
--
-- Caller	pages.
-- Answer	one row, none when there is no such stage. name: the one of now.
-- Errors	none.
-- Locks	none.
-- Index	former_stage by name; stage has five rows at most.
create or replace function tracker.read_stage(of_name text)
returns table (stage int2, name text)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select s.stage, s.name from tracker.stage s
	left join tracker.former_stage f on f.stage = s.stage
		and f.name = lower(of_name collate "und-x-icu")
	where lower(s.name collate "und-x-icu") = lower(of_name collate "und-x-icu")
		or f.name is not null
	order by f.name is not null, s.stage
	limit 1
$$;
