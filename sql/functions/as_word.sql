-- What finds a name where it stands as a word: where it begins or ends with a letter or digit, none is beside that.
--
-- Caller	without_name, weigh_name, erase_person.
-- Answer	a regular expression.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings.
create or replace function tracker.as_word(name text)
returns text
language sql
immutable
as $$
	select case when name ~ '^[[:alnum:]]' then '(?<![[:alnum:]])' else '' end
		|| tracker.any_form(name)
		|| case when name ~ '[[:alnum:]]$' then '(?![[:alnum:]])' else '' end
$$;
