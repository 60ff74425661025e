-- A text in which a name is replaced where it stands.
--
-- A long name is replaced anywhere. One that may be a part of other words (fewer than six bytes: Ann is in Annual) only as
-- a word; one of fewer than three characters is a word of its own too often (it, a), and is replaced when it is all the text, or with
-- `words`.
--
-- Caller	erase_person.
-- Answer	the text; null for null.
-- Errors	none.
-- Locks	none.
-- Index	none.
-- Source	runs under its caller's settings.
drop function if exists tracker.without_name(text, text, text);
create or replace function tracker.without_name(of_text text, name text, instead text, words boolean)
returns text
language sql
immutable
as $$
	select case when octet_length(name) >= 6 then replace(of_text, name, instead)
		when of_text = name then instead
		when words or char_length(name) >= 3 then regexp_replace(of_text, tracker.as_word(name), instead, 'g')
		else of_text end
$$;
