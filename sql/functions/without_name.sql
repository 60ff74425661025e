-- A text in which a name is replaced where it stands.
--
-- A long name is replaced anywhere, and as a word in whatever case its letters are. One that may be a part of other words (fewer
-- than six bytes: Ann is in Annual) only as a word, and written as it is, for will and mark are words besides; one of fewer than
-- three characters is a word of its own too often (it, a), and is replaced when it is all the text. With `words` these are
-- replaced as words, too, in any case.
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
	select case when of_text = name then instead
		when octet_length(name) >= 6 then
			regexp_replace(replace(of_text, name, instead) collate "und-x-icu", tracker.as_word(name), instead, 'gi')
		when words then regexp_replace(of_text collate "und-x-icu", tracker.as_word(name), instead, 'gi')
		when char_length(name) >= 3 then regexp_replace(of_text, tracker.as_word(name), instead, 'g')
		else of_text end
$$;
