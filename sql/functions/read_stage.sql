-- A stage by its name, whatever the case, in any script.
--
-- Caller	pages.
-- Answer	one row, none when there is no such stage.
-- Errors	none.
-- Locks	none.
-- Index	none: at most five rows.
create or replace function tracker.read_stage(of_name text)
returns table (stage int2, name text)
language sql stable parallel safe set search_path = pg_catalog, pg_temp as $$
	select s.stage, s.name from tracker.stage s
	where lower(s.name collate "und-x-icu") = lower(of_name collate "und-x-icu")
$$;
