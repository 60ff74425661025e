-- Whether a name stands anywhere in a text: then it may be one to be replaced. any_case: in whatever case its letters are.
--
-- Caller	erase_person, weigh_name.
-- Answer	null for null.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings.
create or replace function tracker.has_name(of_text text, name text, any_case boolean)
returns boolean
language sql
immutable
as $$
	select strpos(of_text, name) > 0
		or any_case and strpos(
			translate(lower(of_text collate "und-x-icu"), 'ςϐϑϰϖϱϕϵµ', 'σβθκπρφεμ'),
			translate(lower(name collate "und-x-icu"), 'ςϐϑϰϖϱϕϵµ', 'σβθκπρφεμ')) > 0	-- see any_form
$$;
