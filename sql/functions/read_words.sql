-- The words that batches need, and their bits.
--
-- Caller	domain/counts.c, beside read_work.
-- Answer	a row a word, 64 at most.
-- Errors	none.
-- Locks	none.
-- Index	none; word has 64 rows at most.
create or replace function tracker.read_words()
returns table ("bit" int2, word text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
	select w."bit", w.word from tracker.word w order by w."bit"
$$;
