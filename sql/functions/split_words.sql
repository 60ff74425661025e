-- Words as they are written, with commas or blanks between: small, each once, in alphabetical order.
--
-- Caller	set_batch_needs.
-- Answer	the words; none for an empty text.
-- Errors	TR003: one is no word, with what a word is.
-- Locks	none.
-- Index	none.
-- Source	the same rule as domain/words.c, which passes over what is none, for whatever a worker says is
--		harmless.
create or replace function tracker.split_words(said text)
returns text[]
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
	v_words text[] := array(
		select distinct lower(u.word collate "C")
		from regexp_split_to_table(coalesce(said, ''), '[, ]+') as u(word)
		where u.word <> '' order by 1);
	v_bad text := (select u.word from unnest(v_words) as u(word)
		where u.word !~ '^[a-z0-9][a-z0-9._-]{0,31}$' limit 1);
begin
	if v_bad is not null then
		raise exception '"%" is no word: it takes letters a to z, digits, dot, hyphen and underscore, 32 at most',
			left(regexp_replace(v_bad, '[^!-~]', '?', 'g'), 40) using errcode = 'TR003';
	end if;
	return v_words;
end $$;
