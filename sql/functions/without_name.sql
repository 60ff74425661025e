-- A text in which a name is replaced wherever it stands.
--
-- Caller	erase_person. Of a name that is shorter than three characters only the whole text is one: else
--		every word would have it.
-- Answer	the text; null for null.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings.
create or replace function tracker.without_name(of_text text, name text, instead text)
returns text
language sql
immutable
as $$
	select case when char_length(name) >= 3 then replace(of_text, name, instead)
		when of_text = name then instead else of_text end
$$;
